import numpy as np
import pytest

from tests.retrieval.index import contract
from ytdnn import configs
from ytdnn.evaluation import index_search
from ytdnn.retrieval.index import brute_force, scann_index


class FirstHalf:
    """Finds the exact lists of another index up to half their length."""

    def __init__(self, index: brute_force.BruteForce) -> None:
        self.index = index
        self.num_videos = index.num_videos

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        indices, scores = self.index.search(queries, k)
        indices[:, k // 2 :] = 0
        return indices, scores


@pytest.fixture
def exact() -> brute_force.BruteForce:
    videos, _ = contract.clustered(30, dim=4, num_queries=1)
    return brute_force.BruteForce.build(videos, configs.ExactConfig())


def test_recall_counts_what_was_found(exact: brute_force.BruteForce) -> None:
    _, queries = contract.clustered(30, dim=4, num_queries=7)
    assert index_search.recall(exact, exact, queries, 10) == 1.0
    assert index_search.recall(FirstHalf(exact), exact, queries, 10) == 0.5
    assert index_search.recall(exact, exact, queries, 99) == 1.0  # more than there are


def test_scann_is_reported_with_its_recall() -> None:
    pytest.importorskip("scann")
    videos, queries = contract.clustered(1_500, dim=16, num_queries=60)
    indexes = {
        "exact": brute_force.BruteForce.build(videos, configs.ExactConfig()),
        "scann": scann_index.Scann.build(videos, configs.ScannConfig(num_leaves=155)),
    }
    assert index_search.evaluate(indexes, queries, 100)["scann_recall@100"] > 0.95


def test_latency_is_that_of_single_queries(exact: brute_force.BruteForce) -> None:
    _, queries = contract.clustered(30, dim=4, num_queries=3)
    asked: list[int] = []

    class Counting(FirstHalf):
        def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
            asked.append(len(queries))
            return super().search(queries, k)

    found = index_search.latency({"exact": Counting(exact)}, queries, 5)
    assert found["exact_search_ms"] > 0.0
    assert asked == [1, 1, 1, 1]
