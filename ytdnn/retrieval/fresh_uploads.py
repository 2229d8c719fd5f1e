"""Fresh uploads: the latest videos of channels the user watched lately.

They need no id embedding: the ranker scores them by its other features.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import registries, schema
from ytdnn.log import prepared, raw_request, row_sorting
from ytdnn.retrieval import filter_schema, interface

_WATCHES = 20  # last watches whose channels count
_UPLOADS = 10  # latest of each channel


def exists(data: prepared.PreparedData) -> bool:
    """Whether the log has channels and times of upload."""
    return {filter_schema.CHANNEL, filter_schema.UPLOAD} <= data.catalogue.columns


@registries.SOURCES.register("fresh_uploads", exists=exists, reads_time=True)
class FreshUploads(interface.Source):
    """The latest uploads before the request, the latest first."""

    kind = interface.FRESH_UPLOADS

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Sorts the uploads of each channel by time, of a log where it `exists`."""
        super().__init__(num)
        channels = filter_schema.indices(data.catalogue, schema.CHANNEL_ID)
        times = upload_times(data.catalogue)
        known = np.flatnonzero((channels > 0) & (times >= 0))
        videos = known[np.lexsort((times[known], channels[known]))]
        self._channels = tf.Variable(channels, trainable=False)
        self._videos = tf.Variable(np.append(0, videos).astype(np.int32))
        self._times = tf.Variable(np.append(0, times[videos]), trainable=False)
        self._stride = int(times.max(initial=0)) + 2
        keys = channels[videos].astype(np.int64) * self._stride + times[videos]
        self._keys = tf.Variable(keys, trainable=False)
        every = np.arange(channels.max(initial=0) + 1)
        firsts = np.searchsorted(channels[videos], every).astype(np.int32)
        self._firsts = tf.Variable(firsts, trainable=False)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns uploads before the request's time; all, if that is unknown."""
        last = raw_request.last(requests.watched, _WATCHES)
        channels = tf.gather(self._channels, last)
        latest = tf.constant(self._stride - 1, tf.int64)
        now = tf.where(requests.times == 0, latest, requests.times)
        now = tf.clip_by_value(now, 0, latest)[:, tf.newaxis]
        begins = tf.cast(channels, tf.int64) * self._stride
        stops = self._num_before(begins + now + 1)
        firsts = tf.gather(self._firsts, channels)
        places = stops[..., tf.newaxis] - 1 - tf.range(_UPLOADS, dtype=tf.int32)
        inside = (places >= firsts[..., tf.newaxis]) & (channels > 0)[..., tf.newaxis]
        slots = tf.reshape(tf.where(inside, places + 1, 0), [-1, _WATCHES * _UPLOADS])
        return self.best_permitted(
            requests, tf.gather(self._videos, slots), tf.gather(self._times, slots)
        )

    def _num_before(self, keys: tf.Tensor) -> tf.Tensor:
        """Returns how many uploads come before each key `[batch, n]`, n fixed."""
        every = tf.reshape(self._keys.read_value(), [1, -1])
        counts = row_sorting.num_below(every, tf.reshape(keys, [1, -1]))
        return tf.reshape(counts, [-1, keys.shape[1]])


def upload_times(catalogue: prepared.Catalogue) -> npt.NDArray[np.int64]:
    """Returns the upload time of each catalogue index, seconds, -1 = unknown."""
    times = catalogue.videos[schema.UPLOAD_TIME].cast(pl.Int64).fill_null(-1).to_numpy()
    return np.append(np.int64(-1), times)
