"""Raw requests inside an exported graph: ids, texts and lists, read with lookups.

Values for several readers are computed once: the history in order, the indices of
videos, the earlier impressions. Features and encoders read a `Request` into the same
tensors as training reads from the log.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Any

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import lookups, prepared, row_sorting

Raw = dict[str, tf.Tensor]


class Request:
    """A batch of raw requests.

    Attributes:
      raw: `[batch, …]` tensors by the names of their fields.
      videos: Ids and indices of the catalogue.
      video_ids: `[batch, k]` ids of the videos to score; None in the user tower.
      candidate_scores: `[batch, k] float32` scores of the candidate model,
        `positions.NO_SCORE` where it has none; None: no reader needs them.
      candidate_sources: `[batch, k] int32` source that proposed each; None: no reader
        needs them.
      seed_videos: `[batch, k] int32` watch that each was found by; None: no reader
        needs them.
    """

    def __init__(
        self, raw: Raw, videos: lookups.VideoIds, video_ids: tf.Tensor | None = None
    ) -> None:
        """Wraps raw tensors."""
        self.raw = raw
        self.videos = videos
        self.video_ids = video_ids
        self.candidate_scores: tf.Tensor | None = None
        self.candidate_sources: tf.Tensor | None = None
        self.seed_videos: tf.Tensor | None = None
        self._made: dict[Hashable, Any] = {}

    def name_videos(self, indices: tf.Tensor) -> None:
        """Sets the videos to score by their catalogue indices `[batch, k] int32`."""
        self.video_ids = self.videos.ids(indices)
        self.video_indices = indices

    def once(self, key: Hashable, make: Callable[[], prepared.Made]) -> prepared.Made:
        """Returns `make()`, cached for this request and all its readers."""
        return prepared.kept(self._made, key, make)

    @functools.cached_property
    def times(self) -> tf.Tensor:
        """Times of the requests, `[batch] int64` seconds, 0 = unknown."""
        if schema.TIME in self.raw:
            return self.raw[schema.TIME]
        return tf.zeros([tf.shape(self.raw[schema.WATCHED_VIDEO_IDS])[0]], tf.int64)

    @functools.cached_property
    def video_indices(self) -> tf.Tensor:
        """Catalogue indices of `video_ids`, `[batch, k] int32`."""
        return self.videos.indices(self.video_ids)

    @property
    def watched_ids(self) -> tf.Tensor:
        """Ids of the history, `[batch, length]`, missing ones moved to the front."""
        return self._watches[0]

    @functools.cached_property
    def watched_indices(self) -> tf.Tensor:
        """Catalogue indices of `watched_ids`, `[batch, length] int32`."""
        return self.videos.indices(self.watched_ids)

    @property
    def watch_times(self) -> tf.Tensor:
        """Time of each watch, `[batch, length] int64`, 0 = unknown."""
        return self._watches[1]

    @property
    def num_watches(self) -> tf.Tensor:
        """Length of each history, `[batch] int32`."""
        present = self.videos.present(self.watched_ids)
        return tf.reduce_sum(tf.cast(present, tf.int32), axis=1)

    def last_watches(self, length: int) -> tf.Tensor:
        """Returns the most recent watches, `[batch, length] int32`, 0 in front."""
        return last(self.watched_indices, length)

    @functools.cached_property
    def last_watch_times(self) -> tf.Tensor:
        """Time of the most recent watch, `[batch] int64`, 0 = none or unknown."""
        return last(self.watch_times, 1)[:, 0]

    @functools.cached_property
    def shown_times(self) -> tf.Tensor:
        """Time of each earlier impression, `[batch, length] int64`, 0 = unknown."""
        times, ids = schema.IMPRESSION_TIMES, schema.IMPRESSION_VIDEO_IDS
        return fit(self.raw[times], self.raw[ids])

    @functools.cached_property
    def shown_clicked(self) -> tf.Tensor:
        """Whether each earlier impression was clicked, `[batch, length] int32`.

        1, 0, or -1 = unknown.
        """
        ids = self.raw[schema.IMPRESSION_VIDEO_IDS]
        return fit(self.raw[schema.IMPRESSION_CLICKED], ids, missing=-1)

    @functools.cached_property
    def is_shown_before(self) -> tf.Tensor:
        """Whether each impression came before the request, `[batch, length] bool`.

        All did if the time of the request is unknown.
        """
        now = self.times[:, tf.newaxis]
        earlier = (self.shown_times < now) | (now == 0)
        return earlier & self.videos.present(self.raw[schema.IMPRESSION_VIDEO_IDS])

    @functools.cached_property
    def watched_seconds(self) -> tf.Tensor:
        """Seconds of each of `watched_ids`, `[batch, length] float32`, -1 = unknown."""
        seconds = fit(self.raw[schema.WATCHED_SECONDS], self.watched_ids, missing=-1.0)
        return tf.gather(seconds, self._watch_order, batch_dims=1)

    @functools.cached_property
    def _watch_order(self) -> tf.Tensor:
        """Order of the watches, missing ones first, `[batch, length] int32`."""
        present = self.videos.present(self.raw[schema.WATCHED_VIDEO_IDS])
        return row_sorting.rising_places(tf.cast(present, tf.int32))

    @functools.cached_property
    def _watches(self) -> tuple[tf.Tensor, tf.Tensor]:
        ids, order = self.raw[schema.WATCHED_VIDEO_IDS], self._watch_order
        ids = tf.gather(ids, order, batch_dims=1)
        if schema.WATCH_TIMES not in self.raw:
            return ids, tf.zeros_like(order, tf.int64)
        times = fit(self.raw[schema.WATCH_TIMES], order)
        times = tf.gather(times, order, batch_dims=1)
        return ids, tf.where(self.videos.present(ids), times, tf.zeros_like(times))


def pad_front(
    values: tf.Tensor, length: int | tf.Tensor, missing: float = 0
) -> tf.Tensor:
    """Puts `length` missing values before the last axis."""
    paddings = [[0, 0]] * (values.shape.rank - 1) + [[length, 0]]
    return tf.pad(values, paddings, constant_values=tf.cast(missing, values.dtype))


def last(values: tf.Tensor, length: int) -> tf.Tensor:
    """Returns the last `length` of `[batch, n]`, zeros in front where n is less."""
    return tf.ensure_shape(pad_front(values, length)[:, -length:], [None, length])


def fit(values: tf.Tensor, like: tf.Tensor, missing: float = 0) -> tf.Tensor:
    """Brings `[batch, m]` to the length of `like [batch, n]`, last elements kept."""
    padded = pad_front(values, tf.shape(like)[1], missing)
    return padded[:, tf.shape(values)[1] :]
