"""`ytdnn live`: a table, a page, and one line for each mistake."""

import json
import pathlib

import pytest

from ytdnn.run.cli import main

TINY = (
    "--preset=tiny",
    "--config.data.world.live_days=2",
    "--config.data.world.num_users=60",
    "--config.data.world.num_days=10",
)


def test_built_in_arms(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "live"
    argv = ["live", "--arms=logging,bound", f"--out={out}", *TINY]
    assert not main.main(argv)
    text = capsys.readouterr().out
    for words in ("watch seconds per visit", "against logging", "report.html"):
        assert words in text
    assert json.loads((out / "report.json").read_text())["test"]["days"] == 2
    assert (out / "logs" / "bound" / "watches.parquet").exists()
    first = (out / "report.json").read_bytes()
    assert not main.main(argv)  # every day is there
    assert (out / "report.json").read_bytes() == first


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--arms=logging,bound"], "name one with --preset"),
        (["--arms=logging,bound", "--preset=tiny"], "found live_days 0"),
        (["--arms=logging,bound", *TINY[1:]], "expected --preset with --config."),
        (["--arms=logging,best", *TINY], "received 'best'"),
        (["--arms=logging", *TINY], "at least two arms"),
        (["--arms=logging,bound", "--days=3", *TINY], "live_days, 2, received 3"),
        (["--arms=logging,bound", "--days=0", *TINY], "--days to be a whole number"),
        (["--arms=logging,bound", "--seed=x", *TINY], "--seed to be a whole number"),
        (["--arms=logging,bound", "--preset=tinny"], "tiny"),
        (["--arms=logging,mine=nowhere", *TINY], "found no data"),
        (["--arms=logging,a=b", "--refresh_days=c=1"], "name arms that are runs (a)"),
        (["--arms=logging,bound", "--refresh_days=bound=1"], "(there is none)"),
        (["--arms=logging,a=b", "--counters=logging"], "name arms that are runs (a)"),
        (["--arms=logging,a=b", "--refresh_days=a=-1"], "received '-1'"),
        (["--arms=logging,a=b", "--refresh_days=a=x"], "to be a whole number"),
        (["--arms=logging,a=b", "--refresh_days=a=1,a=2"], "each name once"),
    ],
)
def test_mistakes_are_one_line(
    argv: list[str],
    message: str,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.main(["live", *argv, f"--out={tmp_path / 'live'}"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
