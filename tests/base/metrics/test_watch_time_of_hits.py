"""Metrics weighted by watch seconds, against sums written out one user at a time."""

import math

import numpy as np
import pytest

from ytdnn.base import ragged
from ytdnn.base.metrics import exact_top_k, recall_and_ndcg, watch_time_of_hits

# One user; answers of 60, 30 and 10 seconds; those of 30 and 60 at ranks 1 and 3.
SECONDS = np.array([[30.0, 0.0, 60.0]])
ANSWERS = ragged.Ragged(np.array([0, 3]), np.array([60.0, 30.0, 10.0]))


@pytest.mark.parametrize(
    ("name", "k", "expected"),
    [
        ("hit_watch_seconds", 1, 30.0),
        ("hit_watch_seconds", 3, 90.0),
        ("hit_watch_seconds", 9, 90.0),  # a short list has no more to give
        ("watch_time_recall", 1, 30 / 100),
        ("watch_time_recall", 3, 90 / 100),
        # 30/log2(2) + 60/log2(4); ideal 60/log2(2) + 30/log2(3) + 10/log2(4)
        ("watch_time_ndcg", 3, (30 + 60 / 2) / (60 + 30 / math.log2(3) + 10 / 2)),
        ("watch_time_ndcg", 1, 30 / 60),
    ],
)
def test_hand_worked_values(name: str, k: int, expected: float) -> None:
    value = watch_time_of_hits.METRICS[name](SECONDS, ANSWERS, k)
    np.testing.assert_allclose(value, [expected])


def _made(seed: int) -> tuple[np.ndarray, ragged.Ragged, list[dict[int, float]]]:
    """Returns lists, targets with their seconds, and the same as dictionaries."""
    rng = np.random.default_rng(seed)
    top = np.zeros((30, 8), np.int32)
    by_user: list[dict[int, float]] = []
    for user in range(30):
        size = int(rng.integers(0, 9))
        top[user, :size] = rng.permutation(20)[:size] + 1
        targets = rng.permutation(25)[: rng.integers(0, 9)] + 1  # some never listed
        by_user.append({int(v): float(rng.integers(0, 50)) for v in targets})
    videos = [video for answers in by_user for video in answers]
    offsets = np.append(0, np.cumsum([len(answers) for answers in by_user]))
    return top, ragged.Ragged(offsets, np.array(videos)), by_user


@pytest.mark.parametrize("k", [1, 3, 8, 12])
@pytest.mark.parametrize("seed", [0, 1])
def test_agree_with_one_user_at_a_time(k: int, seed: int) -> None:
    top, targets, by_user = _made(seed)
    seconds = np.array([s for answers in by_user for s in answers.values()])
    found = exact_top_k.weights_of(top, *targets, seconds)
    values = watch_time_of_hits.evaluate(
        found, ragged.Ragged(targets.offsets, seconds), (k,)
    )
    for user, answers in enumerate(by_user):
        gains = [answers.get(int(video), 0.0) for video in top[user][:k]]
        best = sorted(answers.values(), reverse=True)[:k]
        discounted = [
            sum(gain / math.log2(rank + 2) for rank, gain in enumerate(of))
            for of in (gains, best)
        ]
        total = sum(answers.values())
        expected = {
            "hit_watch_seconds": sum(gains),
            "watch_time_recall": sum(gains) / total if total else 0.0,
            "watch_time_ndcg": discounted[0] / discounted[1] if total else 0.0,
        }
        for name, value in expected.items():
            assert values[f"{name}@{k}"][user] == pytest.approx(value), (name, user)


def test_equal_seconds_give_the_metrics_without_weights() -> None:
    top, targets, _ = _made(seed=3)
    ones = np.ones(len(targets.values))
    found = exact_top_k.weights_of(top, *targets, ones)
    hits = exact_top_k.hits_of(top, *targets)
    np.testing.assert_array_equal(found > 0, hits)
    relevant = ragged.Ragged(targets.offsets, ones)
    for ours, theirs in (
        (watch_time_of_hits.recall, recall_and_ndcg.recall),
        (watch_time_of_hits.ndcg, recall_and_ndcg.ndcg),
    ):
        np.testing.assert_allclose(
            ours(found, relevant, 5), theirs(hits, targets.sizes, 5)
        )
