"""Sums over the earlier events that a request brings, inside an exported graph.

The events are sorted by key once for each kind of key; running sums at both ends of a
key's run give all of its sums at once, whatever the number of videos asked about.
"""

import dataclasses
import functools

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
        self._keys = {
            column: tf.Variable(
                past_sums.keys(data, column), trainable=False, dtype=tf.int32
            )
            for column in past_sums.KEY_COLUMNS
        }

    def of(
        self, request: raw_request.Request, table: str, column: str
    ) -> "RequestSums":
        """Returns the sums of a request, made once.

        Args:
          request: The request.
          table: Of the events.
          column: Of the keys.
        """
        return request.once((table, column), lambda: self._sums(request, table, column))

    def _sums(
        self, request: raw_request.Request, table: str, column: str
    ) -> "RequestSums":
        make = self._watches if table == schema.WATCHES else _impressions
        events = request.once(table, lambda: make(request))
        return RequestSums(request, table, events, self._keys.get(column))

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
        now = request.times[:, tf.newaxis]
        is_recent = (times >= now - past_sums.DAY_SECONDS) & (now != 0) & (times != 0)
        recent = tf.cumsum(tf.cast(present & is_recent, tf.int32), axis=1) > 0
        values[past_sums.LAST_DAY] = tf.cast(recent & present, tf.float64)
        return Events(ids, indices, times, _stacked(schema.WATCHES, values))


class RequestSums(past_sums.Sums):
    """Sums of the events of requests."""

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
          keys: `[catalogue + 1] int32`; None: a video is its own key.
        """
        self._request, self._events, self._keys = request, events, keys
        self._places = {name: i for i, name in enumerate(past_sums.SUMMED[table])}

    @property
    def times(self) -> tf.Tensor:
        """Of the requests, `[batch, 1] int64`."""
        return self._request.times[:, tf.newaxis]

    @functools.cached_property
    def is_known(self) -> tf.Tensor:
        """Whether each video asked about has a key, `[batch, k] bool`."""
        if self._keys is None:
            return tf.ones_like(self._asked, tf.bool)
        return self._asked > 0

    def of_key(self, name: str) -> tf.Tensor:
        """Returns `[batch, k] float64`."""
        return self._joined[0][..., self._places[name]]

    def of_user(self, name: str) -> tf.Tensor:
        """Returns `[batch, 1] float64`."""
        return self._totals[:, self._places[name], tf.newaxis]

    def latest(self) -> tf.Tensor:
        """Returns `[batch, k] int64`."""
        return self._joined[1]

    @functools.cached_property
    def _asked(self) -> tf.Tensor:
        if self._keys is None:
            return self._request.videos.keys(self._request.video_ids)
        return tf.gather(self._keys, self._request.video_indices)

    @functools.cached_property
    def _totals(self) -> tf.Tensor:
        return tf.reduce_sum(self._events.values, axis=1)

    @functools.cached_property
    def _joined(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sums `[batch, k, m]` and the latest times `[batch, k]`."""
        events = self._events
        if self._keys is None:
            keys = self._request.videos.keys(events.ids)
        else:
            keys = tf.gather(self._keys, events.indices)
        order = tf.argsort(keys, axis=1, stable=True)
        ordered = tf.gather(keys, order, batch_dims=1)
        values = tf.gather(events.values, order, batch_dims=1)
        sums = tf.pad(tf.cumsum(values, axis=1), [[0, 0], [1, 0], [0, 0]])
        first = tf.searchsorted(ordered, self._asked, side="left")
        stop = tf.searchsorted(ordered, self._asked, side="right")
        found = tf.gather(sums, stop, batch_dims=1)
        found -= tf.gather(sums, first, batch_dims=1)
        found = tf.where(self.is_known[..., tf.newaxis], found, tf.zeros_like(found))
        # Those that do not count come first in the run of their key.
        times = tf.gather(events.times, order, batch_dims=1)
        times = tf.gather(raw_request.pad_front(times, 1), stop, batch_dims=1)
        has_any = found[..., self._places[past_sums.EVENTS]] > 0.0
        return found, tf.where(has_any, times, tf.zeros_like(times))


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
