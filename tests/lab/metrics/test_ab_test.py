"""Differences by user: by hand, against simulation, with and without CUPED."""

import math

import numpy as np
import pytest

from ytdnn.lab.metrics import ab_test


def sums(
    totals: np.ndarray, counts: np.ndarray, before: np.ndarray | None = None
) -> ab_test.Sums:
    nothing = np.zeros(len(totals))
    earlier = nothing if before is None else before
    there = nothing if before is None else np.ones(len(totals))
    return ab_test.Sums(totals, counts, earlier, there)


def test_the_ratio_by_hand() -> None:
    totals, counts = np.array([6.0, 0.0, 6.0]), np.array([2.0, 1.0, 1.0])
    # 12 / 4 = 3. Parts: (6 - 3·2, 0 - 3, 6 - 3) / (4/3) = (0, -9/4, 9/4). Leverages:
    # 1/2, 1/4, 1/4, so the parts become (0, -3, 3) and the variance 18 / 9.
    np.testing.assert_allclose(ab_test.linearised(totals, counts), [0.0, -2.25, 2.25])
    found = ab_test.ratio(totals, counts)
    assert found.value == 3.0
    assert found.standard_error == pytest.approx(math.sqrt(2.0))


def test_the_error_of_a_ratio_is_that_of_simulation() -> None:
    rng = np.random.default_rng(0)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        counts = 1.0 + rng.poisson(3.0, 300)
        rate = rng.gamma(2.0, 50.0, 300)  # a user's visits are alike
        return counts * rate, counts

    found = [ab_test.ratio(*draw()) for _ in range(600)]
    spread = np.std([one.value for one in found])
    errors = np.mean([one.standard_error for one in found])
    assert errors == pytest.approx(spread, rel=0.08)


def test_cuped_takes_off_what_users_brought_along() -> None:
    rng = np.random.default_rng(1)
    plain, sharp, kept = [], [], []
    for _ in range(300):
        liking = rng.normal(10.0, 3.0, 400)
        before = liking + rng.normal(0.0, 1.0, 400)
        after = liking + rng.normal(0.0, 1.0, 400)
        arm = rng.random(400) < 0.5
        after[arm] += 0.5
        both = [sums(after[at], np.ones(at.sum()), before[at]) for at in (~arm, arm)]
        plain.append(ab_test.difference(both[0], both[1], cuped=False))
        sharp.append(ab_test.difference(both[0], both[1]))
        kept.append(sharp[-1].variance_kept)
    # Correlation .9 leaves 1 - .81 of the variance.
    assert np.mean(kept) == pytest.approx(0.19, abs=0.02)
    values = np.array([one.difference for one in sharp])
    assert values.mean() == pytest.approx(0.5, abs=0.03)  # unbiased
    assert np.mean([one.standard_error for one in sharp]) == pytest.approx(
        values.std(), rel=0.1
    )
    assert values.std() < 0.5 * np.std([one.difference for one in plain])


def test_intervals_of_few_unequal_users_cover() -> None:
    """Few users make most visits: a variance of raw parts would be too small."""
    rng = np.random.default_rng(2)
    misses = 0
    for _ in range(400):
        counts = np.ceil(rng.lognormal(1.0, 1.2, 60))
        totals = rng.normal(0.0, 1.0, 60) * counts
        found = ab_test.difference(
            sums(totals[:30], counts[:30]), sums(totals[30:], counts[30:])
        )
        misses += found.p_value < 0.05
    assert misses / 400 < 0.085


def test_lift_and_its_error() -> None:
    """Without CUPED that of a ratio of two independent arms: 150 ± 3 over 100 ± 2."""
    first = ab_test.Ratio(100.0, 2.0)
    plain = ab_test.MeanDifference(50.0, math.sqrt(13.0), 0.0, 1.0)
    found = ab_test.lift(first, plain)
    assert found.value == pytest.approx(0.5)
    # sqrt(3² + (1.5 · 2)²) / 100
    assert found.standard_error == pytest.approx(math.sqrt(18.0) / 100.0)
    assert math.isnan(ab_test.lift(ab_test.Ratio(0.0, 1.0), plain).value)
