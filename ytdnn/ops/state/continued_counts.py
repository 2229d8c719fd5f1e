"""Counters and live terms of a bundle, counted on with the events of the state.

The log that a bundle was made from is counted once. What came since is a log of its
own, in memory, and each sum is that of both: the functions that count are those of
training and evaluation.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import errors, schema
from ytdnn.features import counter_sums, counters
from ytdnn.log import events as logged_events
from ytdnn.log import prepared, prepared_log
from ytdnn.ops.state import histories, opening, store
from ytdnn.retrieval import impression_rates, live_counts, live_term_source, live_terms

COUNTERS = "counters"  # variable of an exported ranker
ORDER = "counted_order"  # of an exported slate
_WEEK = counter_sums.WEEK.seconds

Tables = dict[str, npt.NDArray[Any]]


class LaterEvents:
    """The events of the state that came after a log, in its catalogue's indices."""

    def __init__(
        self, data: prepared.PreparedData, state: store.Store, end: opening.LogEnd
    ) -> None:
        """Begins without any.

        Args:
          data: The prepared set.
          state: The state.
          end: End of the log.
        """
        ids = data.videos[schema.VIDEO_ID].to_list()
        self._data, self._state, self._end = data, state, end
        self._indices = {video: index for index, video in enumerate(ids, 1)}
        self._shown = histories.Exposures()
        self._place = 0
        self._num_removals = state.num_removals()

    def follow(self) -> bool:
        """Reads new events, or all anew where a user was removed.

        Returns:
          Whether counts change.
        """
        num_removals = self._state.num_removals()
        is_changed = num_removals != self._num_removals
        if is_changed:
            self._shown, self._place = histories.Exposures(), 0
            self._num_removals = num_removals
        for place, event in self._state.every(self._place):
            self._place = place
            if self._end.is_before(event):
                self._shown.add(event, event.columns)
                is_changed = True
        return is_changed

    def require_known(self) -> None:
        """Checks that the events are of the log's videos.

        Raises:
          errors.UserError: None of some videos is: they are of another run.
        """
        videos = {one.video for one in self._shown}
        if len(videos) >= 10 and videos.isdisjoint(self._indices):  # no few new ones
            received = f"{len(videos):,} videos that {self._data.directory} has not"
            errors.require(False, "--state", "of a server of this run", received)

    def shard(self) -> logged_events.Shard:
        """Returns all impressions and watches, of one user: who it was counts nothing.

        Sums are over videos and times.
        """
        names = [outcome.name for outcome in self._data.catalogue.outcomes]
        rows = [(self._indices.get(one.video, 0), one) for one in self._shown]
        shown = [(video, one) for video, one in rows if video and one.shown is not None]
        size = len(shown)
        outcomes = [[one.outcomes.get(n, np.nan) for n in names] for _, one in shown]
        impressions = logged_events.Impressions(
            users=np.zeros(size, np.int32),
            videos=np.array([video for video, _ in shown], np.int32),
            times=np.array([one.shown for _, one in shown], np.int64),
            clicked=np.array([one.is_clicked for _, one in shown], bool),
            pages=np.zeros(size, np.int64),
            splits=np.zeros(size, np.uint8),
            num_watches=np.zeros(size, np.int64),
            seconds=np.array([one.seconds or 0.0 for _, one in shown], np.float32),
            outcomes=np.array(outcomes, np.float32).reshape(size, len(names)),
        )
        watches = self.watches()
        ends = np.full(self._data.num_users, watches.height)
        return logged_events.Shard(
            logged_events.Watches(
                offsets=np.append(0, ends).astype(np.int64),
                videos=watches["video"].to_numpy().astype(np.int32),
                times=watches["time"].to_numpy(),
                splits=np.zeros(watches.height, np.uint8),
            ),
            None,
            impressions,
        )

    def watches(self) -> pl.DataFrame:
        """Returns the watches (`user`, `time`, `video`) by user and time."""
        rows = [
            (one.user, one.watch_time, self._indices[one.video], one.place)
            for one in self._shown
            if one.watch_time is not None and one.video in self._indices
        ]
        integers = dict.fromkeys(("time", "video", "place"), pl.Int64)
        frame = pl.DataFrame(rows, {"user": pl.String, **integers}, orient="row")
        return frame.sort("user", "time", "place").drop("place")


class _BothSums(counter_sums.CounterRequests):
    """Requests of which each sum is that of a log and of the events after it."""

    def __init__(
        self, log: counter_sums.CounterRequests, later: counter_sums.CounterRequests
    ) -> None:
        self.data, self.videos, self.moments = log.data, log.videos, log.moments
        self._log, self._later = log, later

    def parts(self) -> Iterator["counter_sums.CounterRequests"]:
        """Yields itself, so that all counters share what was looked up."""
        yield self

    def sum(
        self,
        quantity: counter_sums.Quantity,
        group: counter_sums.VideoGroup,
        window: counter_sums.CounterWindow = counter_sums.EVER,
    ) -> counter_sums.Floats:
        """Returns sums over events of each video's group in a window, `[n]`."""
        of_log = self._log.sum(quantity, group, window)
        return of_log + self._later.sum(quantity, group, window)


