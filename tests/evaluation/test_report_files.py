"""Evaluations read back from wherever they are named, or refused in one line."""

import json
import pathlib

import polars as pl
import pytest

from tests.evaluation import example
from ytdnn.base import artifacts, errors
from ytdnn.evaluation import report_files
from ytdnn.lab.pages import evaluation_page


@pytest.fixture
def run(tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "config.json").write_text("{}")
    return directory


def write(directory: pathlib.Path) -> pathlib.Path:
    frame = pl.DataFrame({"user_id": ["u1"], "answers": [1]})
    with report_files.publish(
        directory, report_files.Result(example.typed(), frame, {})
    ):
        pass
    return directory


def rewrite(directory: pathlib.Path, report: object) -> None:
    """Puts another report into an evaluation, as another version would have."""
    with artifacts.publish(directory, "evaluation", {}, {}) as partial:
        (partial / "report.json").write_text(json.dumps(report))


def test_a_run_an_evaluation_and_a_report_name_the_same(run: pathlib.Path) -> None:
    directory = write(run / "evaluation")
    for path in (run, directory, directory / "report.json"):
        found = report_files.read(path)
        assert found.path == directory
        assert found.value("ranker", "auc") == example.IMPRESSION_MODELS["ranker"]
        assert found.users["answers"].to_list() == [1]


def test_what_is_no_evaluation_is_refused(
    run: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(errors.UserError, match=r"found no manifest.*`ytdnn evaluate`"):
        report_files.read(run)
    old = run / "evaluation.json"  # as before format version 4
    old.write_text("{}")
    for path in (old, tmp_path / "missing"):
        with pytest.raises(errors.UserError, match="expected a run, the directory of"):
            report_files.read(path)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"format_version": 1}, "format_version"),
        ({"lists": []}, "lists"),
    ],
)
def test_another_format_is_refused(
    run: pathlib.Path, change: dict[str, object], place: str
) -> None:
    rewrite(run / "evaluation", example.report() | change)
    with pytest.raises(
        errors.UserError, match=rf"expected a report of format version 5 .*\({place}\)"
    ):
        report_files.read(run)


def test_nothing_but_an_evaluation_is_replaced(run: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match=r"found config\.json in .*run"):
        write(run)
    assert (run / "config.json").exists()
    directory = write(run / "evaluation")
    (directory / artifacts.MANIFEST).write_text("{")  # damaged, but an evaluation
    write(directory)
    assert json.loads((directory / artifacts.MANIFEST).read_text())["kind"] == (
        "evaluation"
    )


def test_a_kill_in_the_middle_leaves_what_was_there(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    frame = pl.DataFrame({"user_id": ["u1"], "answers": [1]})
    result = report_files.Result(example.typed(), frame, {"data": "0" * 16})
    report_files.write(tmp_path / "evaluation", result)
    before = artifacts.read_manifest(tmp_path / "evaluation", "evaluation")
    assert (tmp_path / "evaluation" / report_files.PAGE).exists()
    monkeypatch.setattr(evaluation_page, "render", killed)
    for name in ("evaluation", "evaluation_validation"):
        with pytest.raises(KeyboardInterrupt):
            report_files.write(tmp_path / name, result)
    assert artifacts.read_manifest(tmp_path / "evaluation", "evaluation") == before
    assert not (tmp_path / "evaluation_validation").exists()
