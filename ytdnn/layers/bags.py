"""Bags: a variable-length history as a few fixed-width vectors (PAPER §3.2).

The paper averages the embeddings of the watch history. A bag may also weigh a watch by
its recency, rate^position; several rates side by side keep order at several time scales
(beyond the paper, which discards it), and so do curves that are learned. The skip
connection, also beyond the paper, leads from the bags around the tower to the user
vector: simple item-to-item models are linear maps of the bags, and added to a tower
they are learned fast (wide and deep: Cheng et al. 2016).

Histories come in *slices*: `positions` consecutive positions of the log share one
gather of rows, since the history of a position is that of the one before it plus one
watch. Position t of a slice ends before row `length + t` and reaches back at most
`length` rows. A single request is a slice of one position.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.layers import randomness

_FASTEST, _SLOWEST = 0.3, 0.99  # initial decay rates of learned bags


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


class LearnedBags(HistoryBags):
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
        distance = tf.cast(recency(num_positions, num_rows), tf.int32)
        # Of the same curve everywhere, so exp needs no maximum of each history.
        curves = tf.exp(self.logits - tf.reduce_max(self.logits, axis=1, keepdims=True))
        weights = tf.gather(curves, tf.minimum(distance, self.length - 1), axis=1)
        return tf.transpose(weights, [1, 0, 2])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        config = super().get_config()
        del config["rates"]
        return {**config, "num_bags": self.num_bags, "length": self.length}


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


class GatedBags(tf.keras.layers.Layer):
    """Σ_b (1 + gate_b(top)) · W_b · bag_b, zero at first: the skip connection.

    The gates, computed from the tower's last layer, weigh each bag, and so each time
    scale, for this user. The connection overfits quickly, so dropout applies to its
    inputs too.
    """

    def __init__(
        self,
        num_bags: int,
        dim: int,
        gated: bool = True,
        dropout: float = 0.0,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          num_bags: Number of bags.
          dim: Width of the vector returned.
          gated: Whether there are gates; without them it is a linear layer.
          dropout: Share of the bags' coordinates dropped when a seed is given.
          precision: `float32`, or `bfloat16` for the products (variables and the
            output stay float32).
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.num_bags = num_bags
        self.dim = dim
        self.gated = gated
        self.dropout = dropout
        self.precision = precision
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self._linear = tf.keras.layers.Dense(
            dim,
            use_bias=False,
            kernel_initializer="zeros",
            dtype=tf.keras.mixed_precision.Policy(policy),
            name="linear",
        )
        if gated:
            self._gates = tf.keras.layers.Dense(
                num_bags, kernel_initializer="zeros", name="gates"
            )

    def call(
        self, bags: tf.Tensor, top: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[..., dim] float32`.

        Args:
          bags: `[..., num_bags · width] float32`, side by side.
          top: `[..., units] float32`, of the tower.
          seed: `[2] int32` of this training step, or None outside training.
        """
        values = tf.cast(bags, self._linear.compute_dtype)
        values = randomness.dropout(values, self.dropout, seed)
        if self.gated:
            gates = tf.cast(1.0 + self._gates(top), values.dtype)
            values *= tf.repeat(gates, bags.shape[-1] // self.num_bags, axis=-1)
        return tf.cast(self._linear(values), tf.float32)

    def pass_bag(self, bag: int, width: int) -> None:
        """Makes the built layer the identity of one bag.

        Args:
          bag: Place of the bag, from 0.
          width: Width of a bag, and of the vector returned.
        """
        kernel = np.zeros(self._linear.kernel.shape, np.float32)
        kernel[bag * width : (bag + 1) * width] = np.eye(width)
        self._linear.kernel.assign(kernel)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **super().get_config(),
            "num_bags": self.num_bags,
            "dim": self.dim,
            "gated": self.gated,
            "dropout": self.dropout,
            "precision": self.precision,
        }
