"""Content features of a video as a vector (PAPER §3.3: new uploads).

A vector is the sum of an embedding of each feature. A missing feature adds nothing, so
a video without any has the zero vector. The tables begin at zero and only values of
training videos are learned: a channel without training videos adds nothing.
"""

import copy
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.candidates import popularity_by_age, user_tower
from ytdnn.features import (
    base_feature,
    encodings,
    feature_choice,
    open_features,
    vector_columns,
)
from ytdnn.layers import embeddings
from ytdnn.log import log_tensors, prepared

_AGES = "popularity_by_age.json"
_NUM_QUANTILES = 100
_VIDEOS_A_PART = 1 << 14
_OF_ITS_WIDTH = (embeddings.EmbeddingTable, tf.keras.layers.Dense)


@dataclasses.dataclass(frozen=True)
class ContentInputs:
    """The inputs of a content side.

    Attributes:
      num_videos: Number of videos of the catalogue.
      features: Features of videos, at least one.
      measured: Statistics that their encoders need.
      readers: The features opened on the catalogue, by name.
      ages: Popularity of videos by age; None: not read.
    """

    num_videos: int
    features: feature_choice.Features
    measured: open_features.Statistics
    readers: dict[str, log_tensors.Reader]
    ages: popularity_by_age.PopularityByAge | None

    def values(self, videos: tf.Tensor) -> open_features.Tensors:
        """Returns each feature's values of catalogue indices `[...]`."""
        return open_features.read(self.readers, log_tensors.video_positions(videos))

    def vectors(self, dim: int, name: str) -> "ContentVectors":
        """Returns the layer from catalogue indices to vectors of a width."""
        return ContentVectors(self, dim, name=name)

    def write(self, directory: pathlib.Path) -> None:
        """Writes the inputs of a trained content side, apart from its weights."""
        open_features.write(directory / user_tower.CONTENT, self.measured)
        if self.ages is not None:
            self.ages.write(directory / _AGES)


def from_config(
    config: configs.CandidatesConfig, data: prepared.PreparedData
) -> ContentInputs | None:
    """Returns the inputs of a content side, measured on the vocabulary.

    Args:
      config: Settings, with the features and the loss.
      data: The prepared set.

    Returns:
      None where it is not enabled, the log has no such column, ages are to be read and
      no video has an upload time, or the rows of the video table are not videos.

    Raises:
      errors.UserError: The config names an unknown feature.
    """
    if not config.content.enabled or not configs.rows_are_videos(config.loss):
        return None
    features = features_of(config.content, data)
    reads_age = config.content.popularity_by_age
    ages = popularity_by_age.measure(data) if reads_age else None
    if not features or (reads_age and ages is None):
        return None
    readers = open_features.open_log(features, log_tensors.LogTensors(data))
    measured = open_features.measure(
        features,
        data,
        _in_parts(features, readers, data.vocabulary_size),
        _NUM_QUANTILES,
    )
    return ContentInputs(data.num_videos, features, measured, readers, ages)


def features_of(
    config: configs.ContentConfig, data: prepared.PreparedData
) -> feature_choice.Features:
    """Returns the features of a content side, the log's own vectors of videos too.

    Raises:
      errors.UserError: A name is unknown, has no effect, or lacks its columns.
    """
    columns = data.catalogue.vectors.in_table(schema.VIDEOS)
    return feature_choice.choose(base_feature.CONTENT, data, config.features, columns)


def _in_parts(
    features: feature_choice.Features, readers: dict[str, log_tensors.Reader], size: int
) -> Iterator[open_features.Tensors]:
    """Yields the numbers of the first videos that quantiles are made of."""
    numbers = {f.name: readers[f.name] for f in features if f.needs_quantiles}
    for start in range(1, size + 1, _VIDEOS_A_PART):
        part = tf.range(start, min(start + _VIDEOS_A_PART, size + 1))
        yield open_features.read(numbers, log_tensors.video_positions(part))


def read(directory: pathlib.Path, data: prepared.PreparedData) -> ContentInputs:
    """Returns the inputs that `ContentInputs.write` wrote.

    Raises:
      errors.UserError: This version, or the prepared set, has no such feature.
    """
    measured = open_features.read_file(directory / user_tower.CONTENT)
    features = feature_choice.named(base_feature.CONTENT, list(measured), data)
    readers = open_features.open_log(features, log_tensors.LogTensors(data))
    ages = None
    if (directory / _AGES).exists():
        ages = popularity_by_age.read(directory / _AGES, data)
    return ContentInputs(data.num_videos, features, measured, readers, ages)


class ContentVectors(tf.keras.layers.Layer):
    """Catalogue indices to vectors of content."""

    def __init__(self, inputs: ContentInputs, dim: int, **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          inputs: Inputs of the content side.
          dim: Width of a vector.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self._read = inputs
        self._encoders = {
            f.name: _encoder(f, inputs.measured[f.name], dim) for f in inputs.features
        }
        self._projections = {
            name: tf.keras.layers.Dense(dim, use_bias=False, name=f"{name}_projection")
            for name, encoder in self._encoders.items()
            if not isinstance(encoder, _OF_ITS_WIDTH)
        }

    @property
    def num_videos(self) -> int:
        """Number of videos of the catalogue."""
        return self._read.num_videos

    @property
    def tables(self) -> list[tf.Variable]:
        """Variables looked up by row, for the table optimiser."""
        layers = self._encoders.values()
        return [
            each.table for each in layers if isinstance(each, embeddings.EmbeddingTable)
        ]

    def call(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for catalogue indices `videos [...]`."""
        distinct, places = tf.unique(tf.reshape(self._inside(videos), [-1]))
        places = tf.reshape(places, tf.shape(videos))
        return tf.gather(self._encode_distinct(distinct), places)

    def _encode_distinct(self, videos: tf.Tensor) -> tf.Tensor:
        values = self._read.values(videos)
        encoded = open_features.encode(self._encoders, values)
        parts = []
        for feature, vectors in zip(self._read.features, encoded, strict=True):
            if feature.name in self._projections:
                known = tf.cast(feature.known(values[feature.name]), tf.float32)
                vectors = self._projections[feature.name](vectors)
                vectors *= known[..., tf.newaxis]
            parts.append(vectors)
        return tf.add_n(parts)

    def known(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether each video has content features, `[...] bool`."""
        values = self._read.values(self._inside(videos))
        return tf.reduce_any(
            tf.stack([f.known(values[f.name]) for f in self._read.features]), axis=0
        )

    def every_video(self) -> list[tf.Tensor]:
        """Returns all catalogue indices in parts, 0 in front."""
        indices = tf.range(self.num_videos + 1)
        starts = range(0, self.num_videos + 1, _VIDEOS_A_PART)
        return [indices[start : start + _VIDEOS_A_PART] for start in starts]

    def _inside(self, videos: tf.Tensor) -> tf.Tensor:
        is_inside = (videos > 0) & (videos <= self.num_videos)
        return tf.where(is_inside, videos, tf.zeros_like(videos))


def _encoder(
    feature: base_feature.Feature, measured: base_feature.FeatureStatistics, dim: int
) -> tf.keras.layers.Layer:
    """Returns a feature's encoder, a table of the vectors' width where it has one.

    A vector is brought to that width by a linear layer.
    """
    if isinstance(feature, (encodings.Categorical, vector_columns.VectorColumn)):
        feature = copy.copy(feature)
        feature.dim = dim
    return feature.encoder(measured, base_feature.EncoderSettings(stddev=0.0))
