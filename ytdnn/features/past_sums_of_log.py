"""Sums over the users' earlier events of a log, rolled back to strictly before.

Events are joined by user and key; a key is the video itself, or a value of a column of
`videos`, such as its channel. Each join is computed once for all features that read it.
Sums of the ranker's impressions are computed when a log is opened, join by join, and
the joins then forgotten; sums at other positions keep their joins.
"""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged, schema
from ytdnn.features import past_sums
from ytdnn.log import log_tensors, prepared

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class PastRequests:
    """Requests to compute sums for.

    Attributes:
      users: `[n] int64` user indices.
      times: `[n] int64` times of the requests, 0 = unknown.
      ends: `[n] int64` flat position of the first watch that is not in the past.
      videos: `[n, k] int64` catalogue indices.
    """

    users: Integers
    times: Integers
    ends: Integers
    videos: Integers


@dataclasses.dataclass(frozen=True)
class LogEvents:
    """Watches or impressions of a log.

    Attributes:
      offsets: `[users + 1] int64`; user u has events `[offsets[u], offsets[u + 1])`.
      videos: `[events] int32`.
      times: `[events] int64`.
      values: `[events]` numbers to sum, by name.
    """

    offsets: Integers
    videos: npt.NDArray[np.int32]
    times: Integers
    values: dict[str, Floats]

    def num_before(self, users: Integers, times: Integers) -> Integers:
        """Returns the number of the user's events strictly before each time, `[n]`."""
        return ragged.num_before(users, times, self.offsets, self._ordered_times)

    @functools.cached_property
    def _ordered_times(self) -> Integers:
        return ragged.running_max(self.times, self.offsets)


class Join:
    """Events sorted by user, key and place among the user's events."""

    def __init__(self, offsets: Integers, keys: Integers, num_keys: int) -> None:
        """Sorts the events.

        Args:
          offsets: `[users + 1]` of the events.
          keys: `[events]`, less than `num_keys`.
          num_keys: Number of keys.
        """
        self._offsets, self._num_keys = offsets, num_keys
        self._span = int(np.diff(offsets).max(initial=0)) + 1
        # Sorting one number is many times faster than sorting by three; in place, as
        # there are many.
        codes = ragged.rows_of(offsets)
        codes *= num_keys
        codes += keys
        codes *= self._span
        codes += np.arange(len(keys))
        codes -= np.repeat(offsets[:-1], np.diff(offsets))
        codes.sort()
        self._codes = codes

    def rows(self, places: npt.NDArray[np.integer] | slice) -> Integers:
        """Returns the events at places of the sorted order."""
        codes = self._codes[places]
        users = codes // (self._span * self._num_keys)
        return self._offsets[users] + codes % self._span

    def num_before(self, users: Integers, keys: Integers, places: Integers) -> Integers:
        """Returns the number of events, as sorted, before a place of a user and key.

        Args:
          users: `[n]` user indices.
          keys: `[n]` keys.
          places: `[n]` places among the user's events.
        """
        groups = users * self._num_keys + keys
        counts = np.searchsorted(self._codes, groups * self._span + places)
        return counts.astype(np.int64)


