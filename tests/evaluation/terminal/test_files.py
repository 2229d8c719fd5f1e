"""An evaluation on disk: numbers, page and scalars, whole or not at all."""

import pathlib

import polars as pl
import pytest

from tests.evaluation.terminal import example
from ytdnn.base import artifacts
from ytdnn.evaluation import report_files
from ytdnn.evaluation.terminal import files
from ytdnn.lab.pages import tensorboard


def result() -> report_files.Result:
    frame = pl.DataFrame({"user_id": ["u1"], "answers": [1]})
    return report_files.Result(example.typed(), frame, {"data": "0" * 16})


def test_the_page_and_the_scalars_lie_beside_the_numbers(
    tmp_path: pathlib.Path,
) -> None:
    directory = tmp_path / "mine" / "evaluation"
    for _ in range(2):  # the second time in place of the first
        files.write(directory, result())
    assert {path.name for path in directory.iterdir()} == {
        "manifest.json",
        "report.json",
        "report.html",
        "users.parquet",
        "logs",
    }
    assert len(list((directory / "logs" / "candidates").iterdir())) == 1
    assert list(directory.parent.iterdir()) == [directory]
    manifest = artifacts.read_manifest(directory, "evaluation", deep=True)
    assert manifest.inputs == {"data": "0" * 16}
    config = example.report()["config"]
    names = ("composition", "evaluation")  # what it depends on, beside its inputs
    assert manifest.config == {name: config[name] for name in names}
    assert report_files.read(directory).report == result().report
    text = (directory / "report.html").read_text()
    assert "<h1>Evaluation of mine</h1>" in text


def test_a_kill_in_the_middle_leaves_what_was_there(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    files.write(tmp_path / "evaluation", result())
    before = artifacts.read_manifest(tmp_path / "evaluation", "evaluation")
    monkeypatch.setattr(tensorboard, "write", killed)
    for name in ("evaluation", "evaluation_validation"):
        with pytest.raises(KeyboardInterrupt):
            files.write(tmp_path / name, result())
    assert artifacts.read_manifest(tmp_path / "evaluation", "evaluation") == before
    assert not (tmp_path / "evaluation_validation").exists()
