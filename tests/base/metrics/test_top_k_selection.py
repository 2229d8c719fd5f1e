import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn.base.metrics import exact_top_k, top_k_selection


def _ragged(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0] + [len(row) for row in rows])
    return offsets, np.array([video for row in rows for video in row], np.int32)


def _sorted(scores: np.ndarray, gone: np.ndarray, k: int) -> np.ndarray:
    """Sorts whole rows by (score down, index up), without what is gone."""
    lists = np.zeros((len(scores), k), np.int32)
    for user, row in enumerate(scores):
        order = [i for i in np.argsort(-row, kind="stable") if not gone[user, i]]
        lists[user, : min(k, len(order))] = np.array(order[:k]) + 1
    return lists


@settings(max_examples=100, deadline=None)
@given(
    users=st.integers(1, 7),
    videos=st.integers(1, 60),
    k=st.integers(1, 12),
    values=st.integers(1, 30),
    block=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_lists_found_block_by_block_are_those_of_a_whole_sort(
    users: int, videos: int, k: int, values: int, block: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(-values, values, (users, videos)).astype(np.float32)
    watched = [rng.integers(0, videos + 1, 5).tolist() for _ in range(users)]
    since, times = rng.integers(0, 9, videos), rng.integers(0, 9, users)
    gone = since > times[:, np.newaxis]
    for user, row in enumerate(watched):
        gone[user, [video - 1 for video in row if video]] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_k_selection, "_VIDEOS_A_BLOCK", block)
        patch.setattr(top_k_selection, "_MOST_USERS_A_BLOCK", 3)
        found = top_k_selection.best_of(
            lambda u, v, out: np.copyto(out, scores[u, v]),
            scores.shape,
            _ragged(watched),
            k,
            available=(since, times),
        )
    np.testing.assert_array_equal(found, _sorted(scores, gone, k))


@settings(max_examples=50, deadline=None)
@given(
    videos=st.integers(1, 200),
    k=st.integers(1, 12),
    block=st.integers(1, 70),
    seed=st.integers(0, 2**32 - 1),
)
def test_blocks_made_elsewhere_give_the_same_lists_and_scores(
    videos: int, k: int, block: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(-9, 9, (5, videos)).astype(np.float32)
    watched = _ragged([rng.integers(0, videos + 1, 9).tolist() for _ in range(5)])

    def made(u: slice, v: slice, out: np.ndarray) -> top_k_selection.ScoreBlock:
        own = scores[u, v].copy()
        number = own.shape[1] // top_k_selection.GROUP
        groups = own[:, : number * top_k_selection.GROUP]
        return top_k_selection.ScoreBlock(
            own, groups.reshape(len(own), top_k_selection.GROUP, number).max(1)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_k_selection, "_VIDEOS_A_BLOCK", block)
        patch.setattr(top_k_selection, "_MOST_USERS_A_BLOCK", 3)
        found, best = top_k_selection.scored_best_of(made, scores.shape, watched, k)
        plain = top_k_selection.best_of(
            lambda u, v, out: np.copyto(out, scores[u, v]), scores.shape, watched, k
        )
    np.testing.assert_array_equal(found, plain)
    rows = np.arange(5)[:, np.newaxis]
    expected = np.where(found > 0, scores[rows, found - 1], 0)
    np.testing.assert_array_equal(best, expected)


def test_equal_videos_stand_in_the_order_of_their_indices_across_blocks() -> None:
    # 18,001 videos (three blocks) are copies of 60: every list is full of ties. Small
    # whole numbers, so that no product is rounded.
    rng = np.random.default_rng(0)
    kinds = rng.integers(-3, 4, (60, 48)).astype(np.float32)
    which = rng.integers(0, 60, 18_001)
    users = rng.integers(-3, 4, (37, 48)).astype(np.float32)
    top = exact_top_k.top_k(users, kinds[which], None, None, 250)
    scores = (users @ kinds.T)[:, which]
    np.testing.assert_array_equal(top, _sorted(scores, np.zeros(scores.shape), 250))


def test_a_video_that_comes_out_after_the_request_is_not_listed() -> None:
    users, videos = np.ones((2, 1), np.float32), np.array([[3], [2], [1]], np.float32)
    available = np.array([10, 0, 20]), np.array([9, 10])
    top = exact_top_k.top_k(users, videos, None, None, 3, available=available)
    assert top.tolist() == [[2, 0, 0], [1, 2, 0]]


@pytest.mark.thorough
@pytest.mark.parametrize("k", [10, 500])
@pytest.mark.parametrize("block_bytes", [2**21, 2**24])
def test_memory_stays_within_the_stated_bound(k: int, block_bytes: int) -> None:
    # Whole scores would be 3,000 × 9,000 × 4 bytes, 103 MiB.
    rng = np.random.default_rng(0)
    users = rng.standard_normal((3_000, 4), np.float32)
    videos = rng.standard_normal((9_000, 4), np.float32)
    tracemalloc.start()
    top = exact_top_k.top_k(users, videos, None, None, k, block_bytes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - top.nbytes < block_bytes
