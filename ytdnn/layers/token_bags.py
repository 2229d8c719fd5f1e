"""The bag of search tokens (PAPER §3.2)."""

from typing import Any

import tensorflow as tf

from ytdnn.layers import randomness


class TokenBag(tf.keras.layers.Layer):
    """The mean of a range of rows, a range for each position of a slice.

    Order is left out on purpose: a model that knows the last search predicts the page
    of its results (PAPER §3.4).
    """

    def __init__(self, dropout: float = 0.0, **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          dropout: Share of rows each position loses when a seed is given.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.dropout = dropout

    def call(
        self,
        rows: tf.Tensor,
        known: tf.Tensor,
        first_rows: tf.Tensor,
        end_rows: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns `[slices, positions, dim]`, zeros where there is nothing to average.

        Args:
          rows: `[slices, num_rows, dim] float32`, the rows' embeddings.
          known: `[slices, num_rows] bool`; false rows are in no average.
          first_rows: `[slices, positions] int32`, first row of each position.
          end_rows: `[slices, positions] int32`, the row after its last.
          seed: `[2] int32` of this training step, or None outside training.
        """
        places = tf.range(tf.shape(rows)[1])
        mask = places >= first_rows[..., tf.newaxis]
        mask &= places < end_rows[..., tf.newaxis]
        mask &= known[:, tf.newaxis, :]
        if seed is not None and self.dropout > 0.0:
            mask &= self._kept(tf.shape(mask), seed)
        weights = tf.cast(mask, tf.float32)
        total = tf.reduce_sum(weights, axis=-1, keepdims=True)
        return tf.matmul(tf.math.divide_no_nan(weights, total), rows)

    def _kept(self, shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws `shape` of a mask as wide as the widest replica's."""
        widest = tf.concat([shape[:2], [randomness.widest(shape[2])]], axis=0)
        return randomness.keep_mask(widest, self.dropout, seed)[..., : shape[2]]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {**super().get_config(), "dropout": self.dropout}
