import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn.base.metrics import binary

_EXAMPLES = st.lists(
    st.tuples(st.booleans(), st.integers(-2, 2), st.integers(0, 3)), max_size=12
)


def _pairwise_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    won = total = 0.0
    for i in np.flatnonzero(labels):
        for j in np.flatnonzero(~labels):
            pair = weights[i] * weights[j]
            total += pair
            won += pair * (
                1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
            )
    return won / total if total else math.nan


@settings(max_examples=150, deadline=None)
@given(_EXAMPLES)
def test_auc_equals_counting_pairs(examples: list[tuple[bool, int, int]]) -> None:
    labels = np.array([label for label, _, _ in examples], bool)
    scores = np.array([score for _, score, _ in examples], float)
    weights = np.array([weight for _, _, weight in examples], float)
    expected = _pairwise_auc(labels, scores, weights)
    np.testing.assert_allclose(binary.auc(labels, scores, weights), expected)
    flipped = binary.auc(~labels, scores, weights)
    np.testing.assert_allclose(flipped, 1 - expected)


def test_log_losses_by_hand() -> None:
    # logit ln 3 is probability 3/4: −ln(3/4) for the click, −ln(1/4) for the other.
    losses = binary.log_losses(np.array([True, False]), np.full(2, math.log(3)))
    np.testing.assert_allclose(losses, [-math.log(3 / 4), -math.log(1 / 4)])


def test_log_loss_does_not_overflow() -> None:
    losses = binary.log_losses(np.array([True, False]), np.array([-800.0, 800.0]))
    np.testing.assert_allclose(losses, [800.0, 800.0])


def _auc_by_pairs(labels: np.ndarray, scores: np.ndarray) -> float:
    """Counts pairs one by one."""
    wins = [
        1.0 if p > n else 0.5 if p == n else 0.0
        for p in scores[labels]
        for n in scores[~labels]
    ]
    return float(np.mean(wins)) if wins else float("nan")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.booleans(), st.integers(-2, 2)), max_size=25
    )
)
def test_grouped_auc_is_that_of_the_pairs_of_each_group(
    rows: list[tuple[int, bool, int]],
) -> None:
    groups = np.array([row[0] for row in rows], int)
    labels = np.array([row[1] for row in rows], bool)
    scores = np.array([row[2] for row in rows], float)
    found = binary.grouped_auc(groups, labels, scores, 5)
    for group in range(5):
        inside = groups == group
        expected = _auc_by_pairs(labels[inside], scores[inside])
        assert found[group] == pytest.approx(expected, nan_ok=True)


def test_click_log_loss_is_that_of_the_logits() -> None:
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(size=50), rng.random(50) < 0.4
    found = binary.click_log_losses(labels, 1.0 / (1.0 + np.exp(-logits)))
    np.testing.assert_allclose(found, binary.log_losses(labels, logits))


def test_auc_draws_are_those_of_weighted_auc() -> None:
    """Each group's examples weighted by how often it is drawn, one draw at a time."""
    rng = np.random.default_rng(0)
    num, num_groups = 3_000, 40
    groups = rng.integers(num_groups, size=num)
    scores = rng.normal(size=num)
    labels = rng.random(num) < 1 / (1 + np.exp(-scores - groups / 40))
    counts = rng.integers(0, 3, (25, num_groups)).astype(float)
    draws = binary.auc_draws(groups, labels, scores, [counts[:10], counts[10:]])
    by_hand = [binary.auc(labels, scores, row[groups]) for row in counts]
    np.testing.assert_allclose(draws, by_hand, atol=3e-4)
    assert np.std(by_hand) > 10 * np.abs(draws - by_hand).max()


def test_auc_draws_with_few_bins_keep_their_middle() -> None:
    rng = np.random.default_rng(1)
    groups = np.arange(500) % 50
    scores, labels = rng.normal(size=500), rng.random(500) < 0.3
    (draw,) = binary.auc_draws(groups, labels, scores, [np.ones((1, 50))], num_bins=4)
    assert draw == pytest.approx(binary.auc(labels, scores))
