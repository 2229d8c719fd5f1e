"""Videos watched most in the whole training window."""

import numpy as np
import tensorflow as tf

from ytdnn import registries
from ytdnn.log import prepared
from ytdnn.retrieval import interface


@registries.SOURCES.register("all_time_popular")
class AllTimePopular(interface.Source):
    """The same videos for everyone, but for those that are not permitted."""

    kind = "all_time_popular"

    def __init__(self, num, data):
        super().__init__(num)
        counts = data.videos[prepared.TRAIN_COUNT].to_numpy()
        order = np.argsort(-counts, kind="stable")
        videos = (1 + order[counts[order] > 0]).astype(np.int32)
        self._videos = tf.Variable(videos, trainable=False)

    def propose(self, requests):
        """Returns `num` permitted videos of each request, most watched first."""
        batch = tf.shape(requests.watched)[0]
        videos = tf.repeat(self._videos[tf.newaxis], batch, axis=0)
        return self.best_permitted(requests, videos, tf.zeros_like(videos))
