"""An index of the shards of a prepared set, to read the events of some users only.

Events have *flat positions* in the tables of a whole set: a shard's events follow those
of the shards before it. The index has the number of events of each user in each table,
and reads the requested columns from the shards of the requested users.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.log import events

Integers = npt.NDArray[np.int64]
Marks = Callable[[Any], npt.NDArray[np.bool_]]
TABLES = ("watches", "searches", "impressions")
_SHARDS_OPEN = 4  # each keeps a file open for every column
# Columns that count from 0 in each shard.
_USERS, _PAGES = "users", "pages"


class ShardIndex:
    """Finds events by user, or by flat position.

    Attributes:
      num_events: Number of events of all tables.
    """

    def __init__(self, shards: Sequence[events.LazyShard], num_users: int) -> None:
        """Stores the shards; they are read on first use.

        Args:
          shards: At least one shard, in order of their users.
          num_users: Number of users of the whole set.
        """
        self._shards, self._num_users = shards, num_users
        self.num_events = sum(shard.num_events for shard in shards)
        self._read = functools.lru_cache(_SHARDS_OPEN)(lambda n: shards[n].read())
        self._offsets: dict[str, Integers] = {}

    def offsets(self, table: str) -> Integers:
        """Returns the flat position of each user's first event, `[users + 1]`.

        Args:
          table: One of `TABLES`; all offsets are 0 for a table that the log lacks.
        """
        if not self._offsets:
            self._offsets = self._counted()
        return self._offsets[table]

    def events_before(self, users: npt.NDArray[np.integer]) -> Integers:
        """Returns the number of events of all tables of the users before each, `[n]`.

        Args:
          users: `[n]` user indices, or the number of users.
        """
        counts = np.zeros(np.shape(users), np.int64)
        for table in TABLES:
            counts += self.offsets(table)[users]
        return counts

    def has(self, table: str, column: str) -> bool:
        """Whether the log has a column of a table, by the first shard."""
        return getattr(self._table(0, table), column, None) is not None

    def gather(
        self, table: str, column: str, rows: npt.NDArray[np.integer]
    ) -> npt.NDArray[Any]:
        """Returns a column of a table at flat positions, `[n, …]`.

        Users and pages are numbered as in the whole set.

        Args:
          table: One of `TABLES`, which the log has.
          column: Attribute of the table with a value for each event.
          rows: `[n]` flat positions.
        """
        rows = np.asarray(rows)
        if len(self._shards) == 1:
            return self._values(0, table, column)[rows]
        starts = self._starts(table)
        numbers = np.searchsorted(starts, rows, side="right") - 1
        like = self._values(0, table, column)
        gathered = np.empty((len(rows), *like.shape[1:]), like.dtype)
        for number in np.unique(numbers).tolist():
            places = np.flatnonzero(numbers == number)
            values = self._values(number, table, column)
            gathered[places] = values[rows[places] - starts[number]]
        return gathered

    def find(self, table: str, keep: Marks) -> Integers:
        """Returns the flat positions of some events, ascending.

        Args:
          table: One of `TABLES`, which the log has.
          keep: Function that marks the events of a shard's table.
        """
        starts = self._starts(table)
        return np.concatenate(
            [
                np.flatnonzero(keep(self._table(number, table))) + starts[number]
                for number in range(len(self._shards))
            ]
        )

    def count(self, table: str, keep: Marks) -> Integers:
        """Returns the number of marked events of each user, `[users]`.

        Args:
          table: One of `TABLES`, which the log has.
          keep: Function that marks the events of a shard's table.
        """
        counts = np.zeros(self._num_users, np.int64)
        for number, shard in enumerate(self._shards):
            events_of = self._table(number, table)
            before = np.append(0, np.cumsum(keep(events_of)))
            offsets = events.user_offsets(events_of, shard.num_users)
            users = slice(shard.first_user, shard.first_user + shard.num_users)
            counts[users] = np.diff(before[offsets])
        return counts

    def num_before(
        self, table: str, users: npt.NDArray[np.integer], times: Integers
    ) -> Integers:
        """Returns the number of the user's events strictly before a time, `[n]`.

        Args:
          table: One of `TABLES`, which the log has.
          users: `[n]` user indices.
          times: `[n]` seconds.
        """
        distinct, places = np.unique(users, return_inverse=True)
        offsets = self.offsets(table)
        rows = ragged.ranges(offsets[distinct], offsets[distinct + 1])
        at = self.gather(table, "times", rows.values).astype(np.int64)
        return ragged.num_before(places, times, rows.offsets, at)

    def read_users(self, users: npt.NDArray[np.integer]) -> events.Shard:
        """Returns the events of some users, in memory; other users have none.

        Args:
          users: Distinct user indices, ascending.
        """
        ends = [shard.first_user + shard.num_users for shard in self._shards]
        bounds = np.searchsorted(users, [0, *ends])
        parts = []
        for number, shard in enumerate(self._shards):
            inside = users[bounds[number] : bounds[number + 1]] - shard.first_user
            if len(inside):
                parts.append(shard.changed(functools.partial(_selected, users=inside)))
        parts = parts or [
            self._shards[0].changed(functools.partial(_selected, users=users[:0]))
        ]
        from ytdnn.log import merged_shards

        return merged_shards.joined(parts, self._num_users)

    def watched_before(
        self, users: npt.NDArray[np.integer], ends: npt.NDArray[np.integer]
    ) -> ragged.Ragged:
        """Returns all videos each user watched before a flat position.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions among the users' watches.

        Returns:
          Catalogue indices for each user.
        """
        places = ragged.ranges(self.offsets("watches")[users], np.asarray(ends))
        videos = self.gather("watches", "videos", places.values)
        return ragged.Ragged(places.offsets, videos)

    def shard(self, number: int) -> events.Shard:
        """Returns the events of a shard, with users numbered from 0."""
        return self._read(number)

    def _counted(self) -> dict[str, Integers]:
        sizes = {table: np.zeros(self._num_users + 1, np.int64) for table in TABLES}
        for number, shard in enumerate(self._shards):
            users = slice(shard.first_user + 1, shard.first_user + shard.num_users + 1)
            for table in TABLES:
                rows = self._table(number, table)
                if rows is not None:
                    offsets = events.user_offsets(rows, shard.num_users)
                    sizes[table][users] = np.diff(offsets)
        return {table: np.cumsum(of_users) for table, of_users in sizes.items()}

    def _starts(self, table: str) -> Integers:
        """Returns the flat position of each shard's first event, `[shards]`."""
        return self.offsets(table)[[shard.first_user for shard in self._shards]]

    def _table(self, number: int, table: str) -> Any:
        return getattr(self._read(number), table)

    def _values(self, number: int, table: str, column: str) -> npt.NDArray[Any]:
        values = np.asarray(getattr(self._table(number, table), column))
        if column == _USERS:
            return values + values.dtype.type(self._shards[number].first_user)
        if column == _PAGES and number:
            return values + values.dtype.type(self._first_pages[number])
        return values

    @functools.cached_property
    def _first_pages(self) -> Integers:
        """The number of each shard's first page, `[shards]`."""
        numbers = [
            int(np.max(self._table(n, "impressions").pages, initial=-1)) + 1
            for n in range(len(self._shards) - 1)
        ]
        return np.cumsum([0, *numbers])


def bounded(sizes: Integers, most: int) -> list[slice]:
    """Returns slices of rows in order, with a bounded total size or a single row.

    >>> bounded(np.array([3, 1, 9, 2]), most=4)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]

    Args:
      sizes: `[n]`, size of each row.
      most: Maximum total of a slice, unless a single row has more.
    """
    ends, start, slices = np.cumsum(sizes), 0, []
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + most, side="right"))
        stop = max(stop, start + 1)
        slices.append(slice(start, stop))
        start = stop
    return slices


def _selected(shard: events.Shard, users: npt.NDArray[np.integer]) -> events.Shard:
    from ytdnn.log import merged_shards

    return merged_shards.select_users(shard, users)
