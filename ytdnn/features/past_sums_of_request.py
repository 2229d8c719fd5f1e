"""Sums over the earlier events in a request, inside an exported graph.

All sums of a request are made at once: of watches and of impressions, by every column
of keys, of every value. With several operations for each sum they were a quarter of
the operations of an answer.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import past_sums
from ytdnn.log import log_tensors, prepared, raw_request, row_sorting

Values = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class RequestEvents:
    """Earlier watches or impressions of each request.

    Attributes:
      ids: `[batch, length]` video ids.
      indices: `[batch, length] int32`, catalogue indices.
      ranks: `[batch, length] int64`, later events have higher ones; negative where not
        counted.
      times: `[batch, length] int64` of the ranks; None: each rank is a time.
      names: Names of the values.
      values: `[batch, length, names] float64`, 0 for events that do not count.
    """

    ids: tf.Tensor
    indices: tf.Tensor
    ranks: tf.Tensor
    times: tf.Tensor | None
    names: Sequence[str]
    values: tf.Tensor

    @functools.cached_property
    def totals(self) -> Values:
        """Sums over all events, each `[batch, 1] float64`."""
        return self.by_name(tf.reduce_sum(self.values, axis=1, keepdims=True))

    def by_name(self, sums: tf.Tensor) -> Values:
        """Returns sums `[..., names]` of the values by name."""
        return dict(zip(self.names, tf.unstack(sums, axis=-1), strict=True))


class RequestPast(tf.Module):
    """Computes sums of requests; holds the keys and durations of the catalogue."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Copies keys and durations into variables."""
        super().__init__()
        self._durations = tf.Variable(
            past_sums.durations(data.catalogue), trainable=False
        )
        log_columns = data.catalogue.columns
        self._columns = [c for c in past_sums.KEY_COLUMNS if c in log_columns]
        keys = [past_sums.keys(data, column) for column in self._columns]
        table = np.stack(keys, axis=-1) if keys else np.zeros([1, 0])
        self._keys = tf.Variable(table, trainable=False, dtype=tf.int32)

    def sums(
        self, request: raw_request.Request, table: str, column: str
    ) -> "RequestSums":
        """Returns the sums of a request; shared parts are computed once.

        Args:
          request: The request.
          table: Table of the events.
          column: Column of the keys.
        """
        tables = request.once(RequestPast, lambda: self._tables(request))
        return RequestSums(tables[table], column)

    def _tables(self, request: raw_request.Request) -> dict[str, "_TableSums"]:
        """Returns the sums of each table of events."""
        events = self._events(request)
        ids = [request.video_ids, *(each.ids for each in events.values())]
        indices = [request.video_indices, *(each.indices for each in events.values())]
        scored_keys = tf.gather(self._keys, tf.concat(indices, axis=1))
        keys = {past_sums.VIDEO: request.videos.keys(tf.concat(ids, axis=1))}
        if self._columns:
            columns = tf.unstack(tf.cast(scored_keys, tf.int64), axis=-1)
            keys |= dict(zip(self._columns, columns, strict=True))
        scored = _ScoredKeys(keys, tf.shape(request.video_ids)[1])
        lengths = [tf.shape(each.ids)[1] for each in events.values()]
        segments = tf.split(scored.segments, lengths, axis=1, num=len(lengths))
        times = request.times[:, tf.newaxis]
        return {
            table: _TableSums(times, scored, each, own)
            for (table, each), own in zip(events.items(), segments, strict=True)
        }

    def _events(self, request: raw_request.Request) -> Mapping[str, RequestEvents]:
        events = {schema.WATCHES: self._watches(request)}
        if schema.IMPRESSION_VIDEO_IDS in request.raw:
            events[schema.IMPRESSIONS] = _impressions(request)
        return events

    def _watches(self, request: raw_request.Request) -> RequestEvents:
        """Returns the watches in order, those that do not count first."""
        ids, indices = request.watched_ids, request.watched_indices
        times, present = request.watch_times, request.videos.present(ids)
        length = tf.shape(ids)[1]
        places = tf.range(length)
        columns = [
            *(present[..., tf.newaxis], _are_last(length - 1 - places, present)),
            _are_of_days(request.times, times, present),
        ]
        names = [past_sums.EVENTS, *past_sums.LAST, *past_sums.DAYS]
        values = tf.cast(tf.concat(columns, axis=-1), tf.float64)
        if schema.WATCHED_SECONDS in request.raw:
            seconds = request.watched_seconds
            of_videos = tf.gather(self._durations, indices)
            known = present & (seconds >= 0.0)
            events = past_sums.seconds_sums(seconds, of_videos, known)
            of_seconds = tf.stack(list(events.values()), axis=-1)
            values, names = tf.concat([values, of_seconds], axis=-1), [*names, *events]
        ranks = tf.where(present, tf.cast(places, tf.int64), -1)
        return RequestEvents(ids, indices, ranks, times, names, values)


