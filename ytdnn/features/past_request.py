"""Sums over the earlier events in a request, inside an exported graph.

The keys of the videos to score are sorted, and each event is looked up among them.
Events with other keys are skipped, and only sums that a feature reads are computed.
"""

import abc
import dataclasses

import tensorflow as tf

from ytdnn.features import past_sums
from ytdnn.log import prepared, schema
from ytdnn.log import request as raw_request


@dataclasses.dataclass(frozen=True)
class RequestEvents(abc.ABC):
    """Earlier watches or impressions of each request.

    Attributes:
      ids: `[batch, length]` video ids.
      indices: `[batch, length] int32`, catalogue indices.
      times: `[batch, length] int64`.
      counts: `[batch, length] bool`, false for padding.
      values: Values to sum, by name, each `[batch, length] float64` and 0 for events
        that do not count; missing values, and numbers of events, are left out.
    """

    ids: tf.Tensor
    indices: tf.Tensor
    times: tf.Tensor
    counts: tf.Tensor
    values: dict[str, tf.Tensor]

    @property
    @abc.abstractmethod
    def ranks(self) -> tf.Tensor:
        """Ranks of the events in time, `[batch, length]`; at least 0 if counted."""

    @abc.abstractmethod
    def times_of(self, ranks: tf.Tensor) -> tf.Tensor:
        """Returns times by the ranks of events, `[batch, k] int64`; 0 of rank -1."""

    @abc.abstractmethod
    def last(self, number: int) -> tf.Tensor:
        """Returns places of the last events that count, `[batch, n] int32`.

        Args:
          number: Number of events; if there are fewer, places that do not count follow.
        """


class _Watches(RequestEvents):
    """In order, those that do not count first."""

    @property
    def ranks(self) -> tf.Tensor:
        """Their places."""
        shape = tf.shape(self.ids)
        return tf.broadcast_to(tf.range(shape[1]), shape)

    def times_of(self, ranks: tf.Tensor) -> tf.Tensor:
        """Looks them up."""
        return tf.gather(raw_request.pad_front(self.times, 1), ranks + 1, batch_dims=1)

    def last(self, number: int) -> tf.Tensor:
        """Returns the last places."""
        shape = tf.shape(self.ids)
        first = tf.maximum(shape[1] - number, 0)
        return tf.broadcast_to(tf.range(first, shape[1]), [shape[0], shape[1] - first])


class _Impressions(RequestEvents):
    """Impressions in any order; in a tie of times, the last one is the latest."""

    @property
    def ranks(self) -> tf.Tensor:
        """Their times."""
        return tf.where(self.counts, self.times, -1)

    def times_of(self, ranks: tf.Tensor) -> tf.Tensor:
        """Returns the ranks, which are times."""
        return tf.maximum(ranks, 0)

    def last(self, number: int) -> tf.Tensor:
        """Returns the places of the largest times."""
        length = tf.shape(self.ids)[1]
        backwards = tf.reverse(self.ranks, [1])
        return length - 1 - tf.math.top_k(backwards, tf.minimum(number, length))[1]


