"""Bags: a variable-length history as a few fixed-width averages (PAPER §3.2).

The paper averages the embeddings of the watch history. Beside that `mean` a bag may
weigh a watch by its recency, rate^position; several rates side by side keep order at
several time scales (beyond the paper, which discards it).

Histories come in *slices*: `positions` consecutive positions of the log share one
gather of rows, since the history of a position is that of the one before it plus one
watch. Position t of a slice ends before row `length + t` and reaches back at most
`length` rows. A single request is a slice of one position.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ytdnn.layers import randomness


def history_mask(first_rows: tf.Tensor, num_rows: int | tf.Tensor) -> tf.Tensor:
    """Returns which rows of a slice are in the history of each position.

    Args:
      first_rows: `[slices, positions] int32`, the first row that belongs to the
        position's user.
      num_rows: Rows of a slice, `length + positions - 1`.

    Returns:
      `[slices, positions, num_rows] bool`.
    """
    num_positions = tf.shape(first_rows)[1]
    rows = tf.range(num_rows)
    end = num_rows - num_positions + 1 + tf.range(num_positions)
    length = num_rows - num_positions + 1
    in_window = (rows < end[:, tf.newaxis]) & (rows >= end[:, tf.newaxis] - length)
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
    """Averages of the watch history: the mean, and one for each decay rate."""

    def __init__(
        self,
        mean: bool = True,
        decay_rates: Sequence[float] = (),
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          mean: Whether the plain average is one of the bags.
          decay_rates: A bag with weights rate^position for each, in (0, 1).
          dropout: Share of rows each position loses when a seed is given.
          **kwargs: Of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.mean = mean
        self.decay_rates = tuple(decay_rates)
        self.dropout = dropout

    @property
    def rates(self) -> tuple[float, ...]:
        """The rate of each bag; that of the mean is 1."""
        return ((1.0,) if self.mean else ()) + self.decay_rates

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
        num_rows, num_positions = tf.shape(rows)[1], tf.shape(first_rows)[1]
        mask = history_mask(first_rows, num_rows) & known[:, tf.newaxis, :]
        if seed is not None and self.dropout > 0.0:
            mask &= randomness.keep_mask(tf.shape(mask), self.dropout, seed)
        distance = recency(num_positions, num_rows)
        powers = tf.stack([tf.pow(rate, distance) for rate in self.rates], axis=1)
        weights = tf.cast(mask, tf.float32)[:, :, tf.newaxis, :] * powers
        total = tf.reduce_sum(weights, axis=-1, keepdims=True)
        weights = tf.math.divide_no_nan(weights, total)
        flat = tf.reshape(weights, [-1, num_positions * len(self.rates), num_rows])
        bags = tf.matmul(flat, rows)
        width = len(self.rates) * rows.shape[-1]
        return tf.reshape(bags, [-1, num_positions, width])

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs to make the layer again."""
        return {
            **super().get_config(),
            "mean": self.mean,
            "decay_rates": self.decay_rates,
            "dropout": self.dropout,
        }
