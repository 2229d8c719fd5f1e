"""An evaluation on disk: numbers, page and scalars, whole or not at all."""

import pathlib

import polars as pl
import pytest

from tests.pages import example
from ytdnn import artifacts
from ytdnn.evaluation import measure, report_files
from ytdnn.pages import files, tensorboard


def result() -> measure.Result:
    frame = pl.DataFrame({"user_id": ["u1"], "answers": [1]})
    report = example.report() | {"config": {"evaluation": {"ks": [10, 50, 100]}}}
    return measure.Result(report, frame, {"data": "0" * 16})


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
    assert manifest.config == {"ks": [10, 50, 100]}
    assert report_files.read(directory).report == result().report


@pytest.mark.parametrize(
    ("place", "name"),
    [("mine/evaluation", "mine"), ("als_evaluation", "als_evaluation")],
)
def test_the_page_is_called_by_its_run_or_its_directory(
    tmp_path: pathlib.Path, place: str, name: str
) -> None:
    files.write(tmp_path / place, result())
    text = (tmp_path / place / "report.html").read_text()
    assert f"<h1>Evaluation of {name}</h1>" in text


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
