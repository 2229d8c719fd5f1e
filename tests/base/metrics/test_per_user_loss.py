import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn.base.metrics import per_user_loss

_IMPRESSION = st.tuples(
    st.integers(0, 2), st.booleans(), st.integers(0, 3), st.integers(0, 50)
)


def _pairwise(
    pages: np.ndarray, labels: np.ndarray, scores: np.ndarray, seconds: np.ndarray
) -> float:
    mispredicted = total = 0.0
    for i in np.flatnonzero(labels):
        for j in np.flatnonzero(~labels & (pages == pages[i])):
            total += seconds[i]
            if scores[j] > scores[i]:
                mispredicted += seconds[i]
            elif scores[j] == scores[i]:
                mispredicted += seconds[i] / 2
    return mispredicted / total if total else math.nan


@settings(max_examples=200, deadline=None)
@given(st.lists(_IMPRESSION, max_size=14))
def test_equals_counting_pairs(rows: list[tuple[int, bool, int, int]]) -> None:
    pages, labels, scores, seconds = (
        np.array([row[i] for row in rows], kind)
        for i, kind in enumerate((int, bool, float, float))
    )
    found = per_user_loss.weighted_per_user_loss(pages, labels, scores, seconds)
    np.testing.assert_allclose(found, _pairwise(pages, labels, scores, seconds))


def test_hand_worked_page() -> None:
    # Page 0: positives 30 s (0.9) and 10 s (0.2); negatives 0.5 and 0.2. Of the 30 s
    # no pair is lost; of the 10 s one is lost and one tied: 10 + 5 of 2·30 + 2·10.
    # Page 1 has no negative, so no pairs.
    pages = np.array([0, 0, 1, 0, 0])
    labels = np.array([True, True, True, False, False])
    scores = np.array([0.9, 0.2, 0.0, 0.5, 0.2])
    seconds = np.array([30.0, 10.0, 99.0, 0.0, 0.0])
    loss = per_user_loss.weighted_per_user_loss(pages, labels, scores, seconds)
    assert loss == pytest.approx(15 / 80)


def test_watch_time_weighs_positives() -> None:
    # The long watch is ranked wrongly, the short one rightly.
    pages = np.zeros(3, int)
    labels = np.array([True, True, False])
    scores = np.array([0.1, 0.9, 0.5])
    loss = per_user_loss.weighted_per_user_loss
    assert loss(pages, labels, scores) == pytest.approx(1 / 2)
    seconds = np.array([90.0, 10.0, 0.0])
    assert loss(pages, labels, scores, seconds) == pytest.approx(9 / 10)


def test_sums_of_users_add_up_to_the_loss() -> None:
    rng = np.random.default_rng(1)
    pages, labels = rng.integers(0, 6, 50), rng.random(50) < 0.5
    scores = rng.normal(size=50)
    wrong, total = per_user_loss.watch_time_of_pairs(pages, labels, scores)
    assert not wrong[~labels].any()
    loss = per_user_loss.weighted_per_user_loss(pages, labels, scores)
    assert wrong.sum() / total.sum() == pytest.approx(loss)
