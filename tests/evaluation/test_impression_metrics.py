import math
import pathlib

import numpy as np
import pytest

from tests import extras
from tests.evaluation import fakes, logged
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.base.metrics import binary, metric_names, order_by_seconds
from ytdnn.evaluation import impression_metrics, shown_scorers, terminal
from ytdnn.log import events, prepared
from ytdnn.ranking import predictions

Split = events.Split
CONFIG = configs.EvaluationConfig(num_resamples=200)


def xauc(predicted: np.ndarray, observed: np.ndarray) -> float:
    groups = np.zeros(len(observed), np.int64)
    return float(order_by_seconds.grouped_xauc(groups, predicted, observed, 1)[0])


def _measure(
    data: prepared.PreparedData,
    scored_by: fakes.PlantedRanker,
    shown: shown_scorers.SplitImpressions,
) -> tuple[dict, dict]:
    predicted = shown_scorers.scorer(data, scored_by)(shown)
    entry, _ = impression_metrics.measure(shown, predicted, CONFIG)
    return entry.values, entry.intervals


def test_metrics_of_two_pages_by_hand(tmp_path: pathlib.Path) -> None:
    data = logged.prepared_data(tmp_path, logged.TRAIN + logged.TEST)
    shown = shown_scorers.SplitImpressions(data.log, Split.TEST)
    assert len(shown.rows) == 4
    assert shown.num_users == 2
    values, intervals = _measure(data, logged.ranker_of(data, {"a": 1.0}), shown)
    # "a" scores 1, "b" 0. Of 2 × 2 click/no-click pairs: 1 > 0 wins, 1 = 1 and 0 = 0
    # tie, 0 < 1 loses.
    assert values["auc"] == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)
    # u0's own pair is right, u1's wrong; both were shown two.
    assert values["grouped_auc"] == pytest.approx((2 * 1 + 2 * 0) / 4)
    # On its page u0's 30 s are right, u1's 10 s are wrong.
    assert values["weighted_per_user_loss"] == pytest.approx(10 / 40)
    # Clicks weigh their seconds, the rest 1.
    softplus = math.log1p(math.e)
    lost = 30 * (softplus - 1) + math.log(2) + softplus + 10 * math.log(2)
    assert values["log_loss"] == pytest.approx(lost / (30 + 1 + 1 + 10))
    # Seconds served: e of "a", 1 of "b". Observed: 30, 0, 0, 10.
    watched, served = [30, 0, 0, 10], [math.e, 1, math.e, 1]
    errors = np.abs(np.subtract(watched, served))
    assert values["mae_seconds"] == pytest.approx(errors.mean())
    assert values["calibration_ratio"] == pytest.approx((2 * math.e + 2) / 40)
    # Pairs of different seconds: (30, 0) right, (30, 0') tied, (30, 10) right, (10, 0)
    # tied, (10, 0') wrong.
    assert values["xauc"] == pytest.approx((1 + 0.5 + 1 + 0.5 + 0) / 5)
    assert values["grouped_xauc"] == pytest.approx((2 * 1 + 2 * 0) / 4)
    # u0's watch stands first, u1's second.
    assert values["page_ndcg_by_seconds"] == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert set(intervals) == set(values)
    assert set(values) == set(impression_metrics.METRICS)
    # Resampled users: the loss is 0 (u0 alone), 1 (u1 alone) or 1/4.
    assert intervals["weighted_per_user_loss"] == (0.0, 1.0)


def test_one_class_is_undefined(tmp_path: pathlib.Path) -> None:
    clicks = [row for row in logged.TEST if row[3]]
    data = logged.prepared_data(tmp_path, logged.TRAIN + clicks)
    shown = shown_scorers.SplitImpressions(data.log, Split.TEST)
    values, intervals = _measure(data, logged.ranker_of(data, {}), shown)
    assert values["auc"] is None
    assert values["weighted_per_user_loss"] is None
    assert values["log_loss"] == pytest.approx(math.log(2))
    assert intervals["auc"] == (None, None)


def test_interval_of_auc_holds_that_of_all_users() -> None:
    shown = logged.impressions(80, 900)
    logits = shown.clicked + np.random.default_rng(1).normal(size=900)
    predicted = predictions.Predictions(logits)
    entry, _ = impression_metrics.measure(shown, predicted, CONFIG)
    low, high = entry.intervals["auc"]
    auc = binary.auc(shown.clicked, logits)
    assert low < auc < high
    assert high - low < 0.1
    assert entry.values["auc"] == pytest.approx(auc)


