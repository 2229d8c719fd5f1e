import math

import numpy as np
import pytest
import ranx
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn.base.metrics import recall_and_ndcg

# One user, five relevant items, hits at ranks 1, 3 and 4.
HITS = np.array([[True, False, True, True]])
NUM_RELEVANT = np.array([5])


@pytest.mark.parametrize(
    ("name", "k", "expected"),
    [
        ("precision", 3, 2 / 3),
        ("precision", 10, 3 / 10),  # a short list still divides by k
        ("recall", 3, 2 / 5),
        ("recall", 4, 3 / 5),
        ("hit_rate", 1, 1.0),
        ("map", 3, (1 / 1 + 2 / 3) / 5),  # precision at each hit, over all relevant
        ("map", 4, (1 / 1 + 2 / 3 + 3 / 4) / 5),
        # gains 1/log2(2), 1/log2(4); the ideal list has hits at ranks 1, 2 and 3
        ("ndcg", 3, (1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2)),
        ("mrr", 4, 1.0),
    ],
)
def test_hand_worked_values(name: str, k: int, expected: float) -> None:
    value = recall_and_ndcg.METRICS[name](HITS, NUM_RELEVANT, k)
    np.testing.assert_allclose(value, [expected])


@pytest.mark.parametrize("name", list(recall_and_ndcg.METRICS))
def test_empty_list_gets_zero(name: str) -> None:
    assert recall_and_ndcg.METRICS[name](
        np.zeros((2, 0), bool), np.array([1, 4]), 3
    ).tolist() == [
        0.0,
        0.0,
    ]


@pytest.mark.parametrize("k", [1, 5, 10])
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_ranx(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_users, num_videos, length = 40, 30, 10
    qrels, run = {}, {}
    hits = np.zeros((num_users, length), bool)
    num_relevant = np.zeros(num_users, int)
    for user in range(num_users):
        relevant = set(rng.choice(num_videos, rng.integers(1, 15), False).tolist())
        # Every fourth list is shorter than k, every tenth is empty.
        size = 0 if user % 10 == 9 else 3 if user % 4 == 0 else length
        listed = rng.permutation(num_videos)[:size].tolist()
        hits[user, :size] = [video in relevant for video in listed]
        num_relevant[user] = len(relevant)
        qrels[f"u{user}"] = {f"v{video}": 1 for video in relevant}
        # ranx refuses an empty list: one irrelevant item says the same.
        scored = {f"v{video}": -float(rank) for rank, video in enumerate(listed)}
        run[f"u{user}"] = scored or {"none": 0.0}
    names = ["precision", "recall", "hit_rate", "map", "ndcg", "mrr"]
    expected = ranx.evaluate(
        ranx.Qrels(qrels), ranx.Run(run), [f"{name}@{k}" for name in names]
    )
    for name in names:
        ours = recall_and_ndcg.METRICS[name](hits, num_relevant, k).mean()
        assert ours == pytest.approx(expected[f"{name}@{k}"], abs=1e-9), name


@st.composite
def _lists(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    users, length = draw(st.integers(1, 5)), draw(st.integers(1, 8))
    row = st.lists(st.booleans(), min_size=length, max_size=length)
    hits = np.array(draw(st.lists(row, min_size=users, max_size=users)), bool)
    extra = draw(st.lists(st.integers(0, 5), min_size=users, max_size=users))
    return hits, hits.sum(axis=1) + np.array(extra), draw(st.integers(1, 10))


@settings(max_examples=60, deadline=None)
@given(_lists())
def test_values_lie_between_zero_and_one_and_grow_with_better_lists(
    lists: tuple[np.ndarray, np.ndarray, int],
) -> None:
    hits, num_relevant, k = lists
    best_first = -np.sort(-hits.astype(int), axis=1) > 0
    for name, metric in recall_and_ndcg.METRICS.items():
        values = metric(hits, num_relevant, k)
        assert np.all((values >= 0) & (values <= 1 + 1e-12)), name
        assert np.all(metric(best_first, num_relevant, k) >= values - 1e-12), name
