"""Sums over the earlier events that a request brings, inside an exported graph.

The events are sorted by key once for each kind of key; running sums at both ends of a
key's run give all of its sums at once, whatever the number of videos asked about.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from ytdnn import schema
from ytdnn.data import prepared
from ytdnn.data import request as raw_request
from ytdnn.features import past_sums


@dataclasses.dataclass(frozen=True)
class Events:
    """Earlier watches or impressions of each request, those that do not count first.

    Attributes:
      ids: `[batch, length]`.
      indices: `[batch, length] int32` of the catalogue.
      times: `[batch, length] int64`.
      values: `[batch, length, m] float64` as `past_sums.SUMMED`, 0 where none counts.
    """

    ids: tf.Tensor
    indices: tf.Tensor
    times: tf.Tensor
    values: tf.Tensor


class RequestPast(tf.Module):
    """Sums of requests, with the keys and durations of the catalogue."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Copies them into variables."""
        super().__init__()
        self._durations = tf.Variable(past_sums.durations(data), trainable=False)
        keys = [past_sums.keys(data, column) for column in past_sums.KEY_COLUMNS]
        self._keys = tf.Variable(np.stack(keys, axis=1), False, dtype=tf.int32)

    def of(
        self, request: raw_request.Request, table: str, column: str
    ) -> "RequestSums":
        """Returns the sums of a request; what columns share is computed once.

        Args:
          request: The request.
          table: Of the events.
          column: Of the keys.
        """
        make = self._watches if table == schema.WATCHES else _impressions
        events = request.once(table, lambda: make(request))
        is_column = column != past_sums.VIDEO
        keys = self._keys if is_column else None
        join = request.once(
            (table, is_column), lambda: _Join(request, table, events, keys)
        )
        place = past_sums.KEY_COLUMNS.index(column) if is_column else 0
        return RequestSums(request, join, place)

    def _watches(self, request: raw_request.Request) -> Events:
        ids, times = request.watched_ids, request.watch_times
        indices = request.videos.indices(ids)
        present = request.videos.present(ids)
        values = {past_sums.EVENTS: tf.cast(present, tf.float64)}
        if schema.WATCHED_SECONDS in request.raw:
            seconds = request.watched_seconds
            of_videos = tf.gather(self._durations, indices)
            known = present & (seconds >= 0.0)
            values |= past_sums.of_seconds(seconds, of_videos, known)
        values |= _of_days(request.times[:, tf.newaxis], times, present)
        return Events(ids, indices, times, _stacked(schema.WATCHES, values))


