"""Every benchmark runs on a small log and prints whole tables."""

import ast
import pathlib
import subprocess
import sys

import polars as pl
import pytest

from experiments.benchmarks import answer, measure, peers, size

DIRECTORY = pathlib.Path(measure.__file__).parent
FILES = [
    path
    for path in sorted(DIRECTORY.glob("*.py"))
    if "def main(" in path.read_text(encoding="utf-8")
]


def tables(text: str) -> list[list[list[str]]]:
    """Returns the rows of each Markdown table without its header, as lists of cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block[:1] == "|"]
    return [
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in block[2:]]
        for block in blocks
    ]


def test_times_are_of_functions_run_in_turns() -> None:
    calls: list[str] = []
    functions = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = measure.interleaved(functions, repeats=3, warm_up=1)
    assert calls == ["a", "b"] * 4
    assert set(times) == {"a", "b"}
    calls.clear()
    measure.interleaved(functions, repeats=4, warm_up=0, block=2)
    assert calls == ["a", "a", "b", "b"] * 2


@pytest.mark.thorough
def test_processes_of_a_command_are_counted_together() -> None:
    child = "x = bytearray(10**8); import time; end = time.process_time() + 1.5\n"
    child += "while time.process_time() < end: x[::4096] = x[::4096]"
    parent = "import subprocess, sys; run = [sys.executable, '-c', sys.argv[1]]\n"
    parent += "for one in [subprocess.Popen(run) for _ in range(2)]: one.wait()"
    cost = measure.run([sys.executable, "-c", parent, child])
    assert 200 < cost.mebibytes < 300
    assert 1.0 < cost.core_seconds < 4.0  # of both
    with pytest.raises(subprocess.CalledProcessError) as raised:
        measure.run([sys.executable, "-c", "raise SystemExit('the reason')"])
    assert b"the reason" in raised.value.output


def test_the_log_has_the_stated_size(tmp_path: pathlib.Path) -> None:
    size.write_log(tmp_path / "log", num_videos=50, num_watches=200)
    watches = pl.read_parquet(tmp_path / "log" / "watches.parquet")
    assert watches.height == 200
    assert watches["video_id"].n_unique() == 50
    assert watches["user_id"].max() < 20
    size.write_day(tmp_path / "day", num_videos=50, num_watches=200)
    day = pl.read_parquet(tmp_path / "day" / "watches.parquet")
    assert day["time"].min() > watches["time"].max()


@pytest.mark.slow
def test_size(capsys: pytest.CaptureFixture[str]) -> None:
    few = [f"--config.{name}.training.epochs=1" for name in ("candidates", "ranking")]
    size.main(["--videos=300", "--watches=6000", *few])
    (rows,) = tables(capsys.readouterr().out)
    assert len(rows) == 9
    assert all(float(row[1].replace(",", "")) > 50 for row in rows)


@pytest.mark.slow
def test_answer(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    answer.main(["--videos=2000", "--repeats=5", f"--workdir={tmp_path}"])
    times, memory = tables(capsys.readouterr().out)
    medians = {(row[0], row[1]): float(row[2]) for row in times}
    for name in ("recommender", "recommender_exact"):
        assert 0.0 < medians[name, "index"] < medians[name, "whole"]
        assert 0.0 < medians[name, "whole, 1 % allowed"] < 1e4
    assert float(memory[-1][1].replace(",", "")) > 0


def test_rates_leave_the_first_epoch_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(peers.prepared, "load", lambda path: None)
    monkeypatch.setattr(peers, "examples", lambda data: ([], [0] * 30))
    monkeypatch.setattr(peers, "ours", lambda workdir, epochs: 10.0 + epochs)
    monkeypatch.setattr(peers, "theirs", lambda workdir, epochs: 5.0 + 3.0 * epochs)
    (rows,) = tables(peers.table(tmp_path, turns=3, epochs=2))
    assert rows == [["ytdnn", "30", ""], ["TFRS tutorial", "10", "3.00"]]


@pytest.mark.slow
def test_peers(capsys: pytest.CaptureFixture[str]) -> None:
    peers.main(["--videos=500", "--epochs=9", "--turns=1"])
    (rows,) = tables(capsys.readouterr().out)
    assert [row[0] for row in rows] == ["ytdnn", "TFRS tutorial"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_benchmark_is_indexed(path: pathlib.Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert text.splitlines()[0].endswith("?")
    assert f"python -m experiments.benchmarks.{path.stem}" in text
    index = (DIRECTORY.parent / "README.md").read_text(encoding="utf-8")
    assert f"(benchmarks/{path.name})" in index
