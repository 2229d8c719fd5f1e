"""Attention of a video shown over the watches before it (beyond the paper).

An averaged history is the same for every candidate. Here each candidate weighs the
watches by their relevance to it: the history is summed with weights that a small
network computes for each pair of candidate and watch (DIN: Zhou and others, Deep
Interest Network for Click-Through Rate Prediction, KDD 2018, §4.3). As there, the
weights are not normalised, so that many fitting watches count for more than one.
"""

from typing import Any

import tensorflow as tf


class TargetAttention(tf.keras.layers.Layer):
    """Weighted sum of a history for each video shown."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          units: Number of units in the hidden layer that weighs a pair.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.units = units
        self._of_shown = tf.keras.layers.Dense(units, name="of_shown")
        self._of_watched = tf.keras.layers.Dense(units, use_bias=False, name="watched")
        self._of_product = tf.keras.layers.Dense(units, use_bias=False, name="product")
        self._weigh = tf.keras.layers.Dense(1, name="weigh")

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Returns `[batch, k, dim] float32`, zero for a history without embeddings.

        Args:
          inputs: Vectors of the videos shown `[batch, k, dim]`, vectors of the history
            `[batch, length, dim]`, and whether each has an embedding `[batch, length]`
            bool.
        """
        shown, watched, known = inputs
        products = shown[:, :, tf.newaxis] * watched[:, tf.newaxis]
        # A dense layer on video, watch and product: the first two once for each.
        hidden = tf.nn.relu(
            self._of_shown(shown)[:, :, tf.newaxis]
            + self._of_watched(watched)[:, tf.newaxis]
            + self._of_product(products)
        )
        weights = self._weigh(hidden)[..., 0]
        weights *= tf.cast(known, tf.float32)[:, tf.newaxis]
        return tf.matmul(weights, watched)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {**super().get_config(), "units": self.units}
