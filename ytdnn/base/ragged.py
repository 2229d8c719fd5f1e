"""Lists of different lengths as flat arrays, and joins of events by (group, key).

A join counts the user's earlier events for many events at once. Every context is rolled
back by such a join (DESIGN §4).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class Ragged(NamedTuple):
    """Lists of different lengths, concatenated.

    Attributes:
      offsets: `[n + 1] int64`; list i is `values[offsets[i] : offsets[i + 1]]`.
      values: All entries; their kind depends on the caller (video indices, or flat
        positions of watches).
    """

    offsets: np.ndarray
    values: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Length of each list, `[n]`."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> np.ndarray:
        """The list that each entry belongs to, `[len(values)]`."""
        return rows_of(self.offsets)

    def select(self, keep: npt.ArrayLike) -> "Ragged":
        """Returns the entries that `keep` marks; no list disappears.

        >>> Ragged(np.array([0, 2, 3]), np.array([7, 8, 9])).select([0, 1, 1])
        Ragged(offsets=array([0, 1, 2]), values=array([8, 9]))
        """
        kept = np.asarray(keep, bool)
        return Ragged(np.append(0, np.cumsum(kept))[self.offsets], self.values[kept])

    def take(self, rows: npt.NDArray[np.integer]) -> "Ragged":
        """Returns some of the lists, in the order of `rows`.

        >>> Ragged(np.array([0, 2, 3]), np.array([7, 8, 9])).take(np.array([1, 0]))
        Ragged(offsets=array([0, 1, 3]), values=array([9, 7, 8]))
        """
        places = ranges(self.offsets[rows], self.offsets[rows + 1])
        return Ragged(places.offsets, self.values[places.values])

    def padded(self) -> np.ndarray:
        """Returns the lists as rows of one length, at least 1, with 0 in front.

        >>> Ragged(np.array([0, 2, 3]), np.array([7, 8, 9])).padded()
        array([[7, 8],
               [0, 9]])
        """
        sizes = self.sizes
        width = int(sizes.max(initial=1))
        within = np.arange(len(self.values)) - np.repeat(self.offsets[:-1], sizes)
        rows = np.zeros((len(sizes), width), self.values.dtype)
        rows[self.rows, within + np.repeat(width - sizes, sizes)] = self.values
        return rows


def empty(size: int) -> Ragged:
    """Returns `size` empty lists."""
    return Ragged(np.zeros(size + 1, np.int64), np.zeros(0, np.int32))


def from_rows(rows: np.ndarray, values: np.ndarray, size: int) -> Ragged:
    """Returns `size` lists from entries in any order and the list of each.

    >>> from_rows(np.array([2, 0, 2]), np.array([7, 8, 9]), 3)
    Ragged(offsets=array([0, 1, 1, 3]), values=array([8, 7, 9]))
    """
    order = np.argsort(rows, kind="stable")
    offsets = np.append(0, np.cumsum(np.bincount(rows, minlength=size)))
    return Ragged(offsets, values[order])


def rows_of(offsets: np.ndarray) -> np.ndarray:
    """Returns the list that each entry belongs to.

    >>> rows_of(np.array([0, 2, 2, 3]))
    array([0, 0, 2])
    """
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def first_of_groups(
    groups: np.ndarray, keys: Sequence[np.ndarray], num: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first entries of each group, and their places within it, from 0.

    >>> first_of_groups(np.array([1, 0, 1, 1]), [np.array([3, 9, 1, 2])], 2)
    (array([1, 2, 3]), array([0, 0, 1]))

    Args:
      groups: `[n]` group of each entry.
      keys: `[n]` each; the lowest come first, later keys break ties.
      num: Maximum number of entries of a group.
    """
    order = np.lexsort((*reversed(keys), groups))
    ordered = groups[order]
    places = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    keep = places < num
    return order[keep], places[keep]


