"""A user's own candidate model by the commands: train, evaluate, compare, recommend."""

import json
import pathlib
import shutil

import pytest

from tests import planted
from ytdnn.run.cli import main

EXAMPLES = pathlib.Path(__file__).parents[3] / "docs" / "examples" / "ytdnn_extras"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Runs of a planted log: a model of `implicit`, and a counted one of a file."""
    home = tmp_path_factory.mktemp("runs")
    planted.write_log(home / "log")
    for name, settings in (
        ("implicit_bpr", ["--config.candidates.model.factors=8"]),
        ("last_day", ["--config.evaluation.baselines=als,last_day"]),
    ):
        shutil.copy(EXAMPLES / f"{name}.py", home)
        run = [
            "run",
            "--source=log",
            f"--data_dir={home / 'log'}",
            f"--workdir={home / name}",
            f"--config.extensions={home / name}.py",
            f"--config.candidates.model={name}",
            *settings,
        ]
        assert main.main(run) == 0
    return home


def report(directory: pathlib.Path) -> dict:
    return json.loads((directory / "evaluation" / "report.json").read_text())


def test_the_planted_tastes_are_found(runs: pathlib.Path) -> None:
    lists = report(runs / "implicit_bpr")["lists"]
    recall = {name: entry["values"]["recall@10"] for name, entry in lists.items()}
    assert recall["candidates"] > recall["popularity"]


def test_a_model_is_a_baseline_of_that_name(runs: pathlib.Path) -> None:
    lists = report(runs / "last_day")["lists"]
    assert lists["last_day"]["values"] == lists["candidates"]["values"]
    assert {"als", "popularity"} <= set(lists)


def test_runs_are_compared(
    runs: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(runs / name) for name in ("implicit_bpr", "last_day")]
    assert main.main(["compare", *names]) == 0
    assert "recall@10" in capsys.readouterr().out


def test_users_are_answered_without_what_they_watched(
    runs: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workdir = f"--workdir={runs / 'last_day'}"
    assert main.main(["recommend", workdir, "--user=u0", "--k=3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [video["rank"] for video in found["videos"]] == [1, 2, 3]
    out = runs / "lists.csv"
    asked = ["recommend", workdir, "--users=all", "--k=3", f"--out={out}"]
    assert main.main(asked) == 0
    assert out.read_text().startswith("user_id,rank,video_id")


def test_what_needs_vectors_is_refused(
    runs: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workdir = f"--workdir={runs / 'last_day'}"
    assert main.main(["export", workdir]) == 2
    assert "expected candidates.model=network, received" in capsys.readouterr().err
    for command in (["refit"], ["index", "tune"]):
        assert main.main([*command, workdir]) == 2
        assert "makes lists and no vectors" in capsys.readouterr().err
    assert main.main(["recommend", workdir, "--user=u0", "--noranker"]) == 2
    assert "which has no bundle, received --ranker" in capsys.readouterr().err
    assert main.main(["recommend", workdir, "--user=nobody"]) == 2
    assert "expected users of the log, received 'nobody'" in capsys.readouterr().err
