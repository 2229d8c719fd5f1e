"""What a ranker predicts is brought to what its validation window shows."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import planted
from ytdnn import configs
from ytdnn.log import events
from ytdnn.ranking import building, heads
from ytdnn.training import ranker_calibration

N = 20_000


def rows(
    watched: np.ndarray, clicked: np.ndarray, chances: np.ndarray, given: np.ndarray
) -> np.ndarray:
    return np.column_stack([chances, chances * given, clicked, watched])


@pytest.mark.parametrize("kind", ["seconds", "milliseconds", "capped", "equal"])
def test_any_unit_or_shape_of_watch_times_ends_calibrated(kind: str) -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0.1, 0.9, N)
    clicked = rng.random(N) < true
    log_odds = 2.0 * np.log(true / (1.0 - true)) + 0.5  # too sure of itself
    chances = 1.0 / (1.0 + np.exp(-log_odds))
    given = rng.uniform(5.0, 60.0, N)
    seconds = given * rng.exponential(size=N)
    made = {
        "seconds": seconds,
        "milliseconds": 1_000.0 * seconds,
        "capped": np.minimum(seconds, 10.0),
        "equal": np.full(N, 30.0),
    }
    watched = np.where(clicked, made[kind], 0.0)
    found = ranker_calibration._fitted(rows(watched, clicked, chances, given))
    moved = found.clicks.shift + found.clicks.slope * log_odds
    p = 1.0 / (1.0 + np.exp(-moved))
    assert np.abs(p - true).mean() < 0.02
    said = np.exp(found.seconds.shift + found.seconds.slope * np.log(p * given))
    assert said.sum() == pytest.approx(watched.sum(), rel=0.02)


def test_a_calibrated_model_is_left_as_it_is() -> None:
    rng = np.random.default_rng(1)
    chances, given = rng.uniform(0.1, 0.9, N), rng.uniform(5.0, 60.0, N)
    clicked = rng.random(N) < chances
    watched = np.where(clicked, given * rng.exponential(size=N), 0.0)
    found = ranker_calibration._fitted(rows(watched, clicked, chances, given))
    assert found == heads.NOT_CALIBRATED


@pytest.mark.parametrize("keeps_mean", [True, False])
def test_a_loss_that_keeps_no_mean_is_brought_to_it(keeps_mean: bool) -> None:
    rng = np.random.default_rng(2)
    size = 2_000  # too few to tell 4 % from chance
    chances, given = rng.uniform(0.1, 0.9, size), rng.uniform(5.0, 60.0, size)
    clicked = rng.random(size) < chances
    watched = np.where(clicked, given * rng.exponential(size=size), 0.0)
    watched *= 1.04 * (chances * given).sum() / watched.sum()
    found = ranker_calibration._fitted(
        rows(watched, clicked, chances, given), keeps_mean
    )
    if keeps_mean:
        assert found == heads.NOT_CALIBRATED
    else:
        assert found.clicks == heads.NOT_CALIBRATED.clicks
        assert found.seconds.slope == 1.0
        assert np.exp(found.seconds.shift) == pytest.approx(1.04)


@pytest.mark.parametrize(("noise", "weight"), [(2.0, 1.0), (0.0, 0.0)])
def test_counted_seconds_weigh_where_they_order_better(
    noise: float, weight: float
) -> None:
    rng = np.random.default_rng(3)
    users, counted = np.repeat(np.arange(400), 20), rng.normal(size=8_000)
    own = rng.normal(size=8_000)
    gains = np.exp(own + (counted if noise else 0.0))
    order = own + noise * rng.normal(size=8_000)
    rows = np.column_stack([users, gains, order, order + counted])
    assert ranker_calibration.best_weight(rows) == weight
    rows[:, 1] = 0.0  # nothing was watched
    assert ranker_calibration.best_weight(rows) == 0.0


@pytest.mark.parametrize("worse", [0, 7, 11, 12])
def test_counted_seconds_cost_the_first_places_no_more_than_chance(worse: int) -> None:
    """They bring a second watch into each first half, the best one down or up."""
    own = np.tile([4.0, 3.0, 2.0, 1.0], (12, 1))
    gains, counted = np.zeros((12, 4)), np.zeros((12, 4))
    gains[:worse, 0] = gains[worse:, 1] = 100.0
    gains[:, 2], counted[:, 2], counted[worse:, 1] = 1.0, 6.0, 6.0
    columns = np.repeat(np.arange(12.0), 4), gains, own, own + counted
    rows = np.column_stack([np.ravel(column) for column in columns])
    assert ranker_calibration.best_weight(rows) == (0.5 if worse < 11 else 0.0)


def test_the_order_follows_counted_seconds_by_the_weight_that_was_found(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, seen = planted.prepared_data(tmp_path), []
    config = configs.changed(
        planted.tiny_config().ranking,
        {
            "features": configs.FeaturesConfig(),
            "head": configs.ClickTimesWatchTimeConfig(),
        },
    )
    ranker = building.build(config, data)
    rows = np.flatnonzero(data.impressions.splits == events.Split.VALIDATION)
    ranker_calibration.calibrate(config, data, ranker)
    plain = ranker.predictions(data, rows)
    own = ranker.measured.calibration.counted

    def found(rows: np.ndarray) -> float:
        seen.append(rows[:, 3] - rows[:, 2])
        return own + 0.5

    monkeypatch.setattr(ranker_calibration, "best_weight", found)
    ranker.calibrate(heads.NOT_CALIBRATED)
    ranker_calibration.calibrate(config, data, ranker)
    moved = ranker.predictions(data, rows)
    tensors = ranker.open_log(data).impressions(tf.constant(rows))
    clicks = ranker.measured.clicks
    counted = tensors["video_click_rate"] * tensors["video_seconds_per_click"]
    ratios = counted[:, 0] / (clicks.probability * clicks.seconds)
    np.testing.assert_allclose(
        moved.order - plain.order, 0.5 * np.log(ratios), atol=1e-4
    )
    np.testing.assert_array_equal(moved.seconds, plain.seconds)
    assert len(seen[0]) == len(rows)
    assert seen[0].std() > 0.0
