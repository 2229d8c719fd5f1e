"""Exact quantiles of a column of integers, in memory that does not grow with it.

Values are counted twice: in wide buckets, then one by one in the few buckets that hold
a wanted rank. Any engine that groups and counts gives the same.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

BUCKET = 1 << 16

Integers = npt.NDArray[np.int64]
Counts = Callable[[int, Collection[int] | None], tuple[Integers, Integers]]
"""(width, buckets or None) → the values divided by `width` and rounded down, ascending,
and how often each is there; of values in these buckets of `BUCKET` alone."""


def nearest(counts: Counts, shares: Sequence[float]) -> list[int]:
    """Returns the value whose rank is nearest to each share of all, the higher if two.

    >>> def counts(width, buckets):
    ...     return np.unique(np.array([3, 1, 2, 9]) // width, return_counts=True)
    >>> nearest(counts, [0.0, 0.5, 1.0])
    [1, 3, 9]

    Args:
      counts: Of at least one value.
      shares: In [0, 1].
    """
    buckets, sizes = counts(BUCKET, None)
    reached = np.cumsum(sizes)
    ranks = [int((int(reached[-1]) - 1) * share + 0.5) for share in shares]
    places = np.searchsorted(reached, ranks, side="right")
    values, numbers = counts(1, set(buckets[places].tolist()))
    found = []
    for rank, place in zip(ranks, places.tolist(), strict=True):
        inside = values // BUCKET == buckets[place]
        before = int(reached[place] - sizes[place])
        own = np.cumsum(numbers[inside])
        at = int(np.searchsorted(own, rank - before, side="right"))
        found.append(int(values[inside][at]))
    return found


def of_frame(rows: pl.LazyFrame, column: str) -> Counts:
    """Returns the counts of a column of a lazy frame, streaming."""

    def counts(
        width: int, buckets: Collection[int] | None
    ) -> tuple[Integers, Integers]:
        chosen = rows.select(pl.col(column))
        if buckets is not None:
            chosen = chosen.filter((pl.col(column) // BUCKET).is_in(list(buckets)))
        grouped = chosen.group_by(pl.col(column) // width).agg(pl.len())
        found = grouped.collect(engine="streaming").sort(column)
        return (
            found[column].to_numpy().astype(np.int64),
            found["len"].to_numpy().astype(np.int64),
        )

    return counts
