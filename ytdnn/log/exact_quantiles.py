"""Exact quantiles of a column of integers, in memory that does not grow with it.

Values are counted twice: in wide buckets, then one by one in the few buckets with a
wanted rank.
"""

import functools
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

_BUCKET = 1 << 16

Integers = npt.NDArray[np.int64]


class Counts:
    """Counts of the values of a column, streaming.

    >>> counts = Counts(pl.LazyFrame({"time": [3, 1, 2, 9]}), "time")
    >>> counts.nearest([0.0, 0.5, 1.0])
    [1, 3, 9]
    >>> counts.num_below([1, 3, 100])
    [0, 2, 4]
    """

    def __init__(self, rows: pl.LazyFrame, column: str) -> None:
        """Stores a column of rows."""
        self._rows, self._column = rows, pl.col(column)

    @functools.cached_property
    def _buckets(self) -> tuple[Integers, Integers]:
        return self._grouped(self._rows, _BUCKET)

    def _grouped(self, rows: pl.LazyFrame, width: int) -> tuple[Integers, Integers]:
        """Returns values divided by a width, ascending, and the number of each."""
        grouped = rows.group_by((self._column // width).alias("value")).agg(pl.len())
        counted = grouped.collect(engine="streaming").sort("value").cast(pl.Int64)
        return counted["value"].to_numpy(), counted["len"].to_numpy()

    def _inside(self, buckets: Collection[int]) -> tuple[Integers, Integers]:
        """Returns the values in some buckets, and the number of each."""
        is_inside = (self._column // _BUCKET).is_in(list(buckets))
        return self._grouped(self._rows.filter(is_inside), 1)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(self._buckets[1].sum())

    def nearest(self, shares: Sequence[float]) -> list[int]:
        """Returns the value with the rank nearest to each share, the higher of two.

        Args:
          shares: Shares in [0, 1], of at least one value.
        """
        return self.at_ranks([int((self.size - 1) * each + 0.5) for each in shares])

    def at_ranks(self, ranks: Sequence[int]) -> list[int]:
        """Returns the value of each rank, from 0 for the least.

        Args:
          ranks: Ranks, less than the number of values.
        """
        buckets, sizes = self._buckets
        wanted = buckets[np.searchsorted(np.cumsum(sizes), ranks, side="right")]
        values, numbers = self._inside(set(wanted.tolist()))
        others = ~np.isin(buckets, wanted)  # of whose values none is wanted
        values = np.append(values, buckets[others] * _BUCKET)
        order = np.argsort(values)
        reached = np.cumsum(np.append(numbers, sizes[others])[order])
        return values[order][np.searchsorted(reached, ranks, "right")].tolist()

    def num_below(self, bounds: Sequence[int]) -> list[int]:
        """Returns the number of values below each bound.

        Args:
          bounds: Bounds in any order.
        """
        buckets, sizes = self._buckets
        values, numbers = self._inside({bound // _BUCKET for bound in bounds})
        numbers_below = []
        for bound in bounds:
            inside = (values // _BUCKET == bound // _BUCKET) & (values < bound)
            whole = sizes[buckets < bound // _BUCKET].sum()
            numbers_below.append(int(whole + numbers[inside].sum()))
        return numbers_below
