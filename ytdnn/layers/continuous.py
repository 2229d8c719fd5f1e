"""Continuous features through the quantile CDF, with powers (PAPER §4.1).

A value x becomes CDF(x) in [0, 1) by linear interpolation on quantiles of the
training data, and the network sees x, x² and √x of it: super- and sub-linear
functions for the price of two columns.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def quantile_cdf(values: tf.Tensor, quantiles: tf.Tensor) -> tf.Tensor:
    """Returns the share of the data below each value, interpolated linearly.

    With quantiles `q_0 ≤ … ≤ q_{n-1}` and `q_i ≤ x < q_{i+1}` it is
    `(i + (x - q_i) / (q_{i+1} - q_i)) / n`; 0 below `q_0`, `(n - 1) / n` from
    `q_{n-1}` on, so never 1. Where quantiles repeat, a value that many examples
    share, it jumps as a CDF does.

    Args:
      values: `[...] float32`.
      quantiles: `[n] float32`, ascending, n ≥ 1.

    Returns:
      `[...] float32` in [0, 1).
    """
    flat = tf.reshape(values, [-1])
    last = tf.size(quantiles) - 1
    below = tf.searchsorted(quantiles, flat, side="right") - 1
    left = tf.clip_by_value(below, 0, last)
    low = tf.gather(quantiles, left)
    high = tf.gather(quantiles, tf.minimum(left + 1, last))
    part = tf.clip_by_value(tf.math.divide_no_nan(flat - low, high - low), 0.0, 1.0)
    cdf = (tf.cast(left, tf.float32) + part) / tf.cast(last + 1, tf.float32)
    return tf.reshape(cdf, tf.shape(values))


class QuantileFeature(tf.keras.layers.Layer):
    """One continuous feature as x, x², √x of its CDF, and whether it is missing."""

    def __init__(
        self, quantiles: Sequence[float], missing: float = -1.0, **kwargs: Any
    ) -> None:
        """Creates the layer.

        Args:
          quantiles: Ascending, at least one, of the training data.
          missing: What stands for a value that is not known; all others are larger.
          **kwargs: Of `tf.keras.layers.Layer`.

        Raises:
          ValueError: `quantiles` is empty or descends somewhere.
        """
        super().__init__(**kwargs)
        self.missing = missing
        self.quantiles = tuple(float(value) for value in quantiles)
        if not self.quantiles or list(self.quantiles) != sorted(self.quantiles):
            raise ValueError(
                f"expected ascending quantiles, at least one, received {quantiles}"
            )

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 4] float32`: x, x², √x, and 1 where the value is missing.

        Args:
          values: `[...] float32`; where missing x is 0.
        """
        known = tf.cast(values > self.missing, tf.float32)
        quantiles = tf.constant(self.quantiles, tf.float32)
        x = quantile_cdf(values, quantiles) * known
        return tf.stack([x, tf.square(x), tf.sqrt(x), 1.0 - known], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs to make the layer again."""
        settings = {"quantiles": self.quantiles, "missing": self.missing}
        return {**super().get_config(), **settings}