class _ScoredKeys:
    """The keys of the videos to score, and the events that have them.

    The keys of the videos are sorted, and each event is looked up among them; events
    with other keys are skipped. Rows are the requests of the first column of keys, then
    those of the second, and so on.

    Attributes:
      size: Number of videos to score, `[] int32`.
      known: Whether each video has a key, `[batch, size] bool` by column.
      segments: `[rows, lengths] int32` segment that each event is summed in: `size` of
        each row, for its sorted keys, and behind them one for all other events.
    """

    def __init__(self, keys: Mapping[str, tf.Tensor], size: tf.Tensor) -> None:
        """Looks the events up among the videos.

        Args:
          keys: `[batch, size + lengths] int64` by column, of the videos and behind them
            of the events, 0 = unknown; first those of `past_sums.VIDEO`, all known.
          size: Number of videos to score.
        """
        self.size, self._columns = size, tuple(keys)
        every = tf.concat(list(keys.values()), axis=0)
        rows = tf.range(tf.shape(every)[0])[:, tf.newaxis]
        known = (every > 0) | (rows < tf.shape(keys[past_sums.VIDEO])[0])
        scored, of_events = every[:, :size], every[:, size:]
        self.known = self.by_column(known[:, :size])
        ordered = row_sorting.rising(scored)
        self._places = row_sorting.num_below(ordered, scored)
        places = row_sorting.num_below(ordered, of_events)
        with_end = tf.pad(ordered, [[0, 0], [0, 1]])
        same = tf.gather(with_end, places, batch_dims=1) == of_events
        places = tf.where(same & known[:, size:], places, size)
        self.segments = places + (size + 1) * rows

    def reduced(
        self, reduce: Callable[..., tf.Tensor], values: tf.Tensor, segments: tf.Tensor
    ) -> tf.Tensor:
        """Returns the reduced values of each video's events, `[rows, size, …]`.

        Args:
          reduce: Such as `tf.math.unsorted_segment_sum`.
          values: `[batch, length, …]` of some of the events.
          segments: Their `[rows, length]` segments.
        """
        inner = values.shape[2:]
        number = tf.shape(segments)[0] * (self.size + 1)
        flat = tf.reshape(self.in_every_row(values), [-1, *inner])
        sums = reduce(flat, tf.reshape(segments, [-1]), number)
        sums = tf.reshape(sums, [-1, self.size + 1, *inner])
        return tf.gather(sums, self._places, batch_dims=1)

    def in_every_row(self, values: tf.Tensor) -> tf.Tensor:
        """Returns values `[batch, …]` of requests for all columns, `[rows, …]`."""
        return tf.concat([values] * len(self._columns), axis=0)

    def by_column(self, values: tf.Tensor) -> Values:
        """Returns values `[rows, …]` by column of keys, each `[batch, …]`."""
        parts = tf.split(values, len(self._columns))
        return dict(zip(self._columns, parts, strict=True))


class _TableSums:
    """Sums over the events of one table by all columns of keys.

    Attributes:
      times: Times of the requests, `[batch, 1] int64`, 0 = unknown.
      scored: The keys of the videos to score.
      events: The events.
    """

    def __init__(
        self,
        times: tf.Tensor,
        scored: _ScoredKeys,
        events: RequestEvents,
        segments: tf.Tensor,
    ) -> None:
        """Stores the segments of the events, `[rows, length]`."""
        self.times, self.scored, self.events = times, scored, events
        self._segments = segments

    @functools.cached_property
    def by_key(self) -> dict[str, Values]:
        """Sums of the values by column of keys and name, `[batch, k] float64`."""
        key_sums = self.scored.reduced(
            tf.math.unsorted_segment_sum, self.events.values, self._segments
        )
        return {
            column: self.events.by_name(sums)
            for column, sums in self.scored.by_column(key_sums).items()
        }

    @functools.cached_property
    def latest(self) -> Values:
        """Times of the last events by column of keys, `[batch, k] int64`, 0 = none."""
        return self.scored.by_column(self._latest)

    @functools.cached_property
    def seconds_since_latest(self) -> Values:
        """Seconds since then, `[batch, k] float32`, -1 = none or unknown."""
        times = self.scored.in_every_row(self.times)
        return self.scored.by_column(log_tensors.seconds_since(times, self._latest))

    @functools.cached_property
    def _latest(self) -> tf.Tensor:
        ranks, times = self.events.ranks, self.events.times
        latest = self.scored.reduced(
            tf.math.unsorted_segment_max, ranks, self._segments
        )
        if times is None:
            return tf.maximum(latest, 0)
        places = tf.maximum(latest, -1) + 1
        times = self.scored.in_every_row(raw_request.pad_front(times, 1))
        return tf.gather(times, places, batch_dims=1)


