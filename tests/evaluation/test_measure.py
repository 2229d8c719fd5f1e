"""The whole report of planted systems: its shape, its slices, its plots' numbers."""

import functools
import json
import pathlib
from typing import Any

import jsonschema
import numpy as np
import polars as pl
import pytest

from tests import extras, planted
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.base import registries
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    impression_metrics,
    list_metrics,
    lists,
    measure,
    report_files,
    report_schema,
    report_types,
    shown_scorers,
    slices,
    user_cases,
)
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import predictions

Result = report_files.Result
PreparedData = prepared.PreparedData

Split = events.Split
CONFIG = configs.EvaluationConfig(ks=(2, 5), num_resamples=30)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("measure"))


@pytest.fixture(scope="module")
def result(data: PreparedData) -> Result:
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    makers = {
        "popularity": lists.popularity(data.catalogue),
        "answers first": _answers_first,
    }
    scorers = {"ranker": _knows_clicks}
    return measure.measure(data, cases, makers, scorers, Split.TEST, CONFIG)


def _knows_clicks(shown: shown_scorers.SplitImpressions) -> predictions.Predictions:
    return predictions.Predictions(
        order=shown.clicked.astype(float),
        seconds=10.0 * shown.clicked,
        click_probability=0.9 * shown.clicked,
    )


def _answers_first(cases: user_cases.Cases, k: int) -> lists.Lists:
    found = np.zeros((len(cases), k), np.int32)
    for row in range(len(cases)):
        first, stop = cases.targets.offsets[row : row + 2]
        known = cases.targets.values[first:stop]
        known = known[known > 0][:k]
        found[row, : len(known)] = known
    return found


def told(result: Result) -> dict[str, Any]:
    return report_types.to_dict(result.report)


def test_the_report_is_what_the_schema_says(result: Result) -> None:
    jsonschema.Draft202012Validator(report_schema.schema()).validate(told(result))
    text = report_types.to_json(result.report)
    assert json.loads(text) == told(result)
    assert report_types.from_json(text) == result.report


def test_numbers_have_intervals(result: Result) -> None:
    for entry in told(result)["lists"].values():
        assert set(entry["intervals"]) == set(entry["values"])
        names = {name.partition("@")[0] for name in entry["values"]}
        assert names <= {*metric_names.defaults(), *metric_names.LISTS}
        for name, (low, high) in entry["intervals"].items():
            assert low <= entry["values"][name] <= high, name
    for entry in told(result)["impressions"].values():
        assert list(entry["values"]) == list(metric_names.IMPRESSIONS)


def test_the_users_table_holds_what_the_means_are_made_of(result: Result) -> None:
    for model, entry in told(result)["lists"].items():
        for name, value in entry["values"].items():
            if name.startswith("debiased"):
                above, below = (
                    result.users[f"{model}/{name}/{side}"].sum()
                    for side in ("numerator", "denominator")
                )
                assert above / below == pytest.approx(value), name
            elif "coverage" not in name and not name.startswith("gini"):
                column = result.users[f"{model}/{name}"]
                assert column.mean() == pytest.approx(value), name
    values = told(result)["impressions"]["ranker"]["values"]
    for name in set(impression_metrics.METRICS) - {"auc", "xauc"}:
        above, below = (
            result.users[f"ranker/{name}/{side}"].sum()
            for side in ("numerator", "denominator")
        )
        assert above / below == pytest.approx(values[name])
    asked = result.users.filter(pl.col("answers").is_not_null())
    assert asked.height == told(result)["protocol"]["users"]


def test_examples_run_from_the_worst_to_the_best(
    data: PreparedData, result: Result
) -> None:
    found = told(result)["examples"]
    assert len(found) == CONFIG.num_examples
    shares = [
        sum(video["is_answer"] for video in one["lists"]["answers first"])
        / one["num_answers"]
        for one in found
    ]
    assert shares == sorted(shares)
    one = found[-1]
    user = data.users["user_id"].to_list().index(one["user_id"])
    watched = np.asarray(data.watches.videos)
    cases = user_cases.cases(data, Split.TEST, CONFIG)
    end = int(cases.ends[cases.users.tolist().index(user)])
    last = int(watched[end - 1])
    assert one["history"][-1]["video_id"] == data.videos["video_id"][last - 1]
    assert set(one["facts"]) <= {"age", "gender", "country"}


def _context(
    data: PreparedData, config: configs.EvaluationConfig = CONFIG
) -> list_metrics.Context:
    return list_metrics.Context(
        data, user_cases.cases(data, Split.TEST, config), config
    )


