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


def test_equal_predictions_share_a_bin() -> None:
    predicted = np.random.default_rng(0).integers(0, 4, 90).astype(float)
    found = calibration.bins(predicted, 3)
    for value in range(4):
        assert len(set(found[predicted == value].tolist())) == 1
    (constant,) = calibration.by_quantile(
        np.arange(5), np.full(5, 2.0), np.array([0.0, 0, 0, 10, 0])
    )
    assert (constant.predicted, constant.observed) == (2.0, 2.0)