def _of_days(
    now: tf.Tensor, times: tf.Tensor, present: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns which watches are of the last days, `[batch, length, windows] float64`.

    From the first that is: one of unknown time is as recent as those before it.

    Args:
      now: `[batch, 1] int64`, 0 = unknown.
      times: `[batch, length] int64`, 0 = unknown.
      present: `[batch, length] bool`.
    """
    seconds = tf.constant(list(past_sums.DAYS.values()), tf.int64)
    seconds *= past_sums.DAY_SECONDS
    since = now[..., tf.newaxis] - seconds
    is_recent = times[..., tf.newaxis] >= since
    is_recent &= ((now != 0) & (times != 0) & present)[..., tf.newaxis]
    recent = tf.cumsum(tf.cast(is_recent, tf.int32), axis=1) > 0
    found = tf.unstack(tf.cast(recent & present[..., tf.newaxis], tf.float64), axis=-1)
    return dict(zip(past_sums.DAYS, found, strict=True))


class _Join:
    """Earlier events joined to the videos asked about, by several keys at once."""

    def __init__(
        self,
        request: raw_request.Request,
        table: str,
        events: Events,
        keys: tf.Variable | None,
    ) -> None:
        """Computes nothing yet.

        Args:
          request: The request.
          table: Of the events.
          events: The events.
          keys: `[catalogue + 1, c] int32`, 0 = unknown; None: a video is its own key.
        """
        self._request, self._events, self._keys = request, events, keys
        self._names = past_sums.SUMMED[table]

    @functools.cached_property
    def totals(self) -> dict[str, tf.Tensor]:
        """The sums over all events by name, `[batch] float64`."""
        sums = tf.unstack(tf.reduce_sum(self._events.values, axis=1), axis=-1)
        return dict(zip(self._names, sums, strict=True))

    @functools.cached_property
    def asked(self) -> tf.Tensor:
        """The keys of the videos asked about, `[batch, c, k]`."""
        return self._keys_of(self._request.video_ids, self._request.video_indices)

    @functools.cached_property
    def of_keys(self) -> dict[str, list[tf.Tensor]]:
        """The sums by name, a list over c of `[batch, k] float64`."""
        values = tf.gather(self._events.values, self._order, batch_dims=1)
        sums = tf.pad(tf.cumsum(values, axis=2), [[0, 0], [0, 0], [1, 0], [0, 0]])
        first, stop = self._ranges
        found = tf.gather(sums, stop, batch_dims=2)
        found -= tf.gather(sums, first, batch_dims=2)
        by_name = tf.unstack(found, axis=-1)
        width = found.shape[1]
        return {
            name: tf.unstack(values, width, axis=1)
            for name, values in zip(self._names, by_name, strict=True)
        }

    @functools.cached_property
    def latest(self) -> list[tf.Tensor]:
        """The time of the last event of each key, a list over c of `[batch, k] int64`.

        Events that do not count come first in the run of their key.
        """
        times = tf.gather(self._events.times, self._order, batch_dims=1)
        times = raw_request.pad_front(times, 1)
        found = tf.gather(times, self._ranges[1], batch_dims=2)
        has_any = tf.stack(self.of_keys[past_sums.EVENTS], axis=1) > 0.0
        found = tf.where(has_any, found, tf.zeros_like(found))
        return tf.unstack(found, found.shape[1], axis=1)

    @functools.cached_property
    def _of_events(self) -> tf.Tensor:
        return self._keys_of(self._events.ids, self._events.indices)

    @functools.cached_property
    def _order(self) -> tf.Tensor:
        return tf.argsort(self._of_events, axis=-1, stable=True)

    @functools.cached_property
    def _ranges(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Where the run of each key begins and ends, `[batch, c, k] int32` each."""
        ordered = tf.gather(self._of_events, self._order, batch_dims=2)
        asked = self.asked
        if self._keys is not None:
            asked = tf.where(asked > 0, asked, -1)  # unknown is no key in common
        left = tf.searchsorted(ordered, asked, side="left")
        return left, tf.searchsorted(ordered, asked, side="right")

    def _keys_of(self, ids: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[batch, c, n]` of ids and indices `[batch, n]`."""
        if self._keys is None:
            return self._request.videos.keys(ids)[:, tf.newaxis, :]
        return tf.transpose(tf.gather(self._keys, indices), [0, 2, 1])


class RequestSums(past_sums.Sums):
    """Sums of the events of requests by one key."""

    def __init__(self, request: raw_request.Request, join: _Join, place: int) -> None:
        """Reads a join.

        Args:
          request: The request.
          join: By several keys.
          place: Of the key among them.
        """
        self._request, self._join, self._place = request, join, place

    @property
    def times(self) -> tf.Tensor:
        """Of the requests, `[batch, 1] int64`."""
        return self._request.times[:, tf.newaxis]

    @property
    def is_known(self) -> tf.Tensor:
        """Whether each video asked about has a key, `[batch, k] bool`."""
        return self._join.asked[:, self._place] > 0

    def of_key(self, name: str) -> tf.Tensor:
        """Returns `[batch, k] float64`."""
        return self._join.of_keys[name][self._place]

    def of_user(self, name: str) -> tf.Tensor:
        """Returns `[batch, 1] float64`."""
        return self._join.totals[name][:, tf.newaxis]

    def latest(self) -> tf.Tensor:
        """Returns `[batch, k] int64`."""
        return self._join.latest[self._place]


def _impressions(request: raw_request.Request) -> Events:
    counts = request.is_shown_before
    times = tf.where(counts, tf.maximum(request.shown_times, 0), -1)
    order = tf.argsort(times, axis=1, stable=True)

    def ordered(values: tf.Tensor) -> tf.Tensor:
        return tf.gather(values, order, batch_dims=1)

    ids, counts = ordered(request.raw[schema.IMPRESSION_VIDEO_IDS]), ordered(counts)
    clicked = ordered(request.shown_clicked)
    values = {
        past_sums.EVENTS: tf.cast(counts, tf.float64),
        past_sums.WITH_CLICK: tf.cast(counts & (clicked >= 0), tf.float64),
        past_sums.CLICKS: tf.cast(counts & (clicked > 0), tf.float64),
    }
    return Events(
        ids=ids,
        indices=request.videos.indices(ids),
        times=ordered(times),
        values=_stacked(schema.IMPRESSIONS, values),
    )


def _stacked(table: str, values: dict[str, tf.Tensor]) -> tf.Tensor:
    """Returns `[batch, length, m]` as `SUMMED`, zeros of what the request lacks."""
    events = values[past_sums.EVENTS]
    from_end = tf.shape(events)[1] - tf.range(tf.shape(events)[1])
    none, columns = tf.zeros_like(events), []
    for name in past_sums.SUMMED[table]:
        if name in past_sums.LAST:
            is_last = from_end <= past_sums.LAST[name]
            columns.append(tf.where(is_last, events, none))
        else:
            columns.append(values.get(name, none))
    return tf.stack(columns, axis=-1)
