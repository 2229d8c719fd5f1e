"""Off-policy estimates: closed form, unbiased in simulation, intervals that cover."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from ytdnn.lab.metrics import off_policy

NUM_ACTIONS = 4


def test_by_hand() -> None:
    logged = off_policy.Decisions(
        users=np.arange(4),
        rewards=np.array([4.0, 0.0, 2.0, 8.0]),
        propensities=np.array([0.5, 0.5, 0.25, 1.0]),
        target=np.array([0.25, 1.0, 0.5, 0.0]),
        modelled=np.array([3.0, 1.0, 1.0, 5.0]),
        modelled_target=np.array([2.0, 2.0, 2.0, 2.0]),
    )
    # Weights 1/2, 2, 2, 0: (2 + 0 + 4 + 0) / 4, over 4.5, and 2 + (.5 - 2 + 2) / 4.
    assert off_policy.inverse_propensity(logged).value == pytest.approx(1.5)
    assert off_policy.self_normalised(logged).value == pytest.approx(6.0 / 4.5)
    assert off_policy.doubly_robust(logged).value == pytest.approx(2.125)
    size = off_policy.inverse_propensity(logged).effective_size
    assert size == pytest.approx(4.5**2 / 8.25)


def test_the_policy_of_the_log_is_worth_its_mean() -> None:
    rng = np.random.default_rng(0)
    chances, rewards = rng.random(50), rng.random(50)
    logged = off_policy.Decisions(np.arange(50), rewards, chances, chances)
    for estimate in (off_policy.inverse_propensity, off_policy.self_normalised):
        assert estimate(logged).value == pytest.approx(rewards.mean())


def simulated(rng: np.random.Generator) -> tuple[off_policy.Decisions, float]:
    """Returns decisions of 300 users with contexts, and the true value."""
    num = 900
    users = rng.integers(300, size=num)
    liking = np.random.default_rng(9).normal(size=(300, NUM_ACTIONS))[users]
    truth = np.exp(0.5 * liking)

    def softmax(logits: np.ndarray) -> np.ndarray:
        shares = np.exp(logits)
        return shares / shares.sum(axis=1, keepdims=True)

    of_log, of_target = softmax(0.3 * liking), softmax(1.5 * liking)
    cumulated = of_log.cumsum(axis=1)
    shown = (rng.random((num, 1)) > cumulated).sum(axis=1).clip(max=NUM_ACTIONS - 1)
    row = np.arange(num)
    model = truth + 0.3  # wrong, but by a constant
    logged = off_policy.Decisions(
        users,
        truth[row, shown] * rng.exponential(size=num),
        of_log[row, shown],
        of_target[row, shown],
        model[row, shown],
        (of_target * model).sum(axis=1),
    )
    return logged, float((of_target * truth).sum(axis=1).mean())


@pytest.mark.parametrize(
    "estimate",
    [
        off_policy.inverse_propensity,
        off_policy.self_normalised,
        off_policy.doubly_robust,
    ],
)
def test_simulation_shows_no_bias_and_intervals_cover(
    estimate: Callable[[off_policy.Decisions], off_policy.Estimate],
) -> None:
    rng = np.random.default_rng(2)
    errors, covered = [], []
    for _ in range(300):
        logged, truth = simulated(rng)
        found = estimate(logged)
        errors.append(found.value - truth)
        covered.append(found.low <= truth <= found.high)
    spread = np.std(errors)
    assert abs(np.mean(errors)) < 4.0 * spread / math.sqrt(300) + 0.01
    assert np.mean(covered) > 0.91


def test_the_model_takes_noise_away() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        logged, truth = simulated(rng)
        found.append(
            [
                off_policy.inverse_propensity(logged).value - truth,
                off_policy.doubly_robust(logged).value - truth,
            ]
        )
    plain, mended = np.std(found, axis=0)
    assert mended < plain


def test_what_cannot_be_a_propensity_is_refused() -> None:
    with pytest.raises(ValueError, match=r"in \(0, 1\], received 0.0"):
        off_policy.Decisions(*np.zeros((4, 3)))
    one = np.ones(3)
    with pytest.raises(ValueError, match="modelled"):
        off_policy.doubly_robust(off_policy.Decisions(np.arange(3), one, one, one))
