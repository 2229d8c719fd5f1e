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


@pytest.mark.parametrize("seconds", [0.25, 1.0, None])
def test_a_single_pair_of_little_watch_time_counts(seconds: float | None) -> None:
    page, labels = np.zeros(2, int), np.array([True, False])
    watched = None if seconds is None else np.array([seconds, 0.0])
    for scores, expected in (([1.0, 0.0], 0.0), ([0.0, 1.0], 1.0)):
        found = per_user_loss.weighted_per_user_loss(
            page, labels, np.array(scores), watched
        )
        assert found == expected


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


def test_order_of_impressions_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    pages, labels = rng.integers(0, 5, 60), rng.random(60) < 0.4
    scores, seconds = rng.integers(0, 9, 60).astype(float), rng.uniform(1, 9, 60)
    order = rng.permutation(60)
    loss = per_user_loss.weighted_per_user_loss
    shuffled = loss(pages[order], labels[order], scores[order], seconds[order])
    assert loss(pages, labels, scores, seconds) == pytest.approx(shuffled)


def test_constant_score_mispredicts_half() -> None:
    labels = np.array([True, False, True, False])
    pages = np.array([0, 0, 1, 1])
    loss = per_user_loss.weighted_per_user_loss(pages, labels, np.zeros(4))
    assert loss == 0.5


@pytest.mark.parametrize("labels", [[True, True], [False, False], []])
def test_no_pairs_is_undefined(labels: list[bool]) -> None:
    zeros = np.zeros(len(labels))
    loss = per_user_loss.weighted_per_user_loss(
        zeros.astype(int), np.array(labels), zeros
    )
    assert math.isnan(loss)


def test_sums_of_users_add_up_to_the_loss() -> None:
    rng = np.random.default_rng(1)
    pages, labels = rng.integers(0, 6, 50), rng.random(50) < 0.5
    scores = rng.normal(size=50)
    wrong, total = per_user_loss.watch_time_of_pairs(pages, labels, scores)
    assert not wrong[~labels].any()
    loss = per_user_loss.weighted_per_user_loss(pages, labels, scores)
    assert wrong.sum() / total.sum() == pytest.approx(loss)
