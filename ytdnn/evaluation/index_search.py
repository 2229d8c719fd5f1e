"""Metrics of the indexes: recall against exact search, and latency."""

import time
from collections.abc import Mapping

import numpy as np

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import models
from ytdnn.retrieval.index import interface

EXACT = "exact"
_MOST_QUERIES = 1_000
_TIMED_QUERIES = 50


def recall(
    approximate: models.SearchIndex,
    exact: models.SearchIndex,
    queries: models.Vectors,
    k: int,
) -> float:
    """Returns the share of the exact k best that the other index finds.

    Args:
      approximate: The index to measure.
      exact: Exact search.
      queries: `[n, dim] float32`.
      k: Length of the lists; no more than there are videos.
    """
    k = min(k, exact.num_videos)
    wanted, neighbours = exact.search(queries, k)[0], approximate.search(queries, k)[0]
    return interface.recall(neighbours, wanted)


def evaluate(
    indexes: Mapping[str, models.SearchIndex], queries: models.Vectors, k: int
) -> dict[str, float]:
    """Returns the recall of each approximate index.

    Args:
      indexes: `exact`, and further ones.
      queries: `[n, dim] float32`; the first thousand are used.
      k: Length of the lists.
    """
    queries = queries[:_MOST_QUERIES]
    return {
        metric_names.at(f"{name}_recall", k): recall(index, indexes[EXACT], queries, k)
        for name, index in indexes.items()
        if name != EXACT
    }


def latency(
    indexes: Mapping[str, models.SearchIndex], queries: models.Vectors, k: int
) -> dict[str, float]:
    """Returns the median time of one query in each index, milliseconds."""
    return {
        f"{name}_search_ms": _median_ms(index, queries[:_TIMED_QUERIES], k)
        for name, index in indexes.items()
    }


def _median_ms(index: models.SearchIndex, queries: models.Vectors, k: int) -> float:
    index.search(queries[:1], k)  # the first call of a graph prepares it
    seconds = []
    for row in range(len(queries)):
        started = time.perf_counter()
        index.search(queries[row : row + 1], k)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds) * 1_000.0)
