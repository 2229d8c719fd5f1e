"""A whole report of a world: what the ranker adds, gaps, slices, comparison, schema."""

import dataclasses
import pathlib

import jsonschema
import numpy as np
import polars as pl
import pytest

from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.base import formats
from ytdnn.evaluation import compare, gates, report_files, report_schema, report_types
from ytdnn.lab.truth import oracle
from ytdnn.log import events, prepare, prepared
from ytdnn.retrieval.index import brute_force

WORLD = configs.WorldConfig(
    num_users=300, num_videos=400, num_topics=4, num_days=30, watches_per_user=40
)
CONFIG = configs.Config(
    composition=configs.CompositionConfig(num_candidates=30),
    evaluation=configs.EvaluationConfig(
        ks=(5, 10),
        num_resamples=40,
        slices=("activity", "popularity"),
        baselines=(),
    ),
)
SECONDS = "true_watch_seconds@10"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory = tmp_path_factory.mktemp("gains")
    return prepare.prepare(configs.DataConfig(world=WORLD), directory / "data")


def _result(
    data: prepared.PreparedData, with_ranker: bool = True
) -> report_files.Result:
    """Candidates by training watches, a ranker that prefers long videos."""
    size = data.vocabulary_size
    counts = data.videos["train_count"].to_numpy()[:size].astype(float)
    trained = fakes.ScoresByUser(size, lambda user, end: counts)
    lengths = np.append(0.0, data.videos["duration_seconds"].cast(float).to_numpy())
    ranking = fakes.PlantedRanker(lambda videos: np.log1p(lengths[videos]))
    exact = brute_force.BruteForce.build(trained.video_vectors(), CONFIG.index)
    return fakes.evaluate_models(
        data,
        trained,
        ranking if with_ranker else None,
        {"exact": exact},
        CONFIG,
        events.Split.TEST,
        oracle.systems(data, CONFIG.evaluation),
    )


@pytest.fixture(scope="module")
def result(data: prepared.PreparedData) -> report_files.Result:
    return _result(data)


def _column(result: report_files.Result, model: str, metric: str) -> np.ndarray:
    found = result.users.filter(pl.col("answers").is_not_null())
    return found[f"{model}/{metric}"].to_numpy()


def test_the_bounds_stand_beside_the_systems(result: report_files.Result) -> None:
    report = result.report
    assert list(report.lists) == [
        "popularity",
        "candidates",
        "system",
        "candidates_by_truth",
        "oracle",
        "oracle_by_watch_time",
    ]
    values = {name: entry.values for name, entry in report.lists.items()}
    assert values["oracle_by_watch_time"][SECONDS] == max(
        v[SECONDS] for v in values.values()
    )
    assert values["candidates_by_truth"][SECONDS] > values["system"][SECONDS]
    for name, entry in report.lists.items():
        assert 0.0 < entry.values["coverage@10"] <= 1.0, name
        for metric, (low, high) in entry.intervals.items():
            assert low <= entry.values[metric] <= high, (name, metric)
    validator = jsonschema.Draft202012Validator(report_schema.schema())
    validator.validate(report_types.to_dict(report))
    assert report_types.from_json(report_types.to_json(report)) == report


def test_what_the_ranker_adds_is_paired_by_user(result: report_files.Result) -> None:
    for metric in (SECONDS, "true_clicks@5", "hit_watch_seconds@10", "hit_rate@10"):
        expected = _column(result, "system", metric) - _column(
            result, "candidates", metric
        )
        value, low, high = result.report.ranker_gain[metric]
        assert value == pytest.approx(expected.mean())
        assert low <= value <= high
    # The pairing pays: the interval is narrower than that of two separate means.
    _, low, high = result.report.ranker_gain["true_clicks@10"]
    widths = [
        np.diff(result.report.lists[name].intervals["true_clicks@10"])[0]
        for name in ("candidates", "system")
    ]
    assert high - low < sum(widths)


def test_slices_of_users_make_up_the_whole(result: report_files.Result) -> None:
    # Every user is in one slice of activity.
    rows = result.report.slices["activity"]
    hits = sum(
        row.users * row.lists["system"]["hit_watch_seconds@5"][0] for row in rows
    )
    whole = result.report.lists["system"].values["hit_watch_seconds@5"]
    assert hits / sum(row.users for row in rows) == pytest.approx(whole)
    assert set(rows[0].lists) == {"popularity", "candidates", "system", "oracle"}


def test_a_gate_on_true_seconds_is_about_the_system(
    data: prepared.PreparedData, result: report_files.Result, tmp_path: pathlib.Path
) -> None:
    found = []
    for name in ("first", "second"):
        with report_files.publish(tmp_path / name, result):
            pass
        found.append(report_files.read(tmp_path / name))
    conditions = gates.parse("true_watch_seconds@10 < 2.0 * baseline")
    compared = compare.compare(*found, conditions, CONFIG.evaluation)
    assert "system/true_watch_seconds@10 is" in compared.failures[0]
    differences = {(d.model, d.metric): d for d in compared.differences}
    same = differences["candidates_by_truth", SECONDS]
    assert (same.difference, same.low, same.high) == (0.0, 0.0, 0.0)


def test_other_logs_have_neither_bounds_nor_gaps(
    data: prepared.PreparedData,
) -> None:
    manifest = dataclasses.replace(
        data.manifest, facts=data.manifest.facts | {"source": "log", "world": None}
    )
    report = _result(dataclasses.replace(data, manifest=manifest)).report
    assert list(report.lists) == ["popularity", "candidates", "system"]
    assert "hit_watch_seconds@10" in report.ranker_gain
    assert SECONDS not in formats.plain(report.ranker_gain)
