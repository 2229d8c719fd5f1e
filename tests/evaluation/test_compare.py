"""Two reports: what differs, by how much, and whether a gate holds."""

import dataclasses
import math
import pathlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import planted
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.evaluation import (
    compare,
    gates,
    lists,
    measure,
    report_files,
    shown_scorers,
    user_cases,
)
from ytdnn.log import events, prepared
from ytdnn.ranking import predictions

Evaluation = report_files.Evaluation
PreparedData = prepared.PreparedData
Path = pathlib.Path

Split = events.Split
CONFIG = configs.EvaluationConfig(ks=(1, 5), num_resamples=200, slices=())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("compare"))


def _evaluated(
    data: PreparedData,
    directory: Path,
    skill: float,
    name: str = "candidates",
    config: configs.EvaluationConfig = CONFIG,
) -> Evaluation:
    """A system that lists an answer first for `skill` of the users."""
    cases = user_cases.cases(data, Split.TEST, config)
    firsts = cases.targets.values[cases.targets.offsets[:-1]]
    known = np.random.default_rng(0).random(len(cases)) < skill

    def make(cases: user_cases.Cases, k: int) -> lists.Lists:
        found = np.zeros((len(cases), k), np.int32)
        found[:, 0] = np.where(known, firsts, 0)
        return found

    def score(shown: shown_scorers.SplitImpressions) -> predictions.Predictions:
        noise = np.random.default_rng(1).normal(size=len(shown.rows))
        logits = noise + 3 * skill * shown.clicked
        seconds = np.exp(logits)
        return predictions.Predictions(
            logits, seconds, seconds / (1.0 + seconds), logits
        )

    result = measure.measure(
        data, cases, {name: make}, {"ranker": score}, Split.TEST, config
    )
    with report_files.publish(directory, result):
        pass
    return report_files.read(directory)


@pytest.fixture(scope="module")
def pair(
    data: PreparedData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Evaluation, Evaluation]:
    root = tmp_path_factory.mktemp("pair")
    return _evaluated(data, root / "a", 0.3), _evaluated(data, root / "b", 0.7)


def _of(found: compare.Comparison, model: str, metric: str) -> compare.Difference:
    return next(d for d in found.differences if (d.model, d.metric) == (model, metric))


def test_the_difference_is_paired_by_user(pair: tuple[Evaluation, Evaluation]) -> None:
    hit = _of(compare.compare(*pair, [], CONFIG), "candidates", "hit_rate@1")
    columns = [one.users["candidates/hit_rate@1"] for one in pair]
    expected = (columns[1] - columns[0]).drop_nulls()
    assert hit.difference == pytest.approx(expected.mean())
    assert hit.first == pytest.approx(columns[0].drop_nulls().mean())
    # B hits whoever A hits: the pairs vary less than two samples apart would.
    error = float(expected.std()) / math.sqrt(len(expected))  # type: ignore[arg-type]
    assert hit.high - hit.low == pytest.approx(2 * 1.96 * error, rel=0.25)
    assert hit.low < hit.difference < hit.high


def test_metrics_of_the_ranker_are_ratios_over_users(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    found = compare.compare(*pair, [], CONFIG)
    for metric in ("grouped_auc", "log_loss", "weighted_per_user_loss", "mae_seconds"):
        one = _of(found, "ranker", metric)
        assert one.difference == pytest.approx(one.second - one.first)
        assert one.low <= one.difference <= one.high
    auc = _of(found, "ranker", "auc")
    assert auc.difference == pytest.approx(auc.second - auc.first)
    assert math.isnan(auc.low)


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("recall@5 < 0.95 * baseline", False),
        ("hit_rate@1 > baseline", True),
        ("candidates/hit_rate@1 > baseline + 0.9", False),
        ("hit_rate@1 < 0.99", True),
        ("auc < baseline", False),
        ("ranker/auc > baseline - 0.01, hit_rate@1 <= 0", True),
        ("", False),
    ],
)
def test_conditions_decide(
    pair: tuple[Evaluation, Evaluation], text: str, fails: bool
) -> None:
    found = compare.compare(*pair, gates.parse(text), CONFIG)
    assert bool(found.failures) is fails
    if fails:
        assert "is 0." in found.failures[0]


def test_a_number_that_is_not_defined_passes_no_gate(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    report = pair[1].report
    entry = report.lists["candidates"]
    entry = dataclasses.replace(entry, values={**entry.values, "recall@5": None})
    of_lists = {**report.lists, "candidates": entry}
    broken = dataclasses.replace(
        pair[1], report=dataclasses.replace(report, lists=of_lists)
    )
    parsed = gates.parse("recall@5 < 0.0")
    assert compare.compare(pair[0], broken, parsed, CONFIG).failures


def test_a_condition_on_what_is_not_there_is_refused(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    with pytest.raises(errors.UserError, match="received ''"):
        gates.parse(",")
    with pytest.raises(errors.UserError, match="to name a metric of") as raised:
        compare.compare(*pair, gates.parse("recall@7 < 1"), CONFIG)
    assert str(raised.value).count("recall@5") == 1


def test_neither_verdict_nor_gate_is_about_earlier_forms_of_the_candidates(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    both = []
    for one in pair:
        own = one.report.lists["candidates"]
        of_lists = {**one.report.lists, lists.NETWORK: own, lists.AS_TRAINED: own}
        report = dataclasses.replace(one.report, lists=of_lists)
        both.append(dataclasses.replace(one, report=report))
    found = compare.compare(*both, gates.parse("hit_rate@1 < 1"), CONFIG)
    assert found.headline is not None
    assert found.headline.of.model == "candidates"
    assert "candidates/hit_rate@1 is" in found.failures[0]


def test_two_models_of_other_names_are_compared_when_named(
    data: PreparedData, pair: tuple[Evaluation, Evaluation], tmp_path: Path
) -> None:
    peer = _evaluated(data, tmp_path, 0.1, name="peer")
    parsed = gates.parse("hit_rate@1 < 0.5 * baseline")
    models = "candidates", "peer"
    found = compare.compare(pair[1], peer, parsed, CONFIG, models)
    assert _of(found, "candidates → peer", "hit_rate@1").difference < 0
    assert found.failures


def test_reports_of_other_rules_are_refused(
    data: PreparedData, pair: tuple[Evaluation, Evaluation], tmp_path: Path
) -> None:
    other = dataclasses.replace(CONFIG, targets="next")
    following = _evaluated(data, tmp_path, 0.3, config=other)
    with pytest.raises(errors.UserError, match="found targets 'all' and 'next'"):
        compare.compare(pair[0], following, [], CONFIG)


def test_reports_of_other_answers_are_refused(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    more = pair[1].users.with_columns(pl.col("answers") + 1)
    other = dataclasses.replace(pair[1], users=more)
    with pytest.raises(errors.UserError, match="expected the same answers"):
        compare.compare(pair[0], other, [], CONFIG)


@given(st.text(max_size=40))
def test_any_text_is_conditions_or_one_line(text: str) -> None:
    message = ""
    try:
        assert len(gates.parse(text)) <= text.count(",") + 1
    except errors.UserError as error:
        message = str(error)
    assert "\n" not in message
