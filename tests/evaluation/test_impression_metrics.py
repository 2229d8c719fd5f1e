import math
import pathlib

import numpy as np
import pytest

from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.data import prepared
from ytdnn.evaluation import calibration, impression_metrics, impression_slices, ranker
from ytdnn.metrics import binary, watch_time
from ytdnn.ranking import predictions

Split = prepared.Split
CONFIG = configs.Evaluation(num_resamples=200)


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
    predicted = ranker.scorer(data, scored_by)(shown)
    entry, _ = impression_metrics.measure(shown, predicted, CONFIG)
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
    ndcg = (1 + 1 / math.log2(3)) / 2
    assert values["page_ndcg_by_seconds"] == pytest.approx(ndcg)
    assert set(intervals) == set(values)
    assert set(impression_metrics.METRICS) - set(values) == {"click_log_loss"}
    # Resampled users: the loss is 0 (u0 alone), 1 (u1 alone) or 1/4.
    assert intervals["weighted_per_user_loss"] == (0.0, 1.0)


def test_popularity_is_what_training_showed_smoothed(tmp_path: pathlib.Path) -> None:
    data = _data(tmp_path, [*TRAIN, *TEST, ("u2", "c", 95, True, 5.0)])
    shown = ranker.Impressions(data, Split.TEST)
    found = ranker.popularity_predictions(data, shown)
    # Eight impressions: 4 clicks of 20 s, 4 others; ten average ones are added.
    watched, clicks, others = 10 * 80 / 8, 10 * 4 / 8, 10 * 4 / 8
    expected = {
        "a": (60 + watched, 3 + clicks, 1 + others),
        "b": (20 + watched, 1 + clicks, 3 + others),
        "c": (watched, clicks, others),
    }
    for video_id, (seconds, clicked, rest) in expected.items():
        row = shown.videos.tolist().index(fakes.index_of(data, video_id))
        assert found.order[row] == pytest.approx(math.log(seconds / rest)), video_id
        assert found.seconds[row] == pytest.approx(seconds / (clicked + rest))
        assert found.click_probability[row] == pytest.approx(clicked / (clicked + rest))
    assert found.weighted_logits is found.logits is found.order


def test_test_clicks_do_not_reach_popularity(tmp_path: pathlib.Path) -> None:
    more = [*TRAIN, *TEST, ("u2", "b", 96, True, 500.0)]
    first = _data(tmp_path / "1", TRAIN + TEST)
    second = _data(tmp_path / "2", more)
    logits = [
        set(np.round(ranker.popularity(d)(ranker.Impressions(d, Split.TEST)).order, 9))
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
    assert values["page_ndcg_by_seconds"] == 1.0


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


def _made_impressions(num_users: int, size: int) -> ranker.Impressions:
    rng = np.random.default_rng(0)
    shown = ranker.Impressions.__new__(ranker.Impressions)
    shown.users = rng.integers(0, num_users, size)
    shown.users[:num_users] = np.arange(num_users)
    shown.clicked = rng.random(size) < 0.4
    shown.rows = np.arange(size)
    shown.pages, shown.videos = shown.users, np.ones(size, int)
    shown.user_indices = np.arange(num_users)
    shown.seconds = rng.gamma(2.0, 20.0, size) * shown.clicked * (1 + shown.users % 5)
    shown.weights = np.where(shown.clicked, shown.seconds, 1.0)
    return shown


def test_interval_of_auc_holds_that_of_all_users() -> None:
    shown = _made_impressions(80, 900)
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
    shown = _made_impressions(40, 900)
    rng = np.random.default_rng(2)
    skill = (np.arange(40) % 3)[shown.users]  # users differ
    seconds = np.exp(skill * (shown.seconds > 0) + rng.normal(size=900))
    predicted = predictions.Predictions(seconds, seconds=seconds)
    entry, _ = impression_metrics.measure(shown, predicted, CONFIG)
    draws = []
    for _ in range(300):
        drawn = rng.integers(0, 40, 40)
        rows = np.concatenate([np.flatnonzero(shown.users == user) for user in drawn])
        draws.append(watch_time.xauc(seconds[rows], shown.seconds[rows]))
    expected = np.percentile(draws, [2.5, 97.5])
    assert entry.intervals["xauc"] == pytest.approx(expected, abs=0.015)
    assert np.diff(expected)[0] > 0.06


def test_what_a_scorer_does_not_give_is_not_measured() -> None:
    shown = _made_impressions(20, 200)
    given = {
        "seconds": np.ones(200),
        "click_probability": np.full(200, 0.5),
        "logits": np.zeros(200),
    }
    of_order = {"auc", "grouped_auc", "weighted_per_user_loss", "page_ndcg_by_seconds"}
    of_seconds = {"xauc", "grouped_xauc", "mae_seconds", "calibration_ratio"}
    expected = {
        (): set(),
        ("seconds",): of_seconds,
        ("click_probability",): {"click_log_loss"},
        ("logits",): {"log_loss"},
        ("seconds", "click_probability"): {"click_log_loss", "log_loss"} | of_seconds,
    }
    for names, more in expected.items():
        predicted = predictions.Predictions(
            np.arange(200.0), **{name: given[name] for name in names}
        )
        entry, parts = impression_metrics.measure(shown, predicted, CONFIG)
        assert set(entry.values) == set(entry.intervals) == of_order | more, names
        assert set(parts) == set(entry.values) - {"auc", "xauc"}


def test_without_watch_time_nothing_is_measured_of_it() -> None:
    shown = _made_impressions(20, 200)
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
    }
    assert not calibration.measure(shown, predicted, CONFIG).seconds


