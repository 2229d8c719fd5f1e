"""Calibration by quantile: values by hand, ties, and intervals over users."""

import math

import numpy as np
import pytest

from ytdnn.base.metrics import calibration


def test_seconds_by_hand() -> None:
    users = np.array([0, 0, 1, 1])
    predicted = np.array([4.0, 1.0, 6.0, 3.0])
    seconds = np.array([0.0, 0.0, 20.0, 8.0])
    low, high = calibration.by_quantile(users, predicted, seconds, num_bins=2)
    assert (low.predicted, low.observed, low.ratio) == (2.0, 4.0, 0.5)
    assert (high.predicted, high.observed, high.ratio) == (5.0, 10.0, 0.5)
    assert low.num_examples == high.num_examples == 2
    # Resampled users: user 0 alone watched nothing, user 1 alone 8 s and 20 s.
    assert low.observed_interval == (0.0, 8.0)
    # Without a second watched there is no ratio; of user 1 alone it is 6 / 20.
    assert high.ratio_interval == pytest.approx((0.3, 0.5))


def test_odds_divide_by_what_was_not_clicked() -> None:
    # Lower half: predictions 1, 1; one click of 8 s, one without: odds 8 / 1.
    # Upper half: 3, 3; two clicks: nothing to divide by.
    predicted = np.array([3.0, 1.0, 3.0, 1.0])
    clicked = np.array([True, True, True, False])
    seconds = np.array([5.0, 8.0, 5.0, 0.0])
    low, high = calibration.by_quantile(
        np.zeros(4, int), predicted, seconds, ~clicked, num_bins=2
    )
    assert (low.predicted, low.observed, low.num_examples) == (1.0, 8.0, 2)
    assert math.isnan(high.observed)


def test_calibrated_odds_have_ratio_one() -> None:
    """With x seen and odds E[T] / (1 - P) of it predicted, in a bin of many x."""
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.1, 0.8, 400_000)
    clicked = rng.random(len(chance)) < chance
    odds = 30.0 * chance / (1.0 - chance)
    (found,) = calibration.by_quantile(
        np.arange(len(chance)) % 50, odds, 30.0 * clicked, ~clicked, num_bins=1
    )
    assert found.ratio == pytest.approx(1.0, abs=0.02)
    assert found.ratio_interval[0] < 1.0 < found.ratio_interval[1]


def test_intervals_are_those_of_a_plain_bootstrap() -> None:
    rng = np.random.default_rng(1)
    users = rng.integers(0, 60, 3_000)
    users[:60] = np.arange(60)
    predicted = rng.gamma(2.0, 10.0, 3_000)
    seconds = predicted * rng.gamma(0.5, 2.0, 3_000) * (1.0 + (users % 3))
    found = calibration.by_quantile(users, predicted, seconds, num_bins=3)
    of_row = calibration.bins(predicted, 3)
    for place, one in enumerate(found):
        draws = []
        for _ in range(500):
            counts = np.bincount(rng.integers(0, 60, 60), minlength=60)[users]
            counts = counts * (of_row == place)
            draws.append(counts @ predicted / (counts @ seconds))
        low, high = np.percentile(draws, [2.5, 97.5])
        assert one.ratio_interval == pytest.approx((low, high), rel=0.05)
        assert one.ratio_interval[0] < one.ratio < one.ratio_interval[1]


@pytest.mark.parametrize("size", [1, 3, 10, 25, 1_000])
def test_bins_are_equally_large_and_in_order(size: int) -> None:
    predicted = np.random.default_rng(size).permutation(size) / 7.0
    found = calibration.bins(predicted)
    counts = np.bincount(found)
    assert len(counts) == min(10, size)
    assert counts.max() - counts.min() <= 1
    assert (np.diff(found[np.argsort(predicted)]) >= 0).all()


def test_equal_predictions_share_a_bin() -> None:
    predicted = np.random.default_rng(0).integers(0, 4, 90).astype(float)
    found = calibration.bins(predicted, 3)
    for value in range(4):
        assert len(set(found[predicted == value].tolist())) == 1
    (constant,) = calibration.by_quantile(
        np.arange(5), np.full(5, 2.0), np.array([0.0, 0, 0, 10, 0])
    )
    assert (constant.predicted, constant.observed) == (2.0, 2.0)


def test_nothing_and_no_watch_time() -> None:
    empty = np.zeros(0)
    assert calibration.by_quantile(np.zeros(0, int), empty, empty) == []
    (found,) = calibration.by_quantile(np.zeros(2, int), np.ones(2), np.zeros(2))
    assert found.observed == 0.0
    assert math.isnan(found.ratio)
    assert math.isnan(found.ratio_interval[0])
