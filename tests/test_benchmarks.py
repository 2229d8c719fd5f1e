"""Every benchmark runs in its tiny form and prints whole tables."""

import ast
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from experiments.benchmarks import (
    accelerator,
    answer,
    bulk,
    daily_log,
    delta,
    exact_search,
    filters,
    index,
    long_log,
    measure,
    processes,
    ranking,
    sampled_gradient,
    serve,
    serve_processes,
    sharded_tables,
    ten_million,
    train_step,
    vectors,
    whole_log,
)
from experiments.benchmarks import input as input_benchmark
from experiments.benchmarks.peers import __main__ as peers
from experiments.benchmarks.peers import logs, measuring, pace, systems
from ytdnn.base import errors
from ytdnn.ops.spark import session

DIRECTORY = pathlib.Path(measure.__file__).parent
FILES = {
    path.stem: path
    for path in sorted(DIRECTORY.glob("*.py"))
    if "def main(" in path.read_text()
} | {path.parent.name: path for path in DIRECTORY.glob("*/__main__.py")}


def _tables(text):
    """Returns the rows of each Markdown table, header first, as lists of cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block[:1] == "|"]
    return [
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in block]
        for block in blocks
    ]


@pytest.mark.thorough
def test_train_step(capsys):
    train_step.main(["--tiny", "--repeats=2", "--parts", "flat", "full"])
    flat, full = _tables(capsys.readouterr().out)
    assert [row[1] for row in flat[2:]] == ["products", "50", "100", "products", "100"]
    assert all(float(row[2]) > 0 for row in flat[2:])
    assert [row[0] for row in full[2:]] == ["sampled", "full", "ratio"]


def test_vectors(capsys):
    vectors.main(["--videos=300", "--width=8", "--repeats=2"])
    lines = capsys.readouterr().out.splitlines()
    names = [line.partition(":")[0] for line in lines]
    assert names == ["write", "rows", "products", "nearest"]


def test_products_are_counted_by_hand():
    # Layers 8 → 16 → 8 → 8 of 32 examples, then 32 + 64 columns of 8; each thrice.
    layers = 32 * (8 * 16 + 16 * 8 + 8 * 8)
    softmax = 32 * 96 * 8
    flops = sum(p.flops for p in train_step.products(train_step.TINY))
    assert flops == 3 * 2 * (layers + softmax)


@pytest.mark.thorough
def test_delta(capsys):
    delta.main(["--tiny", "--repeats=2"])
    (table,) = _tables(capsys.readouterr().out)
    assert table[0][1:] == ["0", "1%", "5%", "10%", "20%", "50%"]
    assert all(float(cell) > 0 for row in table[2:] for cell in row[1:])


@pytest.mark.thorough
def test_sampled_gradient(capsys):
    sampled_gradient.main(["--tiny"])
    (table,) = _tables(capsys.readouterr().out)
    assert len(table) == 2 + 4 * len(sampled_gradient.TREATMENTS)
    cosines = [
        float(c) for row in table[2:] for cell in row[2:] for c in cell.split("/")
    ]
    assert all(-1 <= cosine <= 1.0001 for cosine in cosines)


@pytest.mark.thorough
def test_ranking(capsys):
    ranking.main(["--tiny", "--repeats=3"])
    training, scoring = _tables(capsys.readouterr().out)
    rates = {row[0]: float(row[2].replace(",", "")) for row in training[2:]}
    assert rates["step of a given batch"] < rates["products alone"]
    assert len(scoring) == 2 + 2 * 7
    for _, _, _, median, p99, core in scoring[2:]:
        assert 0.0 < float(median) <= float(p99)
        assert float(core) > 0.0


@pytest.mark.slow
def test_ten_million(capsys, tmp_path):
    ten_million.main(["--tiny", "--repeats=5", f"--workdir={tmp_path}"])
    made, answered = _tables(capsys.readouterr().out)
    steps = [row[0] for row in made[2:]]
    assert steps == ["prepare", "candidates", "index", "bundle"]
    assert all(float(row[1].replace(",", "")) > 100 for row in made[2:])
    found = {row[0]: float(row[1].replace(",", "")) for row in answered[2:]}
    assert 0.5 < found["recall@200"] <= 1.0
    assert 0.0 < found["p50 ms"] <= found["p99 ms"]
    assert found["own MiB"] > 100
    ten_million.main(["--tiny", f"--workdir={tmp_path}"])  # nothing is made again
    assert _tables(capsys.readouterr().out)[0] == made


@pytest.mark.slow
def test_answer_exact_search_and_filters(capsys, tmp_path):
    answer.main(["--tiny", "--repeats=5", f"--workdir={tmp_path}"])
    times, memory = _tables(capsys.readouterr().out)
    parts = {(row[0], row[1]): float(row[2]) for row in times[2:]}
    for name in ("recommender_exact", "recommender_lsh"):
        assert parts[name, "index"] > 0.0
        assert 0.0 < parts[name, "ranker"] < 1e4
        assert parts[name, "user tower"] < parts[name, "whole"]
    assert float(memory[-1][1].replace(",", "")) > 0
    exact_search.main(["--tiny", "--repeats=5", f"--workdir={tmp_path}"])
    out = capsys.readouterr().out
    assert "vectors of 65 coordinates" in out  # with the bias, as served
    (table,) = _tables(out)
    assert [row[0] for row in table[2:]] == ["1"] * 5 + ["32"] * 4
    ratios = {row[1]: float(row[4]) for row in table[2:]}
    assert ratios["tf.matmul"] == 1.0
    assert ratios["index_exact"] > 0.0
    filters.main(["--tiny", "--repeats=5", f"--workdir={tmp_path}"])
    (table,) = _tables(capsys.readouterr().out)
    exact = [row for row in table[2:] if row[0] == "index_exact"]
    assert [row[1] for row in exact] == ["none", "50 %", "1 %", ".01 %"]
    assert {row[7] for row in exact} == {"1.000"}


@pytest.mark.slow
def test_serve(capsys, tmp_path):
    serve.main(["--tiny"])
    out = capsys.readouterr().out
    loads, parts, most, swaps = _tables(out)
    assert [row[0] for row in loads[2:]] == ["off", "on"]
    assert [row[3] for row in loads[2:]] == ["0", "0"]  # failed
    assert all(int(row[2].replace(",", "")) > 0 for row in loads[2:])
    assert [row[0] for row in parts[2:]] == ["off", "on"]
    assert len(most) == 4
    assert swaps[2][:2] == ["1", "2"]
    assert swaps[2][3] == "0"


@pytest.mark.slow
def test_serve_processes(capsys):
    cores = sorted(os.sched_getaffinity(0))
    two = f"{cores[0]},{cores[-1]}"
    serve_processes.main(["--tiny", f"--cores={two}"])
    (table,) = _tables(capsys.readouterr().out)
    assert [row[0] for row in table[2:]] == ["1", "2"]
    assert [row[2] for row in table[2:]] == ["0", "0"]  # failed
    assert all(int(row[1].replace(",", "")) > 0 for row in table[2:])
    assert all(float(row[5].partition(" ")[0]) > 0 for row in table[2:])


@pytest.mark.slow
def test_bulk(capsys):
    bulk.main(["--tiny", "--turns=1"])
    turns, whole = _tables(capsys.readouterr().out)
    assert [row[0] for row in turns[2:]] == [
        "products alone",
        "products and best k",
        "all, written",
    ]
    assert all(float(row[1].replace(",", "")) > 0 for row in turns[2:])
    assert [row[:2] for row in whole[2:]] == [
        ["without", "300"],
        ["with the ranker", "20"],
    ]


@pytest.mark.slow
def test_accelerator(capsys):
    accelerator.main(["--tiny", "--repeats=2"])
    out = capsys.readouterr().out
    (table,) = _tables(out)
    assert [row[0] for row in table[2:4]] == ["CPU", "CPU, by XLA"]
    assert all(row[1] == "same" for row in table[2:])
    assert len(table) > 4 or "no accelerator: unrun" in out


@pytest.mark.slow
def test_sharded_tables(capfd):
    sharded_tables.main(["--tiny", "--videos=100", "--repeats=2"])
    steps, memory = _tables(capfd.readouterr().out)
    assert [row[0] for row in steps[2:]] == ["50", "100"]
    assert [row[0] for row in memory[2:]] == ["chief 0", "ps 0", "ps 1", "worker 0"]


@pytest.mark.thorough
def test_input(capsys):
    input_benchmark.main(["--tiny", "--repeats=1"])
    (table,) = _tables(capsys.readouterr().out)
    assert [row[0] for row in table[2:]] == ["now", "plain way"]


@pytest.mark.thorough
def test_index(capsys):
    index.main(["--tiny"])
    out = capsys.readouterr().out
    tables = _tables(out)
    assert len(tables) in (1, 2)  # one core, and all of them where there are more
    for table in tables:
        names = [row[0] for row in table[2:]]
        assert names[:4] == ["empty call", "read", "matvec", "ytdnn exact"]
        assert "ytdnn LSH" in names
        for name, recall, p50, p99, *_, ratio in table[2:]:
            assert 0.0 < float(p50) <= float(p99)
            assert float(ratio) > 0.0
            assert name in names[:3] or float(recall) >= 0.9
    for peer in ("hnswlib", "faiss", "usearch"):
        assert peer in out  # measured, or said to be missing


def test_index_of_given_vectors(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(index, "systems", lambda number: [index._exact()])
    vectors, queries = index.clustered(300, 8, 5)
    np.save(tmp_path / "vectors.npy", vectors)
    np.save(tmp_path / "queries.npy", queries)
    given = [f"--{name}={tmp_path / name}.npy" for name in ("vectors", "queries")]
    index.main([*given, "--k=7"])
    assert "300 × 8, k 7" in capsys.readouterr().out


def test_medians_are_of_functions_run_in_turns():
    calls = []
    functions = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = measure.interleaved(functions, repeats=3, warm_up=1)
    assert calls == ["a", "b"] * 4
    assert set(seconds) == {"a", "b"}


@pytest.mark.slow
def test_long_log(capsys, tmp_path):
    long_log.main(["--tiny", f"--scratch={tmp_path}"])
    (prepared, table) = _tables(capsys.readouterr().out)
    assert [row[:2] for row in prepared[2:]] == [["500", "polars"], ["4,000", "polars"]]
    (few, many) = table[2:]
    assert [few[2], many[2]] == ["2", "9"]
    assert int(many[3]) > 1
    assert all(float(row[-1]) > 0 for row in (few, many))


@pytest.mark.slow
def test_long_log_by_each_engine(capsys, tmp_path):
    pytest.importorskip("pyspark", reason="needs the extra: pip install 'ytdnn[spark]'")
    if (session.java_version() or 0) < 17:
        pytest.skip("needs Java 17 or newer")
    flags = ["--tiny", "--steps=0", f"--scratch={tmp_path}"]
    long_log.main([*flags, "--engines", "polars", "spark"])
    (table,) = _tables(capsys.readouterr().out)
    assert [row[1] for row in table[2:]] == ["polars", "spark"] * 2
    assert {row[-1] for row in table[2:]} == {"yes"}
    memory = {row[1]: int(row[4].replace(",", "")) for row in table[2:]}
    assert memory["spark"] > memory["polars"] + 200  # the JVM and Python workers too


@pytest.mark.thorough
def test_processes_of_a_command_are_counted_together(monkeypatch):
    monkeypatch.setattr(processes, "_SECONDS", 0.1)  # between two looks
    child = "x = bytearray(10**8); import time; end = time.process_time() + 1.0\n"
    child += "while time.process_time() < end: x[::4096] = x[::4096]"
    parent = "import subprocess, sys; run = [sys.executable, '-c', sys.argv[1]]\n"
    parent += "for one in [subprocess.Popen(run) for _ in range(2)]: one.wait()"
    used = processes.run([sys.executable, "-c", parent, child])
    assert 200 < used.mebibytes < 300
    assert 1.0 < used.core_seconds < 3.0  # of both
    assert used.seconds > 1.0
    with pytest.raises(subprocess.CalledProcessError) as raised:
        processes.run([sys.executable, "-c", "raise SystemExit('why it failed')"])
    assert b"why it failed" in raised.value.output


@pytest.fixture
def small_log(tmp_path):
    return logs.made(400, tmp_path)


def test_peers_get_the_log_without_its_last_watches(small_log):
    data, events = small_log.data, pace.Events.read(str(small_log.events))
    user = int(small_log.cases.users[0])
    start, end = data.watches.offsets[user], small_log.cases.ends[0]
    watched = np.asarray(data.watches.videos)[start:end]
    place = slice(events.offsets[user], events.offsets[user + 1])
    np.testing.assert_array_equal(events.videos[place], watched)
    row = events.of_asked(60)[0]
    np.testing.assert_array_equal(row[-len(watched) :], watched)
    assert not row[: -len(watched)].any()
    assert row[-1] != np.asarray(data.watches.videos)[end]


def test_an_example_is_a_watch_with_those_before_it():
    events = pace.Events(
        offsets=np.array([0, 3, 4, 6]),
        videos=np.array([5, 6, 7, 8, 9, 5], np.int32),
        times=np.arange(6),
        num_videos=9,
        asked=np.array([0]),
        asked_times=np.array([3]),
    )
    histories, labels = events.examples(length=2, most=0)
    found = {
        (*row, label) for row, label in zip(histories.tolist(), labels, strict=True)
    }
    # The first watches of the three users, 5, 8 and 9, have nothing before them.
    assert found == {(0, 5, 6), (5, 6, 7), (0, 9, 5)}
    assert len(events.examples(length=2, most=1)[1]) == 1


def test_vectors_and_lists_are_scored_alike(small_log, tmp_path):
    data, cases = small_log.data, small_log.cases
    users = np.eye(len(cases), dtype=np.float32)
    videos = np.zeros((data.vocabulary_size, len(cases)), np.float32)
    # The right answer of every case but the first is its best; watched ones are better.
    videos[cases.targets.values[1:] - 1, np.arange(1, len(cases))] = 1.0
    videos[cases.watched.values - 1, cases.watched.rows] = 2.0
    lists = np.zeros((len(cases), logs.K), np.int32)
    lists[1:, 0] = cases.targets.values[1:]
    lists[0, 0] = cases.watched.values[0]
    for name, arrays in (
        ("vectors", {"users": users, "videos": videos}),
        ("lists", {"lists": lists}),
    ):
        np.savez(tmp_path / f"{name}.npz", **arrays)
    by_lists = small_log.hit_rate(str(tmp_path / "lists.npz"))
    assert by_lists == pytest.approx((len(cases) - 1) / len(cases))
    by_vectors = small_log.hit_rate(str(tmp_path / "vectors.npz"))
    # The first has only ties, of which the ten lowest numbers are listed.
    assert by_lists <= by_vectors <= 1.0


def test_a_ratio_is_the_median_of_pairs_of_turns():
    # 6 / 2, 4 / 4 and 100 / 10; the ratio of the medians is 6 / 4.
    rates = measuring.Rates(ours=[6.0, 4.0, 100.0], others=[2.0, 4.0, 10.0])
    assert rates.ratio == 3.0


@pytest.mark.thorough
def test_peers(capsys):
    # A process for each system and part; `large` is `rates` of a larger log.
    peers.main(["--tiny", "--only", "TFRS", "--parts", "rates", "hits"])
    rates, trained = _tables(capsys.readouterr().out)
    assert [row[0] for row in rates[2:]] == ["ytdnn", "TFRS tutorial"]
    for _, rate, ratio, mebibytes in rates[2:]:
        assert float(rate.replace(",", "")) > 0.0
        assert float(ratio) > 0.0
        assert float(mebibytes.replace(",", "")) > 100.0
    assert [row[0] for row in trained[2:]] == ["ytdnn", "TFRS tutorial"]
    for _, first, second, _, after, _, _ in trained[2:]:
        assert all(0.0 <= float(rate) <= 1.0 for rate in (first, second, after))


@pytest.mark.slow
def test_peers_in_environments_of_their_own(capsys, tmp_path):
    try:
        peers.main(["--tiny", "--only", "YoutubeDNN", "SASRec", "HSTU"])
    except errors.UserError as error:
        pytest.skip(f"needs the packages of the peers: {error}")
    small, trained, large = _tables(capsys.readouterr().out)
    names = ["ytdnn", *(one.name for one in systems.OTHERS if one.packages)]
    for table in (small, trained, large):
        assert [row[0] for row in table[2:]] == names
        assert not any("falls out" in cell for row in table for cell in row)


def test_a_system_that_falls_out_says_why(monkeypatch, tmp_path):
    bench = measuring.Bench(
        systems.chosen(["TFRS"]), {}, 1.0, pace.Task("", "", ""), ""
    )
    found = {
        "ytdnn": measuring.Rates(mebibytes=900.0),
        "TFRS tutorial": measuring.Rates(failed="no memory"),
    }
    (table,) = _tables(peers.rate_table(bench, found))
    assert table[-1] == ["TFRS tutorial", "falls out: no memory", "", ""]


def test_requirements_of_peers_are_those_of_the_extra():
    for peer in systems.OTHERS:
        found = systems.requirements(peer.packages)
        assert len(found) == len(peer.packages)
        assert all(">=" in line for line in found)
    with pytest.raises(ValueError, match="numba"):
        systems.requirements(("numba",))


@pytest.mark.thorough
def test_an_environment_that_cannot_be_made_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(systems, "requirements", lambda packages: ["no-such==0"])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    peer = systems.chosen(["SASRec"])[0]
    with pytest.raises(errors.UserError, match=r"expected no-such==0 .* --only"):
        systems.python(peer, tmp_path)
    assert not (tmp_path / peer.module / "requirements.txt").exists()


@pytest.mark.parametrize("name", FILES)
def test_a_benchmark_says_what_it_asks_and_is_indexed(name):
    path = FILES[name]
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert text.splitlines()[0].endswith("?")
    assert "Claim" in text
    assert f"python -m experiments.benchmarks.{name}" in text
    assert "Measured 20" in text
    index = (DIRECTORY.parent / "README.md").read_text()
    assert f"(benchmarks/{path.relative_to(DIRECTORY)})" in index


@pytest.mark.slow
def test_daily_log(capsys, tmp_path):
    sizes = ["--watches=3000", "--days=3", "--shard=1000", f"--scratch={tmp_path}"]
    daily_log.main(sizes)
    (table,) = _tables(capsys.readouterr().out)
    assert [row[0] for row in table[2:]] == [
        "2 days, none kept",
        "3 days, one new",
        "3 days, without --parts",
    ]
    assert table[3][-1] == "yes"


@pytest.mark.slow
def test_whole_log(capsys, tmp_path):
    sizes = ["--users=100", "--videos=100", "--shard=2000", "--window=2000"]
    whole_log.main([*sizes, "--watches", "4000", "8000", f"--scratch={tmp_path}"])
    (table,) = _tables(capsys.readouterr().out)
    assert [row[0] for row in table[2:]] == [
        "prepare",
        "train",
        "evaluate, one window",
        "evaluate, windows",
        "export",
        "recommend, one user",
        "recommend, 10,000 users",
        "refresh, one day",
    ]
    assert all(float(row[1].replace(",", "")) > 0 for row in table[2:])
