import numpy as np
import pytest
import ranx
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn.base import ragged
from ytdnn.base.metrics import exact_top_k


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
    top = exact_top_k.top_k(queries, videos, *_ragged(watched), k, block_bytes)
    assert top.dtype == np.int32
    np.testing.assert_array_equal(top, _oracle(scores, watched, k))


def test_top_k_of_random_vectors_equals_sorting_everything() -> None:
    rng = np.random.default_rng(0)
    users = rng.normal(size=(50, 8)).astype(np.float32)
    videos = rng.normal(size=(300, 8)).astype(np.float32)
    watched = [rng.integers(1, 301, 40).tolist() for _ in range(50)]
    top = exact_top_k.top_k(users, videos, *_ragged(watched), 20)
    np.testing.assert_array_equal(top, _oracle(users @ videos.T, watched, 20))


def test_hits_are_of_the_users_own_targets() -> None:
    top = np.array([[1, 2], [1, 2], [1, 0]], np.int32)
    hits = exact_top_k.hits_of(top, *_ragged([[2], [3, 1], []]))
    assert hits.tolist() == [[False, True], [True, False], [False, False]]


def test_target_out_of_vocabulary_is_relevant_and_never_hit() -> None:
    # The list has padding (0), which must not match the unknown target (0).
    top = np.array([[5, 0, 0]], np.int32)
    values = exact_top_k.metrics_at(top, *_ragged([[0, 0, 5]]), ks=(3,))
    assert values["recall@3"].item() == pytest.approx(1 / 3)
    assert values["precision@3"].item() == pytest.approx(1 / 3)


def test_tied_scores_and_a_missing_user_agree_with_ranx() -> None:
    # Integer scores tie often; ranx, which promises no order of ties, is told ours, the
    # index. A user without a list is missing from its run, all videos watched here.
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 4, (12, 15)).astype(np.float32)
    watched = [list(range(1, 16))] + [[] for _ in range(11)]
    targets = [sorted(set(rng.integers(1, 16, 4).tolist())) for _ in range(12)]
    users, videos = np.eye(12, dtype=np.float32), np.ascontiguousarray(scores.T)
    top = exact_top_k.top_k(users, videos, *_ragged(watched), 5)
    values = exact_top_k.metrics_at(top, *_ragged(targets), ks=(5,))
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


def test_with_power_one_each_video_weighs_alike() -> None:
    """Nine answers of a video watched nine times weigh as one of one watched once."""
    targets = ragged.Ragged(np.arange(11), np.array([1] * 9 + [2]))
    watches = np.array([0.0, 9.0, 1.0])[targets.values]
    lists = np.tile(np.array([[1]], np.int32), (10, 1))
    for power, expected in ((0.0, 0.9), (1.0, 0.5)):
        weights = exact_top_k.inverse_propensities(watches, power)
        above, below = exact_top_k.hit_rate_parts(lists, targets, weights, 1)
        assert above.sum() / below.sum() == pytest.approx(expected)


def test_it_estimates_the_hit_rate_of_equal_exposure() -> None:
    """Users like videos alike; the log shows some more; a list knows the shown ones."""
    rng = np.random.default_rng(0)
    exposure = 1.0 / np.arange(1, 41)
    likes = rng.integers(1, 41, 40_000)
    is_seen = rng.random(len(likes)) < exposure[likes - 1]
    answers = likes[is_seen]
    counts = np.bincount(answers, minlength=41).astype(float)
    listed = np.array([1, 2, 3, 20, 30], np.int32)
    truth = np.isin(likes, listed).mean()
    targets = ragged.Ragged(np.arange(len(answers) + 1), answers)
    lists = np.tile(listed, (len(answers), 1))
    biased, fair = (
        np.divide(
            *(
                side.sum()
                for side in exact_top_k.hit_rate_parts(
                    lists,
                    targets,
                    exact_top_k.inverse_propensities(counts[answers], power),
                    5,
                )
            )
        )
        for power in (0.0, 1.0)
    )
    assert abs(fair - truth) < 0.02
    assert biased - truth > 0.2
