"""A sequential test: its formula, its p-value and interval agree, looks do no harm."""

import math

import numpy as np
import pytest

from ytdnn.lab.metrics import sequential


def test_the_likelihood_ratio_by_hand() -> None:
    # V = 1, τ² = 3, d = 4: Λ = sqrt(1/4) · exp(3 · 16 / 8) = e⁶ / 2.
    assert sequential.p_value(4.0, 1.0, 3.0) == pytest.approx(2.0 * math.exp(-6.0))
    assert sequential.p_value(0.0, 1.0, 3.0) == 1.0


@pytest.mark.parametrize("variance", [0.1, 1.0, 7.0])
def test_the_interval_ends_where_the_p_value_is_alpha(variance: float) -> None:
    half = sequential.half_width(variance, 8.5, 0.05)
    assert sequential.p_value(half, variance, 8.5) == pytest.approx(0.05)


def test_daily_looks_keep_the_level_where_a_fixed_test_does_not() -> None:
    sums = np.random.default_rng(0).normal(size=(2_000, 30)).cumsum(axis=1)
    looks = np.arange(1, 31)
    means, variances = sums / looks, 1.0 / looks
    mixture = sequential.mixture_variance(1.0 / 30.0)
    halves = [sequential.half_width(float(v), mixture) for v in variances]
    alarms = (np.abs(means) > np.array(halves)).any(axis=1).mean()
    peeking = (np.abs(means) > 1.96 * np.sqrt(variances)).any(axis=1).mean()
    assert alarms <= 0.05
    assert peeking > 0.2


def test_without_a_plan_nothing_is_concluded() -> None:
    assert sequential.half_width(1.0, 0.0) == math.inf
    assert sequential.p_value(9.0, 1.0, 0.0) == 1.0
    assert sequential.half_width(math.inf, 1.0) == math.inf
