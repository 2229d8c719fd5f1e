"""Bags: a variable-length history as a few fixed-width vectors (PAPER §3.2).

The paper averages the embeddings of the watch history. A bag may also weigh a watch by
its recency, rate^position; several rates side by side keep order at several time scales
(beyond the paper, which discards it). See also `learned_bags`.

Histories come in *slices*: `positions` consecutive positions of the log share one
gather of rows, since the history of a position is that of the one before it plus one
watch. Position t of a slice ends before row `length + t` and reaches back at most
`length` rows. A single request is a slice of one position.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ytdnn.layers import randomness


def history_mask(
    first_rows: tf.Tensor, num_rows: int | tf.Tensor, is_bounded: bool = True
) -> tf.Tensor:
    """Returns whether each row of a slice is in the history of each position.

    Args:
      first_rows: `[slices, positions] int32`, the first row that belongs to the
        position's user.
      num_rows: Rows of a slice, `length + positions - 1`.
      is_bounded: Whether a history reaches back at most `length` rows; else to the
        slice's first row.

    Returns:
      `[slices, positions, num_rows] bool`.
    """
    num_positions = tf.shape(first_rows)[1]
    rows = tf.range(num_rows)
    end = num_rows - num_positions + 1 + tf.range(num_positions)
    length = num_rows - num_positions + 1
    in_window = rows < end[:, tf.newaxis]
    if is_bounded:
        in_window &= rows >= end[:, tf.newaxis] - length
    return in_window & (rows >= first_rows[..., tf.newaxis])


def recency(num_positions: int | tf.Tensor, num_rows: int | tf.Tensor) -> tf.Tensor:
    """Returns how many rows lie between each row and the end of each history.

    Returns:
      `[num_positions, num_rows] float32`, 0 for the most recent row.
    """
    last = num_rows - num_positions + tf.range(num_positions)
    distance = last[:, tf.newaxis] - tf.range(num_rows)
    return tf.cast(tf.maximum(distance, 0), tf.float32)


class HistoryBags(tf.keras.layers.Layer):
    """Bags of the watch history: averages with weights rate^position."""

    def __init__(
        self,
        rates: Sequence[float] = (1.0,),
        dropout: float = 0.0,
        is_bounded: bool = True,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          rates: Decay rate of each bag, in (0, 1]; 1 is the mean.
          dropout: Share of rows each position loses when a seed is given.
          is_bounded: See `history_mask`.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.is_bounded = is_bounded
        self.rates = tuple(rates)
        self.dropout = dropout

    def call(
        self,
        rows: tf.Tensor,
        known: tf.Tensor,
        first_rows: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns the bags side by side, `[slices, positions, num_bags · dim]`.

        Args:
          rows: `[slices, num_rows, dim] float32`, the rows' embeddings.
          known: `[slices, num_rows] bool`; false rows are in no average.
          first_rows: `[slices, positions] int32`, see `history_mask`.
          seed: `[2] int32` of this training step, or None outside training.

        An empty history is the zero vector.
        """
        mask = history_mask(first_rows, tf.shape(rows)[1], self.is_bounded)
        mask &= known[:, tf.newaxis, :]
        if seed is not None and self.dropout > 0.0:
            mask &= randomness.keep_mask(tf.shape(mask), self.dropout, seed)
        num_positions, num_rows = tf.shape(mask)[1], tf.shape(mask)[2]
        weights = self.row_weights(num_positions, num_rows)
        num_bags = weights.shape[1]
        weights = tf.cast(mask, tf.float32)[:, :, tf.newaxis, :] * weights
        total = tf.reduce_sum(weights, axis=-1, keepdims=True)
        weights = tf.math.divide_no_nan(weights, total)
        flat = tf.reshape(weights, [-1, num_positions * num_bags, num_rows])
        width = num_bags * rows.shape[-1]
        return tf.reshape(tf.matmul(flat, rows), [-1, num_positions, width])

    def row_weights(self, num_positions: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
        """Returns the powers of the rates."""
        distance = recency(num_positions, num_rows)
        return tf.pow(tf.constant(self.rates)[:, tf.newaxis], distance[:, tf.newaxis])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        own = {"rates": self.rates, "dropout": self.dropout}
        return {**super().get_config(), **own, "is_bounded": self.is_bounded}
