"""Causal attention over the rows of slices: softmax and pointwise gated blocks.

Beyond the paper, which averages histories. A slice holds rows of the log, often of
several users (`ytdnn/layers/bags.py`), and every row is encoded once for all
positions that have it in their history: row j attends to its own user's rows up to
itself, and never to later rows, other users or padding. Positions are relative (the
distance between two rows), so a history has the same encoding wherever in a slice it
begins.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.layers import randomness

_NEVER = -1e9  # score of a row that is not seen; finite, where a row sees none
_EPSILON = 1e-6
_BUCKET = 0.301  # natural logarithm of the ratio of neighbouring buckets, as published
NUM_BUCKETS = 64  # to seven years


def starts(first_rows: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
    """Returns the first row of each row's user, `[slices, num_rows] int32`.

    Rows before the first position's user get that user's first row, which is after
    them.

    Args:
      first_rows: `[slices, positions] int32`, see `bags.history_mask`.
      num_rows: Rows of a slice.
    """
    length = num_rows - tf.shape(first_rows)[1] + 1
    before = tf.repeat(first_rows[:, :1], length, axis=1)
    return tf.concat([before, first_rows[:, :-1]], axis=1)


def causal_mask(begins: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Returns whether row i attends to row j, `[slices, rows, rows] bool`.

    Args:
      begins: `[slices, rows] int32` from `starts`.
      known: `[slices, rows] bool`, rows with an embedding; no row attends to others.
    """
    rows = tf.range(tf.shape(known)[1])
    earlier = rows <= rows[:, tf.newaxis]
    return earlier & (rows >= begins[..., tf.newaxis]) & known[:, tf.newaxis, :]


def time_buckets(times: tf.Tensor, earlier_times: tf.Tensor) -> tf.Tensor:
    """Returns 1 + ⌊ln(max(1, seconds between)) / 0.301⌋, at most 64; 0 = unknown.

    Args:
      times: `[slices, n] int64` seconds since the epoch, 0 = unknown.
      earlier_times: `[slices, m]`, the same; later ones count as now.

    Returns:
      `[slices, n, m] int32`.
    """
    later, earlier = times[:, :, tf.newaxis], earlier_times[:, tf.newaxis, :]
    seconds = tf.cast(tf.maximum(later - earlier, 1), tf.float32)
    bucket = 1 + tf.cast(tf.math.log(seconds) / _BUCKET, tf.int32)
    known = (later != 0) & (earlier != 0)
    return tf.where(known, tf.minimum(bucket, NUM_BUCKETS), 0)


