"""XAUC and page nDCG against brute force over pairs and permutations."""

import itertools
import math

import numpy as np
import pytest

from ytdnn.base.metrics import order_by_seconds


def _xauc(predicted: np.ndarray, observed: np.ndarray) -> float:
    groups = np.zeros(len(observed), np.int64)
    return float(order_by_seconds.grouped_xauc(groups, predicted, observed, 1)[0])


def _tied(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and observations with many ties and many zeros."""
    predicted = rng.integers(0, 7, size) / 2.0
    observed = np.where(rng.random(size) < 0.5, 0.0, rng.integers(1, 6, size) * 10.0)
    return predicted, observed


def _brute(
    groups: np.ndarray, predicted: np.ndarray, observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    alike, pairs = np.zeros(len(groups)), np.zeros(len(groups))
    for i, j in itertools.permutations(range(len(groups)), 2):
        if groups[i] == groups[j] and observed[i] != observed[j]:
            pairs[i] += 1
            order = np.sign(predicted[i] - predicted[j])
            alike[i] += 0.5 + 0.5 * order * np.sign(observed[i] - observed[j])
    return alike, pairs


@pytest.mark.parametrize("size", [1, 2, 3, 17, 64, 131])
@pytest.mark.parametrize("num_groups", [1, 5])
def test_pairs_are_those_of_brute_force(size: int, num_groups: int) -> None:
    rng = np.random.default_rng(size)
    groups = rng.integers(0, num_groups, size) * 3
    predicted, observed = _tied(rng, size)
    for scores in (predicted, rng.normal(size=size)):
        found = order_by_seconds.pairs_alike(groups, scores, observed)
        np.testing.assert_allclose(found, _brute(groups, scores, observed))


def test_grouped_xauc_is_that_of_each_group_alone() -> None:
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 9, 150)
    predicted, observed = _tied(rng, 150)
    found = order_by_seconds.grouped_xauc(groups, predicted, observed, 11)
    for group in range(9):
        own = groups == group
        alone = _xauc(predicted[own], observed[own])
        assert found[group] == pytest.approx(alone, nan_ok=True)
    assert np.isnan(found[9:]).all()


def test_many_rows_are_counted_without_their_pairs() -> None:
    rng = np.random.default_rng(3)
    observed = rng.permutation(200_000)
    assert _xauc(observed * 2.0, observed) == 1.0
    assert _xauc(rng.random(200_000), observed) == pytest.approx(0.5, abs=0.005)


def _dcg(seconds: list[float]) -> float:
    return sum(s / math.log2(rank + 1) for rank, s in enumerate(seconds, 1))


def test_page_ndcg_by_hand() -> None:
    pages = np.array([5, 2, 5, 2, 5, 9])
    scores = np.array([0.1, 0.7, 0.9, 0.2, 0.5, 1.0])
    seconds = np.array([60.0, 30.0, 0.0, 0.0, 20.0, 0.0])
    rows, found = order_by_seconds.page_ndcg(pages, scores, seconds)
    # Page 9 has no watch time; page 2 is in order; page 5 stands 0, 20, 60.
    assert pages[rows].tolist() == [2, 5]
    assert found == pytest.approx([1.0, _dcg([0, 20, 60]) / _dcg([60, 20, 0])])


def test_page_ndcg_of_ties_is_the_mean_of_all_their_orders() -> None:
    scores = np.array([1.0, 1.0, 1.0, 2.0, 0.0])
    seconds = [10.0, 0.0, 70.0, 5.0, 40.0]
    _, found = order_by_seconds.page_ndcg(np.zeros(5, int), scores, np.array(seconds))
    orders = list(itertools.permutations(seconds[:3]))
    mean = np.mean([_dcg([5.0, *order, 40.0]) for order in orders])
    assert found == pytest.approx([mean / _dcg(sorted(seconds, reverse=True))])


# Two lists, their rows mixed: list 0 has seconds 10, 0, 30, 20; list 1 has 5, 0.
LISTS = np.array([0, 1, 0, 0, 1, 0])
GAINS = np.array([10.0, 5.0, 0.0, 30.0, 0.0, 20.0])


def _share(scores: np.ndarray, share: float) -> float:
    (held,), total = order_by_seconds.gains_of_first(LISTS, scores, GAINS, [share], 2)
    return float(held.sum() / total.sum())


def test_halves_by_hand() -> None:
    # Order of list 0: 30, 0 | 20, 10; of list 1: 0 | 5.
    scores = np.array([1.0, 1.0, 3.0, 4.0, 2.0, 2.0])
    (held,), total = order_by_seconds.gains_of_first(LISTS, scores, GAINS, [0.5], 2)
    assert held.tolist() == [30.0, 0.0]
    assert total.tolist() == [60.0, 5.0]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_a_constant_holds_the_share_and_no_order_more_than_the_best(
    share: float,
) -> None:
    assert _share(np.zeros(6), share) == pytest.approx(share)
    rng = np.random.default_rng(0)
    best = _share(GAINS, share)
    assert all(_share(rng.normal(size=6), share) <= best + 1e-12 for _ in range(20))
    assert all(
        _share(rng.normal(size=6), share) >= _share(-GAINS, share) - 1e-12
        for _ in range(20)
    )
