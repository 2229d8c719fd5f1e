"""A raw request inside an exported graph: ids, texts and lists, read with lookups.

What several readers need of it is made here once: the history in order, the indices of
videos, which impressions came before. Features and encoders take a `Request` and end in
the tensors that training cuts from the log.
"""

import functools

import tensorflow as tf

from ytdnn import schema
from ytdnn.data import lookups

Raw = dict[str, tf.Tensor]


class Request:
    """A batch of raw requests.

    Attributes:
      raw: `[batch, …]` tensors by the names of their fields.
      videos: Ids and indices of the catalogue.
      video_ids: `[batch, k]` ids asked about; None of the user tower.
      candidate_scores: `[batch, k] float32` of the candidate model for these,
        `positions.NO_SCORE` where it has none; None where nothing reads them.
    """

    def __init__(
        self,
        raw: Raw,
        videos: lookups.VideoIds,
        video_ids: tf.Tensor | None = None,
        candidate_scores: tf.Tensor | None = None,
    ) -> None:
        """Wraps raw tensors."""
        self.raw = raw
        self.videos = videos
        self.video_ids = video_ids
        self.candidate_scores = candidate_scores

    @functools.cached_property
    def times(self) -> tf.Tensor:
        """Of the requests, `[batch] int64` seconds, 0 = unknown."""
        if schema.TIME in self.raw:
            return self.raw[schema.TIME]
        return tf.zeros([tf.shape(self.raw[schema.WATCHED_VIDEO_IDS])[0]], tf.int64)

    @functools.cached_property
    def video_indices(self) -> tf.Tensor:
        """Catalogue indices of `video_ids`, `[batch, k] int32`."""
        return self.videos.indices(self.video_ids)

    @property
    def watched_ids(self) -> tf.Tensor:
        """The history, `[batch, length]`, missing ones moved to the front."""
        return self._watches[0]

    @property
    def watch_times(self) -> tf.Tensor:
        """Of each watch, `[batch, length] int64`, 0 = unknown."""
        return self._watches[1]

    @property
    def num_watches(self) -> tf.Tensor:
        """Length of each history, `[batch] int32`."""
        present = self.videos.present(self.watched_ids)
        return tf.reduce_sum(tf.cast(present, tf.int32), axis=1)

    def last_watches(self, length: int) -> tf.Tensor:
        """Returns the most recent watches, `[batch, length] int32`, 0 in front."""
        return last(self.videos.indices(self.watched_ids), length)

    @functools.cached_property
    def last_watch_times(self) -> tf.Tensor:
        """Of the most recent watch, `[batch] int64`, 0 = none or unknown."""
        return last(self.watch_times, 1)[:, 0]

    @functools.cached_property
    def shown_times(self) -> tf.Tensor:
        """Of each earlier impression, `[batch, length] int64`, 0 = unknown."""
        times, ids = schema.IMPRESSION_TIMES, schema.IMPRESSION_VIDEO_IDS
        return fit(self.raw[times], self.raw[ids])

    @functools.cached_property
    def is_shown_before(self) -> tf.Tensor:
        """Which earlier impressions are of which video, `[batch, k, length] bool`.

        Those strictly before the request; all where its time is unknown.
        """
        shown, now = self.raw[schema.IMPRESSION_VIDEO_IDS], self.times[:, tf.newaxis]
        earlier = (self.shown_times < now) | (now == 0)
        earlier &= self.videos.present(shown)
        same = tf.equal(
            self.videos.keys(self.video_ids)[:, :, tf.newaxis],
            self.videos.keys(shown)[:, tf.newaxis, :],
        )
        return same & earlier[:, tf.newaxis, :]

    @functools.cached_property
    def _watches(self) -> tuple[tf.Tensor, tf.Tensor]:
        ids = self.raw[schema.WATCHED_VIDEO_IDS]
        present = tf.cast(self.videos.present(ids), tf.int32)
        order = tf.argsort(present, axis=1, stable=True)
        ids = tf.gather(ids, order, batch_dims=1)
        if schema.WATCH_TIMES not in self.raw:
            return ids, tf.zeros_like(order, tf.int64)
        times = fit(self.raw[schema.WATCH_TIMES], order)
        times = tf.gather(times, order, batch_dims=1)
        return ids, tf.where(self.videos.present(ids), times, tf.zeros_like(times))


def pad_front(values: tf.Tensor, length: int | tf.Tensor) -> tf.Tensor:
    """Puts `length` zeros before the last axis."""
    rank = values.shape.rank
    return tf.pad(values, [[0, 0]] * (rank - 1) + [[length, 0]])


def last(values: tf.Tensor, length: int) -> tf.Tensor:
    """Returns the last `length` of `[batch, n]`, zeros in front where n is less."""
    return tf.ensure_shape(pad_front(values, length)[:, -length:], [None, length])


def fit(values: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Brings `[batch, m]` to the length of `like [batch, n]`, last elements kept."""
    length = tf.shape(like)[1]
    padded = pad_front(values, length)
    return padded[:, tf.shape(padded)[1] - length :]
