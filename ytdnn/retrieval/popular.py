"""Popular videos, the same for everyone."""

import numpy as np
import tensorflow as tf

from ytdnn.base import registries, schema
from ytdnn.log import prepared, training_slices
from ytdnn.retrieval import interface, row_ops

WEEK = 7 * schema.DAY_SECONDS


@registries.SOURCES.register("popular")
class Popular(interface.Source):
    """The same videos for all users, except those that are not permitted."""

    kind = interface.POPULAR

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts the watches of the last week of training."""
        super().__init__(num)
        self._videos = tf.Variable(most_watched(data), trainable=False)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the most watched that are permitted."""
        width = self.num + row_ops.largest(requests.permitted.num_excluded)
        width += tf.minimum(requests.permitted.num_removed, self.num)
        videos = self._videos[:width][tf.newaxis, :]
        videos = tf.repeat(videos, tf.shape(requests.watched)[0], axis=0)
        falling = tf.zeros_like(videos)  # in order already
        return self.best_permitted(requests, videos, falling)


def most_watched(data: prepared.PreparedData, seconds: int = WEEK) -> np.ndarray:
    """Returns the videos watched last in training, most watched first.

    Args:
      data: The prepared set.
      seconds: Length of the window that ends with the last training watch.
    """
    shards = training_slices.training_set(data).log.shards
    last = max(int(shard.read().watches.times.max(initial=0)) for shard in shards)
    counts = np.zeros(data.num_videos + 1, np.int64)
    for shard in shards:
        watches = shard.read().watches
        recent = watches.videos[watches.times >= last - seconds]
        counts += np.bincount(recent, minlength=len(counts))
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] > 0].astype(np.int32)
