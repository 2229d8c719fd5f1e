"""Leaves the most watched videos out, for users who want something else."""

import numpy as np
import tensorflow as tf

from ytdnn import registries
from ytdnn.log import catalogues, fields
from ytdnn.retrieval import request_fields

_MOST = 100


@registries.REQUEST_FIELDS.register("hide_popular")
class HidePopular(request_fields.RequestField):
    """The key `hide_popular`: a number of videos."""

    def __init__(self, data):
        super().__init__()
        meaning = f"number of the most watched videos to leave out, up to {_MOST}"
        self.field = fields.Field(
            "hide_popular", "int32", "batch", 0, meaning, least=0, greatest=_MOST
        )
        counts = data.videos[catalogues.TRAIN_COUNT].to_numpy()
        order = 1 + np.argsort(-counts, kind="stable")[:_MOST]
        self._videos = tf.Variable(order.astype(np.int32), trainable=False)

    def excluded(self, values):
        """Returns `[batch, 100] int32` catalogue indices, 0 = none."""
        places = tf.range(tf.size(self._videos))[tf.newaxis]
        return tf.where(places < values[:, tf.newaxis], self._videos[tf.newaxis], 0)
