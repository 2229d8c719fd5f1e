"""Bags with learned weights of the positions: how much the n-th last watch counts.

Beyond the paper, which averages, and the fixed decay rates of
`ytdnn/layers/bags.py`: each bag has one logit for each distance from the end of
the history, and weighs the watches there by their softmax. The initial weights are
those of decay rates, spread over several time scales, so a fresh layer is no worse than
those.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.layers import bags, randomness

_SLOWEST = 0.99  # of the initial decay rates
_FASTEST = 0.3  # of them


class LearnedBags(tf.keras.layers.Layer):
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
          is_bounded: See `bags.history_mask`.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.is_bounded = is_bounded
        self.num_bags = num_bags
        self.length = length
        self.dropout = dropout
        half_lives = np.geomspace(
            -1.0 / np.log(_FASTEST), -1.0 / np.log(_SLOWEST), num_bags
        )
        decay = -np.arange(length) / half_lives[:, np.newaxis]
        self.logits = self.add_weight(
            name=f"{self.name}/logits",
            shape=[num_bags, length],
            initializer=tf.constant_initializer(decay),
        )

    def call(
        self,
        rows: tf.Tensor,
        known: tf.Tensor,
        first_rows: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns the bags side by side, `[slices, positions, num_bags · dim]`.

        Args:
          rows: `[slices, length + positions - 1, dim] float32`, the embeddings.
          known: `[slices, length + positions - 1] bool`; false rows are in no average.
          first_rows: `[slices, positions] int32`, see `bags.history_mask`.
          seed: `[2] int32` of this training step, or None outside training.

        An empty history is the zero vector.
        """
        num_rows, num_positions = tf.shape(rows)[1], tf.shape(first_rows)[1]
        mask = bags.history_mask(first_rows, num_rows, self.is_bounded)
        mask &= known[:, tf.newaxis, :]
        if seed is not None and self.dropout > 0.0:
            mask &= randomness.keep_mask(tf.shape(mask), self.dropout, seed)
        distance = tf.cast(bags.recency(num_positions, num_rows), tf.int32)
        # Of the same curve everywhere, so exp needs no maximum of each history.
        curves = tf.exp(self.logits - tf.reduce_max(self.logits, axis=1, keepdims=True))
        weights = tf.gather(curves, tf.minimum(distance, self.length - 1), axis=1)
        weights = tf.transpose(weights, [1, 0, 2])  # [positions, bags, rows]
        weights = weights * tf.cast(mask, tf.float32)[:, :, tf.newaxis, :]
        total = tf.reduce_sum(weights, axis=-1, keepdims=True)
        weights = tf.math.divide_no_nan(weights, total)
        flat = tf.reshape(weights, [-1, num_positions * self.num_bags, num_rows])
        width = self.num_bags * rows.shape[-1]
        return tf.reshape(tf.matmul(flat, rows), [-1, num_positions, width])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **super().get_config(),
            "num_bags": self.num_bags,
            "length": self.length,
            "dropout": self.dropout,
            "is_bounded": self.is_bounded,
        }