class RequestPast(tf.Module):
    """Computes sums of requests; holds the keys and durations of the catalogue."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Copies keys and durations into variables."""
        super().__init__()
        self._durations = tf.Variable(
            past_sums.durations(data.catalogue), trainable=False
        )
        self._keys = {
            column: tf.Variable(past_sums.keys(data, column), False, dtype=tf.int32)
            for column in past_sums.KEY_COLUMNS
        }

    def sums(
        self, request: raw_request.Request, table: str, column: str
    ) -> "RequestSums":
        """Returns the sums of a request; shared parts are computed once.

        Args:
          request: The request.
          table: Table of the events.
          column: Column of the keys.
        """
        make = self._watches if table == schema.WATCHES else _impressions
        events = request.once(table, lambda: make(request))
        scored = request.once(column, lambda: self._scored_keys(request, column))

        def join() -> RequestSums:
            keys = self._key(request, column, events.ids, events.indices)
            return RequestSums(request.times, events, keys, scored)

        return request.once((table, column), join)

    def _scored_keys(self, request: raw_request.Request, column: str) -> "_ScoredKeys":
        keys = self._key(request, column, request.video_ids, request.video_indices)
        if column != past_sums.VIDEO:
            keys = tf.where(keys > 0, keys, -1)  # unknown is no key in common
        return _ScoredKeys(keys)

    def _key(
        self,
        request: raw_request.Request,
        column: str,
        ids: tf.Tensor,
        indices: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the keys of videos `[batch, n]`, 0 = unknown; a video is its own."""
        if column == past_sums.VIDEO:
            return request.videos.keys(ids)
        return tf.gather(self._keys[column], indices)

    def _watches(self, request: raw_request.Request) -> RequestEvents:
        ids, indices = request.watched_ids, request.watched_indices
        times, present = request.watch_times, request.videos.present(ids)
        values = {}
        if schema.WATCHED_SECONDS in request.raw:
            seconds = request.watched_seconds
            of_videos = tf.gather(self._durations, indices)
            known = present & (seconds >= 0.0)
            values = past_sums.of_seconds(seconds, of_videos, known)
        values |= _of_days(request.times[:, tf.newaxis], times, present)
        return _Watches(ids, indices, times, present, values)


def _of_days(
    now: tf.Tensor, times: tf.Tensor, present: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns whether watches are of the last days, each `[batch, length] float64`.

    All watches after the first recent one count: a watch of unknown time is at least as
    recent as the watches before it.

    Args:
      now: `[batch, 1] int64`, 0 = unknown.
      times: `[batch, length] int64`, 0 = unknown.
      present: `[batch, length] bool`.
    """
    known = (now != 0) & (times != 0) & present
    places = tf.range(tf.shape(times)[1])
    found = {}
    for name, days in past_sums.DAYS.items():
        is_recent = known & (times >= now - days * schema.DAY_SECONDS)
        recent = tf.where(is_recent, places, tf.int32.max)
        first = tf.reduce_min(recent, axis=1, keepdims=True)
        found[name] = tf.cast((places >= first) & present, tf.float64)
    return found


class _ScoredKeys:
    """The keys of the videos to score, and the slot of each sum.

    Attributes:
      keys: `[batch, k]`; negative keys match no event.
    """

    def __init__(self, keys: tf.Tensor) -> None:
        """Sorts them.

        Args:
          keys: `[batch, k]`.
        """
        self.keys = keys
        self._ordered = tf.sort(keys, axis=1)
        self._with_end = tf.pad(self._ordered, [[0, 0], [0, 1]])
        self._places = tf.searchsorted(self._ordered, keys)

    @property
    def size(self) -> tf.Tensor:
        """Number of sums of a request, `[] int32`."""
        return tf.shape(self.keys)[1]

    def places(self, keys: tf.Tensor) -> tf.Tensor:
        """Returns where events are summed, `[batch, n] int32`; `size` = nowhere.

        Args:
          keys: `[batch, n]` of the events.
        """
        found = tf.searchsorted(self._ordered, keys)
        same = tf.gather(self._with_end, found, batch_dims=1) == keys
        return tf.where(same, found, self.size)

    def of_videos(self, sums: tf.Tensor) -> tf.Tensor:
        """Returns the sums of the videos, `[batch, k]`.

        Args:
          sums: `[batch, size]` or more.
        """
        return tf.gather(sums, self._places, batch_dims=1)


class RequestSums(past_sums.PastSums):
    """Sums of the events of requests by one key."""

    def __init__(
        self,
        times: tf.Tensor,
        events: RequestEvents,
        keys: tf.Tensor,
        scored: _ScoredKeys,
    ) -> None:
        """Looks the events up among the videos to score.

        Args:
          times: Times of the requests, `[batch] int64`.
          events: The events.
          keys: Keys of the events, `[batch, length]`.
          scored: The keys of the videos to score.
        """
        self._times, self._events, self._scored = times, events, scored
        self._places = tf.where(events.counts, scored.places(keys), scored.size)

    @property
    def times(self) -> tf.Tensor:
        """Times of the requests, `[batch, 1] int64`."""
        return self._times[:, tf.newaxis]

    @property
    def is_known(self) -> tf.Tensor:
        """Whether each video has a key, `[batch, k] bool`."""
        return self._scored.keys > 0

    def of_key(self, name: str) -> tf.Tensor:
        """Returns the sum over events of the video's key, `[batch, k] float64`."""
        if name in past_sums.LAST:
            last = self._events.last(past_sums.LAST[name])
            return self._counted(tf.gather(self._places, last, batch_dims=1))
        if name == past_sums.EVENTS:
            return self._counted(self._places)
        if name not in self._events.values:
            return tf.zeros(tf.shape(self._scored.keys), tf.float64)
        return self._summed(self._places, self._events.values[name])

    def of_user(self, name: str) -> tf.Tensor:
        """Returns the sum over all of the user's events, `[batch, 1] float64`."""
        counts = tf.cast(self._events.counts, tf.float64)
        if name in past_sums.LAST:
            return tf.minimum(_total(counts), past_sums.LAST[name])
        if name == past_sums.EVENTS:
            return _total(counts)
        return _total(self._events.values.get(name, tf.zeros_like(counts)))

    def latest(self) -> tf.Tensor:
        """Returns the time of the last event of the key, `[batch, k] int64`."""
        shape = tf.shape(self._places)[0], self._scored.size + 1
        rows = shape[1] * tf.range(shape[0])[:, tf.newaxis]
        ranks = tf.math.unsorted_segment_max(
            self._events.ranks, self._places + rows, shape[0] * shape[1]
        )
        ranks = self._scored.of_videos(tf.reshape(ranks, shape))
        return self._events.times_of(tf.maximum(ranks, -1))

    def _counted(self, places: tf.Tensor) -> tf.Tensor:
        return self._summed(places, tf.zeros([0], tf.float64))  # 1 each

    def _summed(self, places: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        # `tf.math.bincount` would look for the largest place first, each time.
        sums = tf.raw_ops.DenseBincount(
            input=places, size=self._scored.size, weights=values, binary_output=False
        )
        return self._scored.of_videos(sums)


def _total(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=1, keepdims=True)


def _impressions(request: raw_request.Request) -> RequestEvents:
    ids, counts = request.raw[schema.IMPRESSION_VIDEO_IDS], request.is_shown_before
    clicked = request.shown_clicked
    return _Impressions(
        ids=ids,
        indices=request.videos.indices(ids),
        times=tf.maximum(request.shown_times, 0),
        counts=counts,
        values={
            past_sums.WITH_CLICK: tf.cast(counts & (clicked >= 0), tf.float64),
            past_sums.CLICKS: tf.cast(counts & (clicked > 0), tf.float64),
        },
    )