class LiveTables:
    """The values of a bundle's counters and live terms as of any later moment.

    Attributes:
      later: The events after its log.
    """

    def __init__(
        self,
        later: LaterEvents,
        data: prepared.PreparedData,
        names: Sequence[counters.Counter],
        weights: live_terms.Weights | None,
        begin: int,
        ordered_by: str = "",
    ) -> None:
        """Counts the log.

        Args:
          later: The events after it.
          data: The prepared set, with the catalogue of the bundle.
          names: The ranker's counters, in the order of its columns.
          weights: Weights of the live terms; None without them.
          begin: First moment that is asked for.
          ordered_by: Count that orders slates; empty: none does.
        """
        self.later, self._data = later, data
        self._counters, self._weights = names, weights
        self._every = np.arange(data.num_videos + 1)
        self._ordered_by, self._shown = ordered_by, np.zeros((3, data.num_videos + 1))
        if ordered_by:
            self._shown = impression_rates.sums_before(data.whole, self._every, begin)
        self._sums = counter_sums.QuantitySums(data.whole, begin - _WEEK)
        self._counts = live_counts.LiveCounts(data, begin) if weights else None

    def at(self, moment: int) -> Tables:
        """Returns the values of the variables, by name.

        Args:
          moment: The second before which events count.
        """
        tables: Tables = {}
        if self._counters or self._ordered_by:
            later = self._later_data()
        if self._counters:
            tables[COUNTERS] = self._counted(later, moment)
        if self._ordered_by:
            shown = impression_rates.sums_before(later, self._every, moment)
            shown = shown + self._shown
            tables[ORDER] = impression_rates.order(self._ordered_by, shown)
        if self._counts is not None and self._weights is not None:
            watched = self._watched(self._counts)
            state = live_term_source.state_of_counts(watched, moment)
            tables |= live_term_source.tables(state, self._weights)
        return tables

    def _later_data(self) -> prepared.PreparedData:
        """Returns the events after the log as a log of its own."""
        shard = self.later.shard()
        shards = (logged_events.in_memory(shard, self._data.num_users),)
        log: prepared_log.UserLog = self._data.log.whole
        log = dataclasses.replace(log, shards=shards, _whole=None)
        return self._data.with_log(log)

    def _counted(self, data: prepared.PreparedData, moment: int) -> npt.NDArray[Any]:
        """Returns the counters of all catalogue indices, `[videos + 1, counters]`."""
        later = counter_sums.QuantitySums(data, moment - _WEEK)
        moments = np.full(len(self._every), moment)
        asked = counter_sums.CounterRequests
        both = _BothSums(*(asked(s, self._every, moments) for s in (self._sums, later)))
        columns = [each.values(both) for each in self._counters]
        # A single one is not packed into a table.
        return np.stack(columns, axis=-1) if len(columns) > 1 else columns[0]

    def _watched(self, counts: live_counts.LiveCounts) -> live_counts.LiveCounts:
        """Returns the watches of the log and of the state.

        A late watch follows the one before it, and parts no pair of the log.
        """
        watches = self.later.watches().unique(maintain_order=True)
        times, videos = (watches[name].to_numpy() for name in ("time", "video"))
        earlier = watches.select(pl.col("time", "video").shift().over("user"))
        since, before = (each.fill_null(0).to_numpy() for each in earlier)
        logged_since, logged = self._last_logged(watches["user"], times)
        before = np.where(logged_since > since, logged, before)
        return counts.with_watches(times, videos, before)

    def _last_logged(
        self, users: pl.Series, times: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Returns time and video of the user's last watch in the log, `[2, n]`.

        Args:
          users: `[n]` ids.
          times: `[n]` the last second at which it may be; 0 where there is none.
        """
        indices, index = user_indices(self._data), self._data.log.whole.shard_index
        known = np.array([indices.get(user, -1) for user in users], np.int64)
        first, end = (index.offsets(schema.WATCHES)[known + n] for n in (0, 1))
        late = np.flatnonzero((known >= 0) & (times <= self._data.windows.end_of_log))
        counts = index.num_before(schema.WATCHES, known[late], times[late] + 1)
        end[late] = first[late] + counts
        is_there, columns = end > first, np.zeros((2, len(users)), np.int64)
        for column, name in zip(columns, ("times", "videos"), strict=True):
            column[is_there] = index.gather(schema.WATCHES, name, end[is_there] - 1)
        return columns


def user_indices(data: prepared.PreparedData) -> dict[str, int]:
    """Returns the index of each user of a log, by the text of its id."""

    def find() -> dict[str, int]:
        ids = data.users[schema.USER_ID].cast(pl.String)
        return {user: index for index, user in enumerate(ids)}

    return data.once(user_indices, find)
