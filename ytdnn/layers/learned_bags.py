"""Bags by learned curves over the positions of the history."""

from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.layers import bags

_FASTEST, _SLOWEST = 0.3, 0.99  # initial decay rates of learned bags


class LearnedBags(bags.HistoryBags):
    """Weighted averages of the history by learned curves over its positions."""

    def __init__(
        self,
        num_bags: int,
        length: int,
        dropout: float = 0.0,
        is_bounded: bool = True,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          num_bags: Number of curves.
          length: Greatest number of watches in a history.
          dropout: Share of rows each position loses when a seed is given.
          is_bounded: See `history_mask`.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__((), dropout, is_bounded, **kwargs)
        self.num_bags = num_bags
        self.length = length
        half_lives = np.geomspace(
            -1.0 / np.log(_FASTEST), -1.0 / np.log(_SLOWEST), num_bags
        )
        decay = -np.arange(length) / half_lives[:, np.newaxis]
        self.logits = self.add_weight(
            name=f"{self.name}/logits",
            shape=[num_bags, length],
            initializer=tf.constant_initializer(decay),
        )

    def row_weights(self, num_positions: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
        """Returns the exponentials of the curves at each row's distance."""
        distance = tf.cast(bags.recency(num_positions, num_rows), tf.int32)
        # Of the same curve everywhere, so exp needs no maximum of each history.
        curves = tf.exp(self.logits - tf.reduce_max(self.logits, axis=1, keepdims=True))
        weights = tf.gather(curves, tf.minimum(distance, self.length - 1), axis=1)
        return tf.transpose(weights, [1, 0, 2])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        config = super().get_config()
        del config["rates"]
        return {**config, "num_bags": self.num_bags, "length": self.length}