def test_interval_of_xauc_is_that_of_resampled_users() -> None:
    """Each drawn user's impressions repeated, the pairs counted anew."""
    shown = logged.impressions(40, 900)
    rng = np.random.default_rng(2)
    skill = (np.arange(40) % 3)[shown.users]  # users differ
    seconds = np.exp(skill * (shown.seconds > 0) + rng.normal(size=900))
    predicted = predictions.Predictions(seconds, seconds=seconds)
    entry, _ = impression_metrics.measure(shown, predicted, CONFIG)
    draws = []
    for _ in range(300):
        drawn = rng.integers(0, 40, 40)
        rows = np.concatenate([np.flatnonzero(shown.users == user) for user in drawn])
        draws.append(xauc(seconds[rows], shown.seconds[rows]))
    expected = np.percentile(draws, [2.5, 97.5])
    assert entry.intervals["xauc"] == pytest.approx(expected, abs=0.015)
    assert np.diff(expected)[0] > 0.06


def test_what_a_scorer_does_not_give_is_not_measured() -> None:
    shown = logged.impressions(20, 200)
    given = {
        "seconds": np.ones(200),
        "click_probability": np.full(200, 0.5),
        "logits": np.zeros(200),
    }
    of_lists = {"list_ndcg", "first_quarter_share", "first_half_share"}
    by_time = {"weighted_per_user_loss", "page_ndcg_by_seconds"} | of_lists
    of_seconds = {"xauc", "grouped_xauc", "mae_seconds", "calibration_ratio"} | by_time
    by_clicks = {"auc", "grouped_auc"}
    of_clicks = {"click_log_loss", "click_calibration_ratio"} | by_clicks
    expected = {
        (): by_clicks | by_time,
        ("seconds",): of_seconds,
        ("click_probability",): of_clicks,
        ("logits",): {"log_loss"} | by_time,
        ("seconds", "click_probability"): {"log_loss"} | of_clicks | of_seconds,
    }
    for names, measured in expected.items():
        predicted = predictions.Predictions(
            np.arange(200.0), **{name: given[name] for name in names}
        )
        entry, parts = impression_metrics.measure(shown, predicted, CONFIG)
        assert set(entry.values) == set(entry.intervals) == measured, names
        assert set(parts) == set(entry.values) - {"auc", "xauc"}


def test_without_watch_time_nothing_is_measured_of_it() -> None:
    shown = logged.impressions(20, 200)
    shown.seconds, shown.weights = None, np.ones(200)
    predicted = predictions.Predictions(
        np.arange(200.0), seconds=np.ones(200), click_probability=np.full(200, 0.5)
    )
    entry, _ = impression_metrics.measure(shown, predicted, CONFIG)
    assert set(entry.values) == {
        "auc",
        "grouped_auc",
        "weighted_per_user_loss",
        "click_log_loss",
        "click_calibration_ratio",
        "list_ndcg",
        "first_quarter_share",
        "first_half_share",
    }
    assert not impression_metrics.measure_calibration(shown, predicted, CONFIG).seconds


def test_a_metric_of_a_package_is_measured_where_it_is_named(
    tmp_path: pathlib.Path,
) -> None:
    shown = logged.impressions(num_users=5, size=60)
    chances = np.where(shown.clicked, 0.9, 0.2)
    predicted = predictions.Predictions(chances, click_probability=chances)
    with extras.installed(tmp_path):
        config = configs.EvaluationConfig(metrics=("brier",), num_resamples=100)
        entry, parts = impression_metrics.measure(shown, predicted, config)
        share = shown.clicked.mean()
        expected = 0.01 * share + 0.04 * (1.0 - share)
        assert entry.values["brier"] == pytest.approx(expected)
        low, high = entry.intervals["brier"]
        assert low <= entry.values["brier"] <= high
        assert set(parts["brier"][1]) <= set(range(60))
        assert list(entry.values)[-1] == "brier"
        other = predictions.Predictions(chances)
        without, _ = impression_metrics.measure(shown, other, config)
        assert "brier" not in without.values
        assert metric_names.less_is_better("brier")
        assert "brier: mean squared error" in terminal.explain()
        assert impression_metrics.is_one("brier")
    assert not impression_metrics.is_one("brier")


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2,), (2, 4)])
def test_sums_that_are_not_two_for_each_user_are_refused(shape: tuple[int]) -> None:
    shown = logged.impressions(num_users=5, size=60)
    predicted = predictions.Predictions(np.zeros(60))
    with extras.registered():
        registries.IMPRESSION_METRICS.register("own")(lambda *_: np.ones(shape))
        config = configs.EvaluationConfig(metrics=("own",), num_resamples=100)
        with pytest.raises(errors.UserError, match=r"numbers \[2, 5\], found"):
            impression_metrics.measure(shown, predicted, config)
