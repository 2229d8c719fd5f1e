import numpy as np
import pytest
import ranx
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn.base.metrics import ranking, retrieval


def _ragged(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0] + [len(row) for row in rows])
    return offsets, np.array([video for row in rows for video in row], np.int32)


def _oracle(scores: np.ndarray, watched: list[list[int]], k: int) -> np.ndarray:
    """Sorts each row by (score down, index up), skipping the watched."""
    top = np.zeros((len(scores), k), np.int32)
    for user, row in enumerate(scores):
        order = sorted(range(len(row)), key=lambda i: (-row[i], i))
        kept = [i + 1 for i in order if i + 1 not in watched[user]][:k]
        top[user, : len(kept)] = kept
    return top


@st.composite
def _problems(draw: st.DrawFn) -> tuple[np.ndarray, list[list[int]], int]:
    users, videos = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    # Few distinct values, so that ties stand at every boundary; both zeros too.
    value = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1.0, 3.0])
    row = st.lists(value, min_size=videos, max_size=videos)
    scores = np.array(draw(st.lists(row, min_size=users, max_size=users)), np.float32)
    seen = st.lists(st.integers(0, videos), max_size=12)
    watched = draw(st.lists(seen, min_size=users, max_size=users))
    return scores, watched, draw(st.integers(1, 11))


@settings(max_examples=150, deadline=None)
@given(_problems(), st.sampled_from([1, 500, 2**20]))
def test_top_k_equals_sorting_everything(
    problem: tuple[np.ndarray, list[list[int]], int], block_bytes: int
) -> None:
    scores, watched, k = problem
    # Identity queries: the products are the scores themselves.
    queries = np.eye(len(scores), dtype=np.float32)
    videos = np.ascontiguousarray(scores.T)
    top = retrieval.top_k(queries, videos, *_ragged(watched), k, block_bytes)
    assert top.dtype == np.int32
    np.testing.assert_array_equal(top, _oracle(scores, watched, k))


def test_top_k_of_random_vectors_equals_sorting_everything() -> None:
    rng = np.random.default_rng(0)
    users = rng.normal(size=(50, 8)).astype(np.float32)
    videos = rng.normal(size=(300, 8)).astype(np.float32)
    watched = [rng.integers(1, 301, 40).tolist() for _ in range(50)]
    top = retrieval.top_k(users, videos, *_ragged(watched), 20)
    np.testing.assert_array_equal(top, _oracle(users @ videos.T, watched, 20))


def test_nothing_is_removed_without_watched_videos() -> None:
    users, videos = np.ones((1, 1), np.float32), np.array([[1], [2]], np.float32)
    assert retrieval.top_k(users, videos, None, None, 2).tolist() == [[2, 1]]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused(value: float) -> None:
    good = np.ones((2, 2), np.float32)
    bad = np.array([[1, value]], np.float32)
    with pytest.raises(ValueError, match="expected finite video vectors"):
        retrieval.top_k(good, bad, None, None, 1)


def test_widths_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="vectors of one width"):
        retrieval.top_k(np.ones((1, 2)), np.ones((1, 3)), None, None, 1)


def test_hits_are_of_the_users_own_targets() -> None:
    top = np.array([[1, 2], [1, 2], [1, 0]], np.int32)
    hits = retrieval.hits_of(top, *_ragged([[2], [3, 1], []]))
    assert hits.tolist() == [[False, True], [True, False], [False, False]]


def test_target_out_of_vocabulary_is_relevant_and_never_hit() -> None:
    # The list has padding (0), which must not match the unknown target (0).
    top = np.array([[5, 0, 0]], np.int32)
    values = retrieval.metrics_at(top, *_ragged([[0, 0, 5]]), ks=(3,))
    assert values["recall@3"].item() == pytest.approx(1 / 3)
    assert values["precision@3"].item() == pytest.approx(1 / 3)


def test_evaluate_composes_ranking_removal_and_metrics() -> None:
    # Scores of videos 1..4: 4, 3, 2, 1; video 1 is watched, the target is video 3,
    # so it stands at rank 2.
    users = np.ones((1, 1), np.float32)
    videos = np.array([[4], [3], [2], [1]], np.float32)
    values = retrieval.evaluate(
        users, videos, _ragged([[1]]), _ragged([[3]]), ks=(1, 2)
    )
    assert values["hit_rate@1"].item() == 0.0
    assert values["mrr@2"].item() == pytest.approx(1 / 2)
    assert values["ndcg@2"].item() == pytest.approx(1 / np.log2(3))
    assert set(values) == {f"{name}@{k}" for name in ranking.METRICS for k in (1, 2)}


def test_tied_scores_and_a_missing_user_agree_with_ranx() -> None:
    # Integer scores tie often; ranx, which promises no order of ties, is told ours, the
    # index. A user without a list is missing from its run, all videos watched here.
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 4, (12, 15)).astype(np.float32)
    watched = [list(range(1, 16))] + [[] for _ in range(11)]
    targets = [sorted(set(rng.integers(1, 16, 4).tolist())) for _ in range(12)]
    values = retrieval.evaluate(
        np.eye(12, dtype=np.float32),
        np.ascontiguousarray(scores.T),
        _ragged(watched),
        _ragged(targets),
        ks=(5,),
    )
    run = {
        f"u{user}": {f"v{i + 1}": score - i / 1e6 for i, score in enumerate(row)}
        for user, row in enumerate(scores.astype(float))
        if user
    }
    qrels = {
        f"u{user}": {f"v{video}": 1 for video in row}
        for user, row in enumerate(targets)
    }
    names = ["precision@5", "recall@5", "hit_rate@5", "map@5", "ndcg@5", "mrr@5"]
    expected = ranx.evaluate(
        ranx.Qrels(qrels), ranx.Run(run), names, make_comparable=True
    )
    for name in names:
        assert values[name].mean() == pytest.approx(expected[name], abs=1e-9), name
