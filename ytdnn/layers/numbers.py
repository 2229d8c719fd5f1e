"""A layer that looks up a fixed number for each index."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class NumberOfIndex(tf.keras.layers.Layer):
    """Maps each index to its number, one coordinate; 0 for an index without one."""

    def __init__(self, numbers: Sequence[float], **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          numbers: Numbers of the indices 0, 1, ….
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.numbers = tuple(float(number) for number in numbers)

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 1] float32` for `indices [...]` of any numeric type."""
        size = len(self.numbers)
        places = tf.cast(indices, tf.int32)
        places = tf.where((places >= 0) & (places < size), places, size)
        known = tf.constant([*self.numbers, 0.0], tf.float32)
        return tf.gather(known, places)[..., tf.newaxis]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {**super().get_config(), "numbers": self.numbers}