class _Block(tf.keras.layers.Layer):
    """The common part of both blocks: norms, heads, and a bias for each distance."""

    def __init__(
        self,
        num_heads: int,
        length: int,
        dropout: float = 0.0,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          num_heads: Number of heads; it divides the width of the rows.
          length: Number of distinct distances; greater distances count as the greatest.
          dropout: Share of each block's output that is dropped when a seed is given.
          precision: `float32`, or `bfloat16` for the products.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.length = length
        self.dropout = dropout
        self.precision = precision
        self._policy = tf.keras.mixed_precision.Policy(
            "mixed_bfloat16" if precision == "bfloat16" else "float32"
        )
        self.norm, self.second_norm = map(self._norm, ("norm", "second_norm"))
        self.distances = self.add_weight(
            name=f"{self.name}/distances",
            shape=[num_heads, length],
            initializer="zeros",
        )

    def _norm(self, name: str) -> tf.keras.layers.LayerNormalization:
        return tf.keras.layers.LayerNormalization(epsilon=_EPSILON, name=name)

    def _dense(self, units: int, name: str, **kwargs: Any) -> tf.keras.layers.Dense:
        return tf.keras.layers.Dense(units, dtype=self._policy, name=name, **kwargs)

    def _bias(self, num_rows: tf.Tensor) -> tf.Tensor:
        """Returns the bias of each distance, `[num_heads, rows, rows]`."""
        rows = tf.range(num_rows)
        distance = rows[:, tf.newaxis] - rows
        distance = tf.clip_by_value(distance, 0, self.length - 1)
        return tf.gather(self.distances, distance, axis=1)

    def _heads(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[slices, num_heads, rows, width]` of `[slices, rows, dim]`."""
        shape = tf.shape(values)
        width = values.shape[-1] // self.num_heads
        parts = tf.reshape(values, [shape[0], shape[1], self.num_heads, width])
        return tf.transpose(parts, [0, 2, 1, 3])

    def _merged(self, parts: tf.Tensor) -> tf.Tensor:
        """Returns `[slices, rows, dim]` of `[slices, num_heads, rows, width]`."""
        shape, width = tf.shape(parts), parts.shape[-1]
        merged = tf.transpose(parts, [0, 2, 1, 3])
        return tf.reshape(merged, [shape[0], shape[2], self.num_heads * width])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "length": self.length,
            "dropout": self.dropout,
            "precision": self.precision,
        }


class SelfAttentionBlock(_Block):
    """Softmax attention and a feed-forward layer, each with pre-norm and a residual.

    As SASRec (Kang and McAuley, 2018), with two differences: distances in place of
    positions, and layer norms before each part, as in later transformers.
    """

    def build(self, shape: tf.TensorShape) -> None:
        """Creates the products for the width of the rows."""
        dim = int(shape[-1])
        self.inwards = self._dense(3 * dim, "inwards")
        self.outwards = self._dense(dim, "outwards")
        self.hidden = self._dense(2 * dim, "hidden", activation="relu")
        self.forward = self._dense(dim, "forward")
        super().build(shape)

    def call(
        self, rows: tf.Tensor, mask: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, rows, dim] float32`.

        Args:
          rows: `[slices, rows, dim] float32`.
          mask: `[slices, rows, rows] bool` from `causal_mask`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        seeds = [None if seed is None else randomness.fold(seed, i) for i in range(2)]
        added = self.outwards(self._attended(rows, mask))
        added = randomness.dropout(added, self.dropout, seeds[0])
        rows += tf.cast(added, tf.float32)
        added = self.forward(self.hidden(self.second_norm(rows)))
        added = randomness.dropout(added, self.dropout, seeds[1])
        return rows + tf.cast(added, tf.float32)

    def _attended(self, rows: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        query, key, value = map(
            self._heads, tf.split(self.inwards(self.norm(rows)), 3, axis=-1)
        )
        query *= tf.constant(query.shape[-1] ** -0.5, query.dtype)
        scores = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32)
        hidden = tf.where(mask, 0.0, _NEVER)[:, tf.newaxis]
        weights = tf.nn.softmax(scores + (self._bias(tf.shape(rows)[1]) + hidden))
        return self._merged(tf.matmul(tf.cast(weights, value.dtype), value))


class GatedAttention(_Block):
    """Pointwise attention, normalised and gated: the block of HSTU (Zhai et al., 2024).

    rows + W · (norm(Σ_j silu(q·k_j + distance + time) v_j) ⊙ u). As published,
    except that the sum is not divided by the length, which the norm would undo.
    """

    def build(self, shape: tf.TensorShape) -> None:
        """Creates the products for the width of the rows."""
        self.times = self.add_weight(
            name="times", shape=[1, NUM_BUCKETS + 1], initializer="zeros"
        )
        dim = int(shape[-1])
        self.inwards = self._dense(4 * dim, "inwards")
        self.outwards = self._dense(dim, "outwards")
        super().build(shape)

    def call(
        self,
        rows: tf.Tensor,
        mask: tf.Tensor,
        buckets: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns `[slices, rows, dim] float32`.

        Args:
          rows: `[slices, rows, dim] float32`.
          mask: `[slices, rows, rows] bool` from `causal_mask`.
          buckets: `[slices, rows, rows] int32` from `time_buckets`; None: time is not
            used.
          seed: `[2] int32` of this training step, or None outside training.
        """
        inwards = _silu(self.inwards(self.norm(rows)), seed)
        inwards = tf.split(inwards, 4, axis=-1)
        gate, (query, key, value) = inwards[0], map(self._heads, inwards[1:])
        scores = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32)
        scores *= np.float32(query.shape[-1] ** -0.5)
        bias = self._bias(tf.shape(rows)[1])[tf.newaxis]
        if buckets is not None:
            bias += tf.gather(self.times, buckets, axis=1)[0][:, tf.newaxis]
        seen = tf.cast(mask, tf.float32)[:, tf.newaxis]
        weights = tf.cast(_silu(scores + bias, seed) * seen, value.dtype)
        found = self.second_norm(self._merged(tf.matmul(weights, value)))
        found = tf.cast(found, gate.dtype) * gate
        added = self.outwards(randomness.dropout(found, self.dropout, seed))
        return rows + tf.cast(added, tf.float32)


def _silu(values: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
    """Returns values · sigmoid(values).

    Only training uses a custom gradient: TensorFlow keeps it and its graph for as long
    as the process runs, so each bundle that was ever loaded would stay in memory.
    """
    return values * tf.sigmoid(values) if seed is None else tf.nn.silu(values)