@pytest.mark.parametrize("is_default", [False, True])
def test_an_own_metric_is_measured_as_floats(
    data: PreparedData, is_default: bool
) -> None:
    """Small integers would wrap. A default one needs no name in the settings."""
    with extras.registered():
        small = functools.partial(np.arange, dtype=np.uint8)
        add = registries.METRICS.register("own", is_default=is_default)
        add(lambda lists, k: small(len(lists.videos)))
        metrics = () if is_default else ("own",)
        context = _context(data, configs.EvaluationConfig(ks=(2,), metrics=metrics))
        listed = np.zeros((len(context.cases), 2), np.int32)
        first, second, *_ = list_metrics._judged(context, listed, (2,))["own@2"]
    assert first - second == -1.0


@pytest.mark.parametrize("name", ["activity", "new_user", "popularity", "country"])
def test_a_slice_parts_the_answers(
    data: PreparedData, result: Result, name: str
) -> None:
    rows = told(result)["slices"][name]
    num_answers = told(result)["protocol"]["answers"]
    assert sum(row["answers"] for row in rows) == num_answers
    assert all(row["users"] <= row["answers"] for row in rows)
    weighted = [
        row["answers"] * row["lists"]["answers first"]["recall@2"][0] for row in rows
    ]
    assert 0 < sum(weighted) <= num_answers


def test_a_user_slice_holds_whole_users(data: PreparedData, result: Result) -> None:
    of_country = {row["value"]: row for row in told(result)["slices"]["country"]}
    users = result.users.join(data.users, on="user_id").filter(
        pl.col("answers").is_not_null()
    )
    for country in ("de", "fr", None):
        own = users.filter(pl.col("country").eq_missing(pl.lit(country)))
        row = of_country[country or "unknown"]
        assert row["users"] == own.height
        value, low, high = row["lists"]["popularity"]["recall@2"]
        assert value == pytest.approx(own["popularity/recall@2"].mean())
        assert low <= value <= high


def test_a_video_slice_counts_its_own_answers_alone(tmp_path: pathlib.Path) -> None:
    # u0 answers c and d. Of two lists "c" is first in one, absent from the other.
    watches = [("u0", v, t) for t, v in enumerate("abcd")]
    watches += [("u1", v, t) for t, v in enumerate("dcba")]
    words = ["train", "validation", "test", "test", "train", "train", "train", "train"]
    data = fakes.prepared_data(
        tmp_path,
        watches,
        splits=words,
        uploads={"a": 0, "b": 0, "c": -864_000, "d": None},
        protocol="split",
    )
    config = configs.EvaluationConfig(ks=(1,), slices=("video_age",), num_resamples=10)
    c = fakes.index_of(data, "c")
    makers = {
        "c": lambda cases, k: np.full((len(cases), k), c, np.int32),
        "none": lambda cases, k: np.zeros((len(cases), k), np.int32),
    }
    cases = user_cases.cases(data, Split.TEST, config)
    report = told(measure.measure(data, cases, makers, {}, Split.TEST, config))
    rows = {row["value"]: row for row in report["slices"]["video_age"]}
    assert set(rows) == {"7 to under 30 days", "unknown"}
    old, unknown = rows["7 to under 30 days"], rows["unknown"]
    assert old["lists"]["c"]["recall@1"][0] == 1.0  # its one answer is found
    assert old["lists"]["none"]["recall@1"][0] == 0.0
    assert unknown["lists"]["c"]["recall@1"][0] == 0.0
    # The list holds one video, uploaded ten days and a second before the request.
    age = report["lists"]["c"]["values"]["mean_age_days@1"]
    assert age == pytest.approx(10.0, abs=1e-4)
    assert report["lists"]["none"]["values"]["mean_age_days@1"] is None


def test_numbers_are_sliced_by_quantile_and_text_by_frequency(
    data: PreparedData,
) -> None:
    names, found = slices.values_of(_context(data), "age")  # type: ignore[misc]
    assert names[-1] == "unknown"
    counts = [int((found == name).sum()) for name in names[:-1]]
    assert len(counts) == 5
    assert max(counts) < 2.5 * min(counts)
    names, found = slices.values_of(_context(data), "title")  # type: ignore[misc]
    assert names[-2:] == ["other", "unknown"]
    assert len(names) == 14
    assert set(found) <= set(names)


def test_without_impressions_there_is_nothing_of_them(tmp_path: pathlib.Path) -> None:
    log = planted.write_log(tmp_path / "log")
    (log / "impressions.parquet").unlink()
    config = configs.DataConfig(source="log", dir=str(log), protocol="leave_one_out")
    bare = prepare.prepare(config, tmp_path / "data")
    cases = user_cases.cases(bare, Split.TEST, CONFIG)
    makers = {"popularity": lists.popularity(bare.catalogue)}
    scorers = {"popularity": shown_scorers.popularity(bare)}
    found = measure.measure(bare, cases, makers, scorers, Split.TEST, CONFIG)
    assert found.report.impressions == {}
    assert found.report.protocol.ranker is None
    jsonschema.Draft202012Validator(report_schema.schema()).validate(told(found))