class LogPast:
    """The past of every user of a log, with joins shared by all features."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Stores the log; joins are computed on first use."""
        self._data = data
        self._events: dict[str, LogEvents] = {}
        self._joins: dict[tuple[str, str], Join] = {}
        self._cumulated: dict[tuple[str, str, str], Floats] = {}
        self._at: log_tensors.Positions | None = None
        self._sums: dict[tuple[str, str], LogSums] = {}

    def at(self, table: str, column: str, at: log_tensors.Positions) -> "LogSums":
        """Returns the sums at positions, cached for the next feature that needs them.

        Args:
          table: Table of the events.
          column: Column of the keys.
          at: The positions.
        """
        if self._at is not at:
            self._at, self._sums = at, {}
        name = table, column
        return prepared.kept(self._sums, name, lambda: LogSums(self, *name, _asked(at)))

    def ranked_sums(self, table: str, column: str) -> "LogSums":
        """Returns the sums at the ranker's impressions, in the order of `places`.

        Only those of one table and column are cached, with their join, because they are
        large.

        Args:
          table: Table of the events.
          column: Column of the keys.
        """
        name = table, column
        if name not in self._sums:
            for held in self._sums, self._joins, self._cumulated:
                held.clear()
            for other in self._events.keys() - {table}:
                del self._events[other]
            self._sums[name] = LogSums(self, table, column, self._ranked)
        return self._sums[name]

    def events(self, table: str) -> LogEvents:
        """Returns the events of a table."""
        make = _watches if table == schema.WATCHES else _impressions
        return prepared.kept(self._events, table, lambda: make(self._data))

    def keys(self, column: str) -> Integers:
        """Returns the key of each video of the catalogue."""
        return past_sums.keys(self._data, column)

    def join(self, table: str, column: str) -> Join:
        """Returns the events of a table joined by the keys of a column."""
        name = table, column
        if name not in self._joins:
            events, keys = self.events(table), self.keys(column)
            num_keys = int(keys.max(initial=0)) + 1
            self._joins[name] = Join(events.offsets, keys[events.videos], num_keys)
        return self._joins[name]

    def cumulated(self, table: str, column: str, name: str) -> Floats:
        """Returns the cumulative sums of a value before each event, `[events + 1]`.

        Args:
          table: Table of the events.
          column: Column that events are sorted by; empty: by user and time.
          name: Name of the value.
        """
        key = table, column, name
        if key not in self._cumulated:
            values = self.events(table).values[name]
            if column:
                values = values[self.join(table, column).rows(np.s_[:])]
            sums = np.zeros(len(values) + 1)
            self._cumulated[key] = sums
            np.cumsum(values, out=sums[1:])
        return self._cumulated[key]

    @functools.cached_property
    def _ranked(self) -> PastRequests:
        shown = self._data.impressions
        rows = shown.ranked
        users = np.asarray(shown.users)[rows].astype(np.int64)
        num_watches = np.asarray(shown.num_watches)[rows]
        return PastRequests(
            users=users,
            times=shown.request_times[rows],
            ends=np.asarray(self._data.watches.offsets)[users] + num_watches,
            videos=np.asarray(shown.videos)[rows, np.newaxis].astype(np.int64),
        )


