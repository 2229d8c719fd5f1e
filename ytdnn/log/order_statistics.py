"""Exact quantiles of a column of integers, in memory that does not grow with it.

Values are counted twice: in wide buckets, then one by one in the few buckets with a
wanted rank. Any engine that groups and counts returns the same.
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
    """Returns the value with the rank nearest to each share, the higher of two.

    >>> def counts(width, buckets):
    ...     return np.unique(np.array([3, 1, 2, 9]) // width, return_counts=True)
    >>> nearest(counts, [0.0, 0.5, 1.0])
    [1, 3, 9]

    Args:
      counts: Counts of at least one value.
      shares: Shares in [0, 1].
    """
    number = size(counts)
    return at_ranks(counts, [int((number - 1) * share + 0.5) for share in shares])


def at_ranks(counts: Counts, ranks: Sequence[int]) -> list[int]:
    """Returns the value of each rank, from 0 for the least.

    Args:
      counts: Counts of at least one value.
      ranks: Ranks, less than the number of values.
    """
    buckets, sizes = counts(BUCKET, None)
    reached = np.cumsum(sizes)
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


def size(counts: Counts) -> int:
    """Returns the number of values."""
    return int(counts(BUCKET, None)[1].sum())


def num_below(counts: Counts, bounds: Sequence[int]) -> list[int]:
    """Returns the number of values below each bound.

    >>> def counts(width, buckets):
    ...     return np.unique(np.array([3, 1, 2, 9]) // width, return_counts=True)
    >>> num_below(counts, [1, 3, 100])
    [0, 2, 4]

    Args:
      counts: Counts of the values.
      bounds: Bounds in any order.
    """
    buckets, sizes = counts(BUCKET, None)
    values, numbers = counts(1, {bound // BUCKET for bound in bounds})
    found = []
    for bound in bounds:
        inside = (values // BUCKET == bound // BUCKET) & (values < bound)
        whole = sizes[buckets < bound // BUCKET].sum()
        found.append(int(whole + numbers[inside].sum()))
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