def are_among(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """Returns which values are among sorted ones, `[n] bool`.

    `np.isin` hashes the distinct values of both, sixteen times slower than a sort where
    most differ (NumPy 2.3).

    >>> are_among(np.array([3, 4, 9]), np.array([1, 3, 3]))
    array([ True, False, False])

    Args:
      values: `[n]`.
      ascending: Sorted, with or without repeats.
    """
    if not len(ascending):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return ascending[places] == values


def in_columns(
    rows: npt.NDArray[np.integer], values: np.ndarray, shape: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """Returns the first values of each row in its columns, `shape`, 0 where none.

    >>> in_columns(np.array([0, 0, 2]), np.array([7, 8, 9]), (3, 1)).tolist()
    [[7], [0], [9]]

    Args:
      rows: `[n]`, ascending.
      values: `[n]`.
      shape: Number of rows and of columns.
    """
    table = np.zeros(shape, np.int32)
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    inside = places < shape[1]
    table[rows[inside], places[inside]] = values[inside]
    return table


def slices(size: int, step: int) -> list[slice]:
    """Returns slices of at most `step` of `size` rows.

    >>> slices(3, 2)
    [slice(0, 2, None), slice(2, 3, None)]
    """
    step = max(1, step)
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def ranges(starts: np.ndarray, stops: np.ndarray) -> Ragged:
    """Returns the integers of several ranges, a list for each.

    >>> ranges(np.array([5, 0]), np.array([7, 1])).values
    array([5, 6, 0])
    """
    sizes = stops - starts
    offsets = np.append(0, np.cumsum(sizes)).astype(np.int64)
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    return Ragged(offsets, np.repeat(starts, sizes) + within)


def running_max(keys: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Returns the largest key so far within each group.

    Times are only estimates if a log is sorted by `order`; a watch then counts as no
    earlier than the watches before it.

    >>> running_max(np.array([5, 3, 7, 1]), np.array([0, 3, 4]))
    array([5, 5, 7, 1])
    """
    if len(keys) == 0:
        return keys
    lowest = int(keys.min())
    stride = int(keys.max()) - lowest + 1
    maxima = rows_of(offsets)  # changed in place, as there are many
    maxima *= stride
    maxima += keys
    maxima -= lowest
    np.maximum.accumulate(maxima, out=maxima)
    maxima %= stride
    maxima += lowest
    return maxima


def num_before(
    groups: np.ndarray, keys: np.ndarray, offsets: np.ndarray, sorted_keys: np.ndarray
) -> Integers:
    """Counts the group's entries that are strictly smaller than each key.

    Args:
      groups: `[n]` places among `offsets`.
      keys: `[n]` integers, such as times.
      offsets: `[groups + 1]` of the entries.
      sorted_keys: `[entries]`, non-decreasing within each group.

    >>> num_before(np.array([0, 1]), np.array([5, 5]), np.array([0, 2, 3]),
    ...            np.array([4, 5, 1]))
    array([1, 1])
    """
    if len(sorted_keys) == 0 or len(keys) == 0:
        return np.zeros(len(keys), np.int64)
    lowest, highest = int(sorted_keys.min()), int(sorted_keys.max())
    keys = np.clip(keys, lowest, highest + 1)  # counts alike, and cannot overflow
    stride = highest - lowest + 2
    entries = rows_of(offsets)  # changed in place, as there are many
    entries *= stride
    entries += sorted_keys
    entries -= lowest
    searched = np.asarray(groups, np.int64) * stride + (keys - lowest)
    places = np.searchsorted(entries, searched, side="left")
    return (places - offsets[groups]).astype(np.int64)


class Earlier:
    """Sums over the events of a group that are strictly earlier than a moment.

    A group is any integer, such as a video, or a pair of user and video.
    """

    def __init__(self, groups: np.ndarray, times: np.ndarray) -> None:
        """Sorts events by (group, time).

        Args:
          groups: `[events]` integers of at least 0.
          times: `[events]` integers.
        """
        self._order = np.lexsort((times, groups))
        self._times = np.asarray(times, np.int64)[self._order]
        ordered = np.asarray(groups)[self._order]
        is_first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
        self._firsts = np.flatnonzero(is_first)
        self._groups = ordered[self._firsts]
        places = np.cumsum(is_first) - 1
        self._lowest = int(self._times.min(initial=0))
        self._stride = int(self._times.max(initial=0)) - self._lowest + 2
        self._keys = places * self._stride + (self._times - self._lowest)

    def count(self, groups: np.ndarray, times: np.ndarray) -> Integers:
        """Returns the number of a group's events before each time, `[n]`.

        >>> Earlier(np.array([3, 3]), np.array([1, 9])).count(
        ...     np.array([3, 3, 4]), np.array([9, 10, 10]))
        array([1, 2, 0])
        """
        first, stop = self.ranges(groups, times)
        return stop - first

    def sum(
        self, values: np.ndarray, groups: np.ndarray, times: np.ndarray
    ) -> np.ndarray:
        """Returns the sum of `values [events]` over those events, `[n] float64`."""
        first, stop = self.ranges(groups, times)
        ordered = np.asarray(values, np.float64)[self._order]
        before = np.append(0.0, np.cumsum(ordered))
        return before[stop] - before[first]

    def ranges(
        self, groups: np.ndarray, times: np.ndarray
    ) -> tuple[Integers, Integers]:
        """Returns the ranges of those events, sorted by (group, time): first and stop.

        >>> Earlier(np.array([3, 3]), np.array([9, 1])).ranges(
        ...     np.array([3]), np.array([9]))
        (array([0]), array([1]))
        """
        if not len(self._groups):
            return np.zeros(len(groups), np.int64), np.zeros(len(groups), np.int64)
        places = np.searchsorted(self._groups, groups)
        places = np.minimum(places, len(self._groups) - 1)
        times = np.clip(times, self._lowest, self._lowest + self._stride - 1)
        searched = places * self._stride + (times - self._lowest)
        first = self._firsts[places]
        stop = np.searchsorted(self._keys, searched, side="left")
        return first, np.where(self._groups[places] == groups, stop, first)