class LogSums(past_sums.PastSums):
    """Sums at positions of a log."""

    def __init__(
        self, past: LogPast, table: str, column: str, requests: PastRequests
    ) -> None:
        """Finds the events before each position."""
        self._table, self._asked = table, requests
        self._events, self._past = past.events(table), past
        self._column = column
        self._keys = past.keys(column)[requests.videos]

    @property
    def times(self) -> tf.Tensor:
        """Times of the requests, `[n, 1] int64`."""
        return tf.constant(self._asked.times[:, np.newaxis])

    @property
    def is_known(self) -> tf.Tensor:
        """Whether each video has a value in the column, `[n, k] bool`."""
        return tf.constant(self._keys > 0)

    def key_sum(self, name: str) -> tf.Tensor:
        """Returns the sum over events of the video's key, `[n, k] float64`."""
        first, stop = self._first, self._stop
        if name in past_sums.DAYS or name in past_sums.LAST:
            first = np.maximum(first, self._in_front(self._recent_places(name)))
        return self._masked(self._sum(name, self._column, first, stop))

    def user_sum(self, name: str) -> tf.Tensor:
        """Returns the sum over all of the user's events, `[n, 1] float64`."""
        first = self._events.offsets[self._asked.users]
        stop = first + self._places
        if name in past_sums.DAYS or name in past_sums.LAST:
            first = first + self._recent_places(name)
        return tf.constant(self._sum(name, "", first, stop)[:, np.newaxis])

    def latest(self) -> tf.Tensor:
        """Returns the time of the last event of the key, `[n, k] int64`."""
        last = self._join.rows(np.maximum(self._stop - 1, 0))
        times = np.where(self._stop > self._first, self._events.times[last], 0)
        return self._masked(times)

    def _masked(self, values: npt.NDArray) -> tf.Tensor:
        return tf.constant(np.where(self._keys > 0, values, 0))

    def _sum(self, name: str, column: str, first: Integers, stop: Integers) -> Floats:
        """Returns the sum over ranges of events, joined by a column or in log order."""
        if name not in self._events.values:
            return (stop - first).astype(np.float64)
        sums = self._past.cumulated(self._table, column, name)
        return sums[stop] - sums[first]

    @functools.cached_property
    def _join(self) -> Join:
        return self._past.join(self._table, self._column)

    @functools.cached_property
    def _places(self) -> Integers:
        """Events of the user that are before, `[n]`."""
        users, times = self._asked.users, self._asked.times
        offsets = self._events.offsets
        if self._table == schema.WATCHES:
            return self._asked.ends - offsets[users]
        every = offsets[users + 1] - offsets[users]
        return np.where(times == 0, every, self._events.num_before(users, times))

    @functools.cached_property
    def _stop(self) -> Integers:
        return self._in_front(self._places)

    @functools.cached_property
    def _first(self) -> Integers:
        return self._in_front(np.zeros_like(self._places))

    def _in_front(self, places: Integers) -> Integers:
        shape = self._keys.shape
        users = np.broadcast_to(self._asked.users[:, np.newaxis], shape).ravel()
        places = np.broadcast_to(places[:, np.newaxis], shape).ravel()
        return self._join.num_before(users, self._keys.ravel(), places).reshape(shape)

    def _recent_places(self, name: str) -> Integers:
        """Returns the place where the user's most recent events begin, `[n]`."""
        if name in past_sums.LAST:
            return np.maximum(self._places - past_sums.LAST[name], 0)
        users, times = self._asked.users, self._asked.times
        seconds = past_sums.DAYS[name] * schema.DAY_SECONDS
        since = np.where(times == 0, times, times - seconds)
        begin = np.minimum(self._events.num_before(users, since), self._places)
        return np.where(times == 0, self._places, begin)


def places(data: prepared.PreparedData) -> tf.Tensor:
    """Returns the place of each impression among the ranker's.

    Returns:
      `[impressions] int32`, -1 for impressions that are only history.
    """
    rows = data.impressions.ranked
    table = np.full(len(data.impressions), -1, np.int32)
    table[rows] = np.arange(len(rows))
    return log_tensors.constant(table)


def _asked(at: log_tensors.Positions) -> PastRequests:
    return PastRequests(
        users=np.asarray(at.users).astype(np.int64),
        times=np.asarray(at.times).astype(np.int64),
        ends=np.asarray(at.ends).astype(np.int64),
        videos=np.asarray(at.videos).astype(np.int64),
    )


def _watches(data: prepared.PreparedData) -> LogEvents:
    videos = np.asarray(data.watches.videos)
    values = {}
    if data.watches.seconds is not None:
        of_videos = past_sums.durations(data.catalogue)[videos]
        known = np.ones(len(videos), bool)
        events = past_sums.seconds_sums(
            np.asarray(data.watches.seconds), of_videos, known
        )
        values = {name: value.numpy() for name, value in events.items()}
    offsets = np.asarray(data.watches.offsets)
    return LogEvents(offsets, videos, np.asarray(data.watches.times), values)


def _impressions(data: prepared.PreparedData) -> LogEvents:
    shown = data.impressions
    return LogEvents(
        offsets=shown.rows_of_users(data.num_users),
        videos=np.asarray(shown.videos),
        times=np.asarray(shown.times),
        values={past_sums.CLICKS: np.asarray(shown.clicked).astype(np.float64)},
    )
