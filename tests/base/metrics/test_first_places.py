"""Shares of first places, by values derived by hand."""

import numpy as np
import pytest

from ytdnn.base.metrics import first_places

# Two lists, their rows mixed: list 0 has seconds 10, 0, 30, 20; list 1 has 5, 0.
LISTS = np.array([0, 1, 0, 0, 1, 0])
GAINS = np.array([10.0, 5.0, 0.0, 30.0, 0.0, 20.0])


def _share(scores: np.ndarray, share: float) -> float:
    (held,), total = first_places.gains_of_first(LISTS, scores, GAINS, [share], 2)
    return float(held.sum() / total.sum())


def test_halves_by_hand() -> None:
    # Order of list 0: 30, 0 | 20, 10; of list 1: 0 | 5.
    scores = np.array([1.0, 1.0, 3.0, 4.0, 2.0, 2.0])
    (held,), total = first_places.gains_of_first(LISTS, scores, GAINS, [0.5], 2)
    assert held.tolist() == [30.0, 0.0]
    assert total.tolist() == [60.0, 5.0]


def test_a_place_at_the_cut_counts_by_its_part() -> None:
    # 3/8 of 4 places is the first and half of the second; of 2 places 3/4 of the first.
    (held,), _ = first_places.gains_of_first(LISTS, GAINS, GAINS, [3 / 8], 2)
    assert held.tolist() == pytest.approx([30.0 + 20.0 / 2, 5.0 * 3 / 4])


def test_ties_share_their_places() -> None:
    # In list 0 the two of score 2 (30 and 0 s) share a place inside and one outside.
    scores = np.array([1.0, 2.0, 2.0, 2.0, 1.0, 3.0])
    (held,), _ = first_places.gains_of_first(LISTS, scores, GAINS, [0.5], 2)
    assert held.tolist() == pytest.approx([20.0 + (30.0 + 0.0) / 2, 5.0])


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


def test_lists_without_rows_or_gains_are_zero() -> None:
    (held,), total = first_places.gains_of_first(
        np.array([1]), np.array([1.0]), np.array([0.0]), [0.5], 3
    )
    assert held.tolist() == total.tolist() == [0.0, 0.0, 0.0]
    none = np.zeros(0)
    (held,), _ = first_places.gains_of_first(none.astype(int), none, none, [0.5], 2)
    assert held.tolist() == [0.0, 0.0]
