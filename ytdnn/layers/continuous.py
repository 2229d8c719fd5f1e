"""Continuous features through the quantile CDF, with powers (PAPER §4.1).

A value x becomes CDF(x) in [0, 1) by linear interpolation on quantiles of the
training data, and the network sees x, x² and √x of it: super- and sub-linear
functions for the price of two columns. Beyond the paper it may see the pieces of x
too (`pieces`), so that a function of it may bend at each of their edges, and the value
on its own scale (`on_own_scale`), since a CDF hardly tells the largest values apart.
`apply_all` does it for many features at once, since scoring a few hundred videos is
otherwise paid for by the operation.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_LEAST_SHARE = 1e-3  # smaller ones count as this one, so log odds are finite
_MOST_DEVIATIONS = 4.0


def quantile_cdf(values: tf.Tensor, quantiles: tf.Tensor) -> tf.Tensor:
    """Returns the share of the data below each value, interpolated linearly.

    With quantiles `q_0 ≤ … ≤ q_{n-1}` and `q_i ≤ x < q_{i+1}` it is
    `(i + (x - q_i) / (q_{i+1} - q_i)) / n`; 0 below `q_0`, `(n - 1) / n` from
    `q_{n-1}` on, so never 1. Where quantiles repeat, a value that many examples
    share, it jumps as a CDF does; a value below by no more than rounding counts as it,
    so that a product of two vectors means the same wherever it was computed.

    Args:
      values: `[features, m] float32`.
      quantiles: `[features, n] float32`, ascending, n ≥ 1.

    Returns:
      `[features, m] float32` in [0, 1).
    """
    rounded_up = values + 1e-6 * tf.abs(values)
    passed = tf.raw_ops.UpperBound(sorted_inputs=quantiles, values=rounded_up)
    left = tf.maximum(passed - 1, 0)
    following = tf.concat([quantiles[:, 1:], quantiles[:, -1:]], axis=1)
    ends = tf.stack([quantiles, following], axis=-1)
    low, high = tf.unstack(tf.gather(ends, left, batch_dims=1), axis=-1)
    part = tf.clip_by_value(tf.math.divide_no_nan(values - low, high - low), 0.0, 1.0)
    return (tf.cast(left, tf.float32) + part) / quantiles.shape[1]


def pieces(x: tf.Tensor, number: int) -> tf.Tensor:
    """Returns the pieces of x: each rises from 0 to 1 in its part of [0, 1].

    A linear function of them is any continuous function of x that is linear between
    the edges, which are evenly spaced (Gorishniy et al., On Embeddings for Numerical
    Features in Tabular Deep Learning, 2022: piecewise linear encoding).

    Args:
      x: `[features, n] float32` in [0, 1].
      number: Number of pieces.

    Returns:
      `[features, number, n] float32`.
    """
    firsts = tf.range(number, dtype=tf.float32)[:, tf.newaxis]
    return tf.clip_by_value(x[:, tf.newaxis, :] * number - firsts, 0.0, 1.0)


def on_own_scale(values: tf.Tensor, quantiles: tf.Tensor) -> tf.Tensor:
    """Returns each value on the scale of its range, less the mean, by the deviation.

    The scale is the log odds of numbers in [0, 1], `log(1 + x)` of others that are not
    negative, else the number itself; mean and deviation are those of the quantiles.

    Args:
      values: `[features, m] float32`.
      quantiles: `[features, n] float32`, ascending, n ≥ 1.

    Returns:
      `[features, m] float32` in [-4, 4]; 0 where all quantiles are the same.
    """
    is_positive, is_share = quantiles[:, :1] >= 0.0, quantiles[:, -1:] <= 1.0

    def scaled(x: tf.Tensor) -> tf.Tensor:
        share = tf.clip_by_value(x, _LEAST_SHARE, 1.0 - _LEAST_SHARE)
        odds = tf.math.log(share) - tf.math.log1p(-share)
        positive = tf.where(is_share, odds, tf.math.log1p(tf.maximum(x, 0.0)))
        return tf.where(is_positive, positive, x)

    of_data = scaled(quantiles)
    mean = tf.reduce_mean(of_data, axis=1, keepdims=True)
    deviation = tf.math.reduce_std(of_data, axis=1, keepdims=True)
    deviations = tf.math.divide_no_nan(scaled(values) - mean, deviation)
    return tf.clip_by_value(deviations, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)


class QuantileFeature(tf.keras.layers.Layer):
    """One continuous feature of `QuantileFeatures`."""

    def __init__(
        self,
        quantiles: Sequence[float],
        missing: float = -1.0,
        powers: bool = True,
        num_pieces: int = 0,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          quantiles: Ascending, at least one, of the training data.
          missing: Value that marks a missing number; every real value is larger.
          powers: Whether x² and √x enter.
          num_pieces: Pieces of x that enter, with the value on its own scale; 0: none
            of both.
          **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
          ValueError: `quantiles` is empty or descends somewhere.
        """
        super().__init__(**kwargs)
        self.quantiles = tuple(float(value) for value in quantiles)
        self.missing = missing
        self.powers = powers
        self.num_pieces = num_pieces
        if not self.quantiles or list(self.quantiles) != sorted(self.quantiles):
            raise ValueError(
                f"expected ascending quantiles, at least one, received {quantiles}"
            )

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 5 + num_pieces] float32`, without pieces `[..., 4]`.

        They are x, x², √x, the pieces of x, the value on its own scale, and 1 where it
        is missing; without powers x² and √x are left out.

        Args:
          values: `[...] float32`; where missing all but the last are 0.
        """
        return apply_all([self], [values])[0]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        settings = {
            "quantiles": self.quantiles,
            "missing": self.missing,
            "powers": self.powers,
            "num_pieces": self.num_pieces,
        }
        return {**super().get_config(), **settings}


class RawFeature(tf.keras.layers.Layer):
    """A continuous feature without normalisation, as a baseline: it trains poorly."""

    def __init__(self, missing: float = -1.0, **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          missing: Value that marks a missing number; every real value is larger.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.missing = missing

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 2] float32`: the value (0 if missing), and 1 if missing."""
        known = tf.cast(values > self.missing, tf.float32)
        return tf.stack([values * known, 1.0 - known], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {**super().get_config(), "missing": self.missing}


def apply_all(
    layers: Sequence[QuantileFeature], values: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Returns the output of each layer for its values, computed at once.

    Args:
      layers: See `coordinates`.
      values: See `coordinates`.
    """
    outputs = [tf.transpose(rows) for rows in coordinates(layers, values)]
    width = outputs[0].shape[-1]
    shape = tf.concat([tf.shape(values[0]), [width]], axis=0)
    return [
        tf.ensure_shape(tf.reshape(each, shape), [*value.shape, width])
        for each, value in zip(outputs, values, strict=True)
    ]


def coordinates(
    layers: Sequence[QuantileFeature], values: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Returns the output of each layer for its values, one row for each coordinate.

    Args:
      layers: At least one; equally many quantiles and pieces in each, powers in all or
        none.
      values: `[...] float32` for each layer, of one shape.

    Returns:
      `[coordinates, n] float32` for each layer, n the number of its values.
    """
    flat = tf.reshape(tf.stack(values), [len(layers), -1])
    missing = tf.constant([[layer.missing] for layer in layers], tf.float32)
    quantiles = tf.constant([layer.quantiles for layer in layers], tf.float32)
    known = tf.cast(flat > missing, tf.float32)
    x = quantile_cdf(flat, quantiles) * known
    powers = [tf.square(x), tf.sqrt(x)] if layers[0].powers else []
    numbers = tf.stack([x, *powers], axis=1)
    rows = [numbers, (1.0 - known)[:, tf.newaxis, :]]
    if layers[0].num_pieces:
        own = on_own_scale(flat, quantiles) * known
        rows[1:1] = [pieces(x, layers[0].num_pieces), own[:, tf.newaxis, :]]
    return tf.unstack(tf.concat(rows, axis=1))


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
