import math
import pathlib

import numpy as np
import pytest

from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import ranker
from ytdnn.metrics import binary

Split = prepared.Split


def _data(
    tmp_path: pathlib.Path, impressions: list[fakes.Impression]
) -> prepared.PreparedData:
    # Watches at times 0..99; test_fraction 0.3 puts the window's start near 70.
    watches = [(f"u{t % 3}", "abcd"[t % 4], t) for t in range(100)]
    return fakes.prepared_data(
        tmp_path, watches, impressions, test_fraction=0.3, ranking_fraction=0.5
    )


# Training impressions: "a" clicked 3 of 4 (20 s each), "b" 1 of 4. Test: two pages.
TRAIN = [
    *[("u0", "a", 30 + t, t > 0, 20.0 * (t > 0)) for t in range(4)],
    *[("u1", "b", 30 + t, t == 0, 20.0 * (t == 0)) for t in range(4)],
]
TEST = [
    ("u0", "a", 90, True, 30.0),
    ("u0", "b", 90, False, 0.0),
    ("u1", "a", 91, False, 0.0),
    ("u1", "b", 91, True, 10.0),
]


def _logits_of(
    data: prepared.PreparedData, by_id: dict[str, float]
) -> fakes.PlantedRanker:
    table = np.zeros(data.num_videos + 1)
    for video_id, logit in by_id.items():
        table[fakes.index_of(data, video_id)] = logit
    return fakes.PlantedRanker(lambda videos: table[videos])


def _measure(
    data: prepared.PreparedData,
    scored_by: fakes.PlantedRanker,
    shown: ranker.Impressions,
) -> tuple[dict, dict]:
    logits = ranker.scorer(data, scored_by)(shown)
    entry, _ = ranker.measure(shown, logits, configs.Evaluation(num_resamples=200))
    return entry.values, entry.intervals


def test_metrics_of_two_pages_by_hand(tmp_path: pathlib.Path) -> None:
    data = _data(tmp_path, TRAIN + TEST)
    shown = ranker.Impressions(data, Split.TEST)
    assert len(shown.rows) == 4
    assert shown.num_users == 2
    values, intervals = _measure(data, _logits_of(data, {"a": 1.0}), shown)
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
    assert set(intervals) == set(values) == set(ranker.METRICS)
    # Resampled users: the loss is 0 (u0 alone), 1 (u1 alone) or 1/4.
    assert intervals["weighted_per_user_loss"] == (0.0, 1.0)


def test_popularity_is_the_smoothed_odds_of_training(tmp_path: pathlib.Path) -> None:
    data = _data(tmp_path, [*TRAIN, *TEST, ("u2", "c", 95, True, 5.0)])
    shown = ranker.Impressions(data, Split.TEST)
    logits = ranker.popularity_logits(data, shown)
    found = dict(zip(shown.videos.tolist(), logits.tolist(), strict=True))
    # Eight impressions: 4 clicks of 20 s, 4 others; ten average ones are added.
    clicks, others = 10 * 80 / 8, 10 * 4 / 8
    expected = {
        "a": (3 * 20 + clicks) / (1 + others),
        "b": (1 * 20 + clicks) / (3 + others),
        "c": clicks / others,
    }
    for video_id, odds in expected.items():
        index = fakes.index_of(data, video_id)
        assert found[index] == pytest.approx(math.log(odds)), video_id


def test_test_clicks_do_not_reach_popularity(tmp_path: pathlib.Path) -> None:
    more = [*TRAIN, *TEST, ("u2", "b", 96, True, 500.0)]
    first = _data(tmp_path / "1", TRAIN + TEST)
    second = _data(tmp_path / "2", more)
    logits = [
        set(np.round(ranker.popularity_logits(d, ranker.Impressions(d, Split.TEST)), 9))
        for d in (first, second)
    ]
    assert logits[0] == logits[1]


def test_a_perfect_ranker_has_no_loss(tmp_path: pathlib.Path) -> None:
    data = _data(tmp_path, TRAIN + TEST)
    clicked = np.asarray(data.impressions.clicked)
    perfect = fakes.PlantedRanker(
        lambda videos: videos, lambda rows: np.where(clicked[rows], 9.0, -9.0)
    )
    values, _ = _measure(data, perfect, ranker.Impressions(data, Split.TEST))
    assert values["auc"] == 1.0
    assert values["weighted_per_user_loss"] == 0.0
    assert values["log_loss"] < 1e-3


def test_one_class_is_undefined(tmp_path: pathlib.Path) -> None:
    clicks = [row for row in TEST if row[3]]
    data = _data(tmp_path, TRAIN + clicks)
    shown = ranker.Impressions(data, Split.TEST)
    values, intervals = _measure(data, _logits_of(data, {}), shown)
    assert values["auc"] is None
    assert values["weighted_per_user_loss"] is None
    assert values["log_loss"] == pytest.approx(math.log(2))
    assert intervals["auc"] == (None, None)


def test_no_test_impressions_are_undefined_not_an_error(tmp_path: pathlib.Path) -> None:
    data = _data(tmp_path, TRAIN)
    shown = ranker.Impressions(data, Split.TEST)
    values, _ = _measure(data, _logits_of(data, {}), shown)
    assert set(values.values()) == {None}


def test_interval_of_auc_holds_that_of_all_users() -> None:
    rng = np.random.default_rng(0)
    shown = ranker.Impressions.__new__(ranker.Impressions)
    shown.users = rng.integers(0, 80, 900)
    shown.users[:80] = np.arange(80)
    shown.clicked = rng.random(900) < 0.4
    shown.rows = np.arange(900)
    shown.pages, shown.seconds = shown.users, None
    shown.weights = np.ones(900)
    logits = shown.clicked + rng.normal(size=900)
    entry, _ = ranker.measure(shown, logits, configs.Evaluation(num_resamples=200))
    low, high = entry.intervals["auc"]
    auc = binary.auc(shown.clicked, logits)
    assert low < auc < high
    assert high - low < 0.1
    assert entry.values["auc"] == pytest.approx(auc)


def test_calibration_is_of_what_training_fits_with_the_mean_beside(
    tmp_path: pathlib.Path,
) -> None:
    more = [("u0", "a", 92, False, 0.0), ("u1", "b", 92, False, 0.0)]
    data = _data(tmp_path, TRAIN + TEST + more)
    shown = ranker.Impressions(data, Split.TEST)
    # Predicted 10 of "a" (30 s, two without a click), 1 of "b" (10 s, two without).
    logits = ranker.scorer(data, _logits_of(data, {"a": math.log(10)}))(shown)
    rows = ranker.calibration(shown, logits)
    assert [row.impressions for row in rows] == [1] * 6
    assert [row.predicted for row in rows] == pytest.approx([1] * 3 + [10] * 3)
    # In parts of one impression: a click has nothing to divide by.
    assert sum(row.observed is None for row in rows) == 2
    assert sorted(row.mean_seconds or 0 for row in rows) == [0, 0, 0, 0, 10, 30]
