import json
import pathlib
from typing import Any

import polars as pl
import pytest

from tests.evaluation import example
from ytdnn import configs
from ytdnn.base import errors, formats
from ytdnn.evaluation import report_files
from ytdnn.lab.studies import run_table

Path = pathlib.Path


def write_run(
    directory: Path, hit_rate: float | None = None, loss: float = 0.3, **settings: Any
) -> None:
    """Writes what a run leaves: its config and, with a hit rate, its evaluation."""
    directory.mkdir(parents=True)
    config = configs.to_dict(configs.Config()) | settings
    (directory / "config.json").write_text(json.dumps({"config": config}))
    if hit_rate is not None:
        report = example.report() | {"config": formats.plain(config)}
        report["lists"]["candidates"]["values"]["hit_rate@10"] = hit_rate
        report["impressions"]["ranker"]["values"]["weighted_per_user_loss"] = loss
        result = report_files.Result(example.typed(report), pl.DataFrame(), {})
        with report_files.publish(directory / "evaluation", result):
            pass


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_run(tmp_path / "a", 0.2, 0.3)
    write_run(tmp_path / "deep" / "b", 0.4, 0.35, seed=1)
    write_run(tmp_path / "c", seed=2)
    write_run(tmp_path / "a" / "data" / "no_run_of_its_own")
    return tmp_path


def find(directory: Path) -> list[run_table.Run]:
    return run_table.find(directory, "test")


def test_runs_are_found_at_any_depth_and_not_within_each_other(directory: Path) -> None:
    found = find(directory)
    assert [run.name for run in found] == ["a", "c", "deep/b"]
    assert [run.note for run in found] == ["", "not evaluated", ""]
    assert found[0].metrics["candidates/hit_rate@10"] == 0.2
    assert found[0].metrics["ranker/auc"] == example.IMPRESSION_MODELS["ranker"]


def test_only_settings_that_differ_are_listed(directory: Path) -> None:
    found = find(directory)
    assert run_table.differing(found) == ["seed"]
    shown = {run.name: run_table.differences(run, ["seed"]) for run in found}
    assert shown == {"a": {}, "c": {"seed": "2"}, "deep/b": {"seed": "1"}}


def test_of_runs_with_other_losses_the_kind_is_listed_and_what_was_set(
    tmp_path: Path,
) -> None:
    losses = {
        "default": configs.SampledSoftmaxConfig(),
        "few": configs.SampledSoftmaxConfig(num_negatives=5),
        "full": configs.FullSoftmaxConfig(),
        "smooth": configs.FullSoftmaxConfig(label_smoothing=0.1),
    }
    for name, loss in losses.items():
        candidates = configs.to_dict(configs.CandidatesConfig(loss=loss))
        write_run(tmp_path / name, candidates=candidates)
    found = find(tmp_path)
    keys = run_table.differing(found)
    assert keys == [
        "candidates.loss",
        "candidates.loss.num_negatives",
        "candidates.loss.label_smoothing",
    ]
    shown = {run.name: run_table.differences(run, keys) for run in found}
    full = {"candidates.loss": "full_softmax"}
    assert shown == {
        "default": {},
        "few": {"candidates.loss.num_negatives": "5"},
        "full": full,
        "smooth": full | {"candidates.loss.label_smoothing": "0.1"},
    }
    plain = [run for run in found if run.name in ("default", "full")]
    assert run_table.differing(plain) == ["candidates.loss"]


def test_the_best_stands_first_whatever_way_is_better(directory: Path) -> None:
    found = find(directory)
    names = [run.name for run in run_table.ordered(found, "candidates/hit_rate@10")]
    assert names == ["deep/b", "a", "c"]
    names = [
        run.name for run in run_table.ordered(found, "ranker/weighted_per_user_loss")
    ]
    assert names == ["a", "deep/b", "c"]
    assert [run.name for run in run_table.ordered(found, "run")] == ["a", "c", "deep/b"]


def test_an_unknown_metric_is_refused_with_a_hint(directory: Path) -> None:
    with pytest.raises(errors.UserError, match="did you mean candidates/hit_rate@10"):
        run_table.chosen(find(directory), ["candidates/hitrate@10"])


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("config.json", "{", "damaged config.json"),
        ("config.json", "[]", "damaged config.json"),
        ("evaluation/report.json", "{", "evaluated by another version"),
        (
            "evaluation/report.json",
            '{"candidates": {}}',
            "evaluated by another version",
        ),
    ],
)
def test_a_damaged_run_is_listed_with_the_reason(
    tmp_path: Path, name: str, text: str, note: str
) -> None:
    write_run(tmp_path / "a", 0.5 if "report" in name else None)
    (tmp_path / "a" / name).write_text(text)
    [run] = find(tmp_path)
    assert run.note == note
    assert run.metrics == {}


def test_a_system_is_shown_by_watch_time_where_any_run_knows_it(tmp_path: Path) -> None:
    write_run(tmp_path / "plain", 0.2)
    assert "system/hit_rate@10" in run_table.chosen(find(tmp_path))
    report = example.with_pages() | {
        "config": formats.plain(configs.to_dict(configs.Config()))
    }
    result = report_files.Result(example.typed(report), pl.DataFrame(), {})
    write_run(tmp_path / "world")
    with report_files.publish(tmp_path / "world" / "evaluation", result):
        pass
    chosen = run_table.chosen(find(tmp_path))
    assert "system/true_watch_seconds@10" in chosen
    assert "system/hit_rate@10" not in chosen