def test_a_prediction_that_is_no_number_is_refused() -> None:
    shown = _made_impressions(5, 20)
    predicted = predictions.Predictions(np.zeros(20), seconds=np.full(20, np.nan))
    with pytest.raises(ValueError, match="expected seconds of predictions as numbers"):
        impression_metrics.measure(shown, predicted, CONFIG)


def test_calibration_of_seconds_clicks_and_odds() -> None:
    shown = _made_impressions(30, 3_000)
    chance = np.where(np.arange(3_000) < 1_500, 0.4, 0.2)
    both = predictions.Predictions(
        np.zeros(3_000), seconds=2.0 * shown.seconds + 1.0, click_probability=chance
    )
    found = calibration.measure(shown, both, CONFIG)
    assert not found.odds
    high = found.seconds[-1]
    assert high.ratio[0] == pytest.approx(2.0, abs=0.02)
    assert high.observed[1] < high.observed[0] < high.observed[2]
    # Two predictions alone: two parts. Clicks have a chance of 0.4 everywhere.
    low, high = found.clicks
    assert low.impressions == high.impressions == 1_500
    assert (low.predicted, high.predicted) == pytest.approx((0.2, 0.4))
    assert low.ratio[0] == pytest.approx(0.5, abs=0.05)
    assert high.ratio[1] < 1.0 < high.ratio[2]  # type: ignore[operator]


def test_calibration_of_odds_is_of_what_training_fits(tmp_path: pathlib.Path) -> None:
    more = [("u0", "a", 92, False, 0.0), ("u1", "b", 92, False, 0.0)]
    data = _data(tmp_path, TRAIN + TEST + more)
    shown = ranker.Impressions(data, Split.TEST)
    # Predicted 10 of "a" (30 s, two without a click), 1 of "b" (10 s, two without).
    logits = _logits_of(data, {"a": math.log(10)}).predictions(data, shown.rows).order
    found = calibration.measure(
        shown, predictions.Predictions(logits, logits=logits), CONFIG
    )
    assert not found.seconds
    assert [row.impressions for row in found.odds] == [3, 3]
    assert [row.predicted for row in found.odds] == pytest.approx([1, 10])
    assert [row.observed[0] for row in found.odds] == pytest.approx([10 / 2, 30 / 2])


def test_parts_of_the_impressions_are_measured_alone(tmp_path: pathlib.Path) -> None:
    new = [
        ("u0", "n1", 90, True, 60.0),
        ("u0", "n2", 90, False, 0.0),
        ("u1", "n1", 91, False, 0.0),
        ("u2", "n2", 91, True, 5.0),
    ]
    data = _data(tmp_path, TRAIN + TEST + new)
    shown = ranker.Impressions(data, Split.TEST)
    assert (shown.videos > data.vocabulary_size).sum() == 4
    # "n2" above all, "a" above "b".
    logits = _logits_of(data, {"a": 1.0, "n2": 2.0}).predictions(data, shown.rows)
    found = impression_slices.measure(data, shown, {"ranker": logits}, CONFIG)
    known, unknown = found["id_embedding"]
    assert (known.value, unknown.value) == (
        "with an id embedding",
        "without an id embedding",
    )
    assert (known.impressions, known.clicks, known.users) == (4, 2, 2)
    assert (unknown.impressions, unknown.clicks, unknown.users) == (4, 2, 3)
    # As of the first test: pairs with "n1" and "n2" do not count.
    assert known.models["ranker"]["weighted_per_user_loss"][0] == pytest.approx(10 / 40)
    # u0's page alone has both: its 60 s are below.
    assert unknown.models["ranker"]["weighted_per_user_loss"][0] == 1.0
    # Clicks score 0 and 2, the others 2 and 0.
    assert unknown.models["ranker"]["auc"][0] == pytest.approx((0.5 + 0 + 1 + 0.5) / 4)


def test_without_new_videos_there_are_no_parts(tmp_path: pathlib.Path) -> None:
    data = _data(tmp_path, TRAIN + TEST)
    shown = ranker.Impressions(data, Split.TEST)
    predicted = {"ranker": _logits_of(data, {}).predictions(data, shown.rows)}
    assert impression_slices.measure(data, shown, predicted, CONFIG) == {}
