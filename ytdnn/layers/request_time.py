"""When a request is made: hour, weekday, and the time since the last watch.

Beyond the paper. Published numbers of models that see the request's time are not
comparable to those of models that do not, so it is off by default and results say so.
"""

from typing import Any

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.layers import embeddings

_HOUR_SECONDS = 3_600
_FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday, Monday is 0
_NUM_BUCKETS = 32  # of the time since the last watch, each twice as long


class RequestTimeEmbedding(tf.keras.layers.Layer):
    """Embeddings of hour and weekday (UTC), and of log₂ of the time since a watch."""

    def __init__(self, dim: int = 8, **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          dim: Width of each of the three embeddings.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.dim = dim
        self.hours = embeddings.EmbeddingTable(24, dim, name="hours")
        self.weekdays = embeddings.EmbeddingTable(7, dim, name="weekdays")
        self.pauses = embeddings.EmbeddingTable(_NUM_BUCKETS, dim, name="pauses")

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 3 · dim] float32`.

        Args:
          indices: `[..., 3] int32` of hour, weekday and time since the last watch, as
            the functions below give them; 0 = unknown.
        """
        tables = (self.hours, self.weekdays, self.pauses)
        parts = [table(indices[..., i]) for i, table in enumerate(tables)]
        return tf.concat(parts, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {**super().get_config(), "dim": self.dim}


def hour_indices(times: tf.Tensor) -> tf.Tensor:
    """Returns 1 … 24 for the hours from midnight on (UTC), 0 where unknown."""
    hours = tf.math.floormod(tf.math.floordiv(times, _HOUR_SECONDS), 24)
    return _known(times, hours)


def weekday_indices(times: tf.Tensor) -> tf.Tensor:
    """Returns 1 … 7 for Monday to Sunday (UTC), 0 where unknown."""
    days = tf.math.floordiv(times, schema.DAY_SECONDS) + _FIRST_WEEKDAY
    return _known(times, tf.math.floormod(days, 7))


def pause_indices(seconds: tf.Tensor) -> tf.Tensor:
    """Returns 1 + ⌊log₂(1 + seconds)⌋, at most 32; 0 where unknown (negative)."""
    power = tf.math.log(1.0 + tf.maximum(seconds, 0.0)) / tf.math.log(2.0)
    # A power of two may come out a rounding error below its logarithm.
    bucket = 1 + tf.cast(tf.floor(power + 1e-5), tf.int32)
    bucket = tf.minimum(bucket, _NUM_BUCKETS)
    return tf.where(seconds >= 0.0, bucket, tf.zeros_like(bucket))


def _known(times: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    indices = 1 + tf.cast(places, tf.int32)
    return tf.where(times != 0, indices, tf.zeros_like(indices))
