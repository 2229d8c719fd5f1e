"""Numbers in [0, 1], with a flag for whether they are present (PAPER §3.3)."""

import tensorflow as tf


class Presence(tf.keras.layers.Layer):
    """A number in [0, 1] as it is, and 1 where it is present (not negative)."""

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 2] float32` for `values [...] float32`."""
        values = values[..., tf.newaxis]
        known = tf.cast(values >= 0.0, tf.float32)
        return tf.concat([tf.maximum(values, 0.0), known], axis=-1)


class AlwaysKnown(tf.keras.layers.Layer):
    """A number that is never missing, as one coordinate."""

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 1] float32` for `values [...] float32`."""
        return values[..., tf.newaxis]
