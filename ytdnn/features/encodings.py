"""Mixins that map a feature's tensor to a vector: categorical, continuous, or a share.

An unknown value is the exact zero vector (PAPER §4.1); a number is normalised by the
quantiles of its training examples and enters with its square and its root (PAPER §4.1);
a share is already in [0, 1] (PAPER §3.3).
"""

import abc
import math
import re

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.features import base_feature
from ytdnn.layers import continuous, embeddings
from ytdnn.log import positions, prepared


def embedding_dim(num_values: int) -> int:
    """Returns a width that grows with the log of the vocabulary (PAPER §4.1).

    >>> embedding_dim(2), embedding_dim(200)
    (2, 8)
    """
    return max(2, math.ceil(math.log2(num_values + 1)))


def layer_name(feature: str) -> str:
    """Returns the name of a feature's layer, without characters TensorFlow refuses.

    >>> layer_name("users.my points")
    'users.my_points'
    """
    return re.sub(r"[^A-Za-z0-9_.]", "_", feature)


class Categorical(base_feature.Feature):
    """Indices into a vocabulary, `int32`: 0 is missing or out of vocabulary.

    Attributes:
      dim: Width of the embedding; 0: by the number of values.
    """

    dtype = tf.int32
    dim: int = 0

    @abc.abstractmethod
    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the size of the vocabulary."""

    def known_values(self, data: prepared.PreparedData) -> list[str] | None:
        """Returns the vocabulary in order; None if it is the same for every log."""
        del data
        return None

    def measure(self, data: prepared.PreparedData) -> base_feature.Measured:
        """Returns the size of the vocabulary, for the encoder."""
        return base_feature.Measured(num_values=self.num_values(data))

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each index is in the vocabulary."""
        return values > 0

    def encoder(
        self,
        measured: base_feature.Measured,
        stddev: float,
        normalization: configs.Normalization = base_feature.QUANTILES,
    ) -> tf.keras.layers.Layer:
        """Returns an embedding table."""
        del normalization
        dim = self.dim or measured.dim or embedding_dim(measured.num_values)
        return embeddings.EmbeddingTable(
            measured.num_values, dim, stddev, name=layer_name(self.name)
        )


class Continuous(base_feature.Feature):
    """A number, `float32`.

    Attributes:
      missing: Value that marks a missing number; all others are larger.
    """

    missing: float = positions.MISSING

    def measure(self, data: prepared.PreparedData) -> base_feature.Measured:
        """Returns no statistics: quantiles need the training examples."""
        del data
        return base_feature.Measured()

    @property
    def needs_quantiles(self) -> bool:
        """Always true."""
        return True

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each number is present."""
        return values > self.missing

    def encoder(
        self,
        measured: base_feature.Measured,
        stddev: float,
        normalization: configs.Normalization = base_feature.QUANTILES,
    ) -> tf.keras.layers.Layer:
        """Returns the quantile CDF with powers, or the configured normalisation."""
        del stddev
        name = layer_name(self.name)
        if isinstance(normalization, configs.RawConfig):
            return continuous.RawFeature(self.missing, name=name)
        return continuous.QuantileFeature(
            measured.quantiles,
            self.missing,
            normalization.powers,
            normalization.num_pieces,
            name=name,
        )


class Share(base_feature.Feature):
    """A number in [0, 1], `float32`, negative where missing."""

    missing = positions.MISSING

    def measure(self, data: prepared.PreparedData) -> base_feature.Measured:
        """Returns no statistics: the number is normalised already."""
        del data
        return base_feature.Measured()

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each number is present."""
        return values >= 0.0

    def encoder(
        self,
        measured: base_feature.Measured,
        stddev: float,
        normalization: configs.Normalization = base_feature.QUANTILES,
    ) -> tf.keras.layers.Layer:
        """Returns a layer with two outputs, the number and whether it is present."""
        del measured, stddev, normalization
        return continuous.Presence(name=layer_name(self.name))
