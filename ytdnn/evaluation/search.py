"""The index measured: recall of ScaNN against exact search, points scored, latency."""

import time
from collections.abc import Mapping

import numpy as np

from ytdnn.evaluation import models
from ytdnn.index import scann_index

EXACT = "exact"
SCANN = "scann"
_MOST_QUERIES = 1_000
_TIMED_QUERIES = 50


def recall(
    approximate: models.Index, exact: models.Index, queries: models.Vectors, k: int
) -> float:
    """Returns the share of the exact k best that the other index finds.

    Args:
      approximate: The index measured.
      exact: The truth.
      queries: `[n, dim] float32`.
      k: Length of the lists; no more than there are videos.
    """
    k = min(k, exact.num_videos)
    wanted, found = exact.search(queries, k)[0], approximate.search(queries, k)[0]
    rows = np.arange(len(queries))[:, np.newaxis] * (exact.num_videos + 1)
    hits = np.isin(rows + found, rows + wanted) & (found > 0)
    return float(hits.sum() / max(wanted.size, 1))


def evaluate(
    indexes: Mapping[str, models.Index], queries: models.Vectors, k: int
) -> dict[str, float]:
    """Returns what ScaNN finds and what it scores; empty where there is none.

    Args:
      indexes: `exact` and, where it was built, `scann`.
      queries: `[n, dim] float32`; the first thousand are asked.
      k: Length of the lists.
    """
    if SCANN not in indexes:
        return {}
    approximate, queries = indexes[SCANN], queries[:_MOST_QUERIES]
    result = {f"scann_recall@{k}": recall(approximate, indexes[EXACT], queries, k)}
    if isinstance(approximate, scann_index.Scann):
        points = approximate.points_scored_fraction(queries, k)
        result["scann_points_scored_fraction"] = points
        centres = approximate.centres_scored_fraction()
        result["scann_centres_scored_fraction"] = centres
    return result


def latency(
    indexes: Mapping[str, models.Index], queries: models.Vectors, k: int
) -> dict[str, float]:
    """Returns the median time of one query in each index, milliseconds."""
    return {
        f"{name}_search_ms": _median_ms(index, queries[:_TIMED_QUERIES], k)
        for name, index in indexes.items()
    }


def _median_ms(index: models.Index, queries: models.Vectors, k: int) -> float:
    index.search(queries[:1], k)  # the first call of a graph prepares it
    seconds = []
    for row in range(len(queries)):
        started = time.perf_counter()
        index.search(queries[row : row + 1], k)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds) * 1_000.0)