class RequestSums(past_sums.PastSums):
    """Sums of the events of one table by one column of keys."""

    def __init__(self, table: _TableSums, column: str) -> None:
        """Stores the sums of the table, and the column of the keys."""
        self._table, self._column = table, column

    @property
    def times(self) -> tf.Tensor:
        """Times of the requests, `[batch, 1] int64`."""
        return self._table.times

    @property
    def is_known(self) -> tf.Tensor:
        """Whether each video has a key, `[batch, k] bool`."""
        return self._table.scored.known[self._column]

    def key_sum(self, name: str) -> tf.Tensor:
        """Returns the sum over events of the video's key, `[batch, k] float64`."""
        sums = self._table.by_key[self._column]
        return sums[name] if name in sums else tf.zeros_like(sums[past_sums.EVENTS])

    def user_sum(self, name: str) -> tf.Tensor:
        """Returns the sum over all of the user's events, `[batch, 1] float64`."""
        sums = self._table.events.totals
        return sums[name] if name in sums else tf.zeros_like(sums[past_sums.EVENTS])

    def latest(self) -> tf.Tensor:
        """Returns the time of the last event of the key, `[batch, k] int64`."""
        return self._table.latest[self._column]

    def seconds_since_latest(self) -> tf.Tensor:
        """Returns the seconds since then, `[batch, k] float32`, -1 = unknown."""
        return self._table.seconds_since_latest[self._column]


def _are_last(later: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Returns whether events are among the last, `[batch, length, LAST] bool`.

    Args:
      later: `[..., length] int32` number of events that are later.
      counts: `[batch, length] bool`.
    """
    numbers = tf.constant(list(past_sums.LAST.values()))
    return (later[..., tf.newaxis] < numbers) & counts[..., tf.newaxis]


def _are_of_days(now: tf.Tensor, times: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
    """Returns whether watches are of the last days, `[batch, length, DAYS] bool`.

    All watches after the first recent one count: a watch of unknown time is at least as
    recent as the watches before it.

    Args:
      now: `[batch] int64`, 0 = unknown.
      times: `[batch, length] int64`, 0 = unknown.
      present: `[batch, length] bool`.
    """
    days = tf.constant(list(past_sums.DAYS.values()), tf.int64)
    starts = now[:, tf.newaxis, tf.newaxis] - days * schema.DAY_SECONDS
    known = (now[:, tf.newaxis] != 0) & (times != 0) & present
    is_recent = known[..., tf.newaxis] & (times[..., tf.newaxis] >= starts)
    # Whether it or any before it is recent.
    since = tf.cumsum(tf.cast(is_recent, tf.int32), axis=1) > 0
    return since & present[..., tf.newaxis]


def _impressions(request: raw_request.Request) -> RequestEvents:
    """Returns impressions, in any order; in a tie of times, the last is the latest."""
    ids, counts = request.raw[schema.IMPRESSION_VIDEO_IDS], request.is_shown_before
    clicked = request.shown_clicked
    ranks = tf.where(counts, tf.maximum(request.shown_times, 0), -1)
    latest_first = row_sorting.falling(tf.reverse(ranks, [1]))[1]
    later = tf.reverse(row_sorting.rising_places(latest_first), [1])
    columns = [
        *(counts[..., tf.newaxis], _are_last(later, counts)),
        tf.stack([counts & (clicked >= 0), counts & (clicked > 0)], axis=-1),
    ]
    return RequestEvents(
        ids=ids,
        indices=request.videos.indices(ids),
        ranks=ranks,
        times=None,
        names=[
            *(past_sums.EVENTS, *past_sums.LAST),
            *(past_sums.WITH_CLICK, past_sums.CLICKS),
        ],
        values=tf.cast(tf.concat(columns, axis=-1), tf.float64),
    )
