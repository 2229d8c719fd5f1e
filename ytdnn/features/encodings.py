"""Mixins that map a feature's tensor to a vector: categorical, continuous, or a share.

An unknown value is the exact zero vector (PAPER §4.1); a number is normalised by the
quantiles of its training examples and enters with its square and its root (PAPER §4.1);
a share is already in [0, 1] (PAPER §3.3).
"""

import dataclasses
import math
import re
from typing import TypeAlias

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.features import base_feature
from ytdnn.layers import continuous, embeddings
from ytdnn.log import log_tensors, prepared

Layer: TypeAlias = tf.keras.layers.Layer

Statistics = base_feature.FeatureStatistics
Settings = base_feature.EncoderSettings


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
      table: Class of the layer.
    """

    dtype = tf.int32
    dim: int = 0
    table = embeddings.EmbeddingTable

    def known_values(self, data: prepared.PreparedData) -> list[str] | None:
        """Returns the vocabulary in order; None if it is the same for every log."""
        return None

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the size of the vocabulary."""
        return len(self.known_values(data) or ())

    def measure(self, data: prepared.PreparedData) -> Statistics:
        """Returns the size of the vocabulary, for the encoder."""
        return Statistics(num_values=self.num_values(data))

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each index is in the vocabulary."""
        return values > 0

    def encoder(self, measured: Statistics, settings: Settings) -> Layer:
        """Returns an embedding table."""
        dim = self.dim or measured.dim or embedding_dim(measured.num_values)
        return self.table(
            measured.num_values, dim, settings.stddev, name=layer_name(self.name)
        )

    def widened(self, measured: Statistics, old: Statistics) -> Statistics:
        """Returns statistics of a grown log, with the width of a trained encoder."""
        dim = old.dim or embedding_dim(old.num_values)
        return dataclasses.replace(measured, dim=dim)


class Continuous(base_feature.Feature):
    """A number, `float32`.

    Attributes:
      missing: Value that marks a missing number; all others are larger.
    """

    missing: float = log_tensors.MISSING
    needs_quantiles = True

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each number is present."""
        return values > self.missing

    def encoder(self, measured: Statistics, settings: Settings) -> Layer:
        """Returns the quantile CDF with powers, or the configured normalisation."""
        name, normalization = layer_name(self.name), settings.normalization
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

    missing = log_tensors.MISSING

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each number is present."""
        return values >= 0.0

    def encoder(self, measured: Statistics, settings: Settings) -> Layer:
        """Returns a layer with two outputs, the number and whether it is present."""
        return continuous.Presence(name=layer_name(self.name))
