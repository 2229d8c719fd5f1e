"""Lists of features opened together: from a log, from requests, and as layers."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import artifacts, configs, registries
from ytdnn.features import base_feature
from ytdnn.layers import continuous
from ytdnn.log import io_fields, log_tensors, prepared

if TYPE_CHECKING:
    from ytdnn.layers import split_dense

Tensors = dict[str, tf.Tensor]
Statistics = dict[str, base_feature.FeatureStatistics]
T = TypeVar("T")


def open_log(
    chosen: Sequence[base_feature.Feature],
    log: log_tensors.LogTensors,
    serving: bool = False,
) -> dict[str, log_tensors.Reader]:
    """Returns the reader of each feature by name.

    Args:
      chosen: The features.
      log: Tensors of the log.
      serving: Whether to read values as for a request: training-only features then have
        their serving value.
    """
    served = at_serving(chosen) if serving else {}
    readers = {
        feature.name: served.get(feature.name) or feature.open_log(log)
        for feature in sorted(chosen, key=lambda one: str(one.opened_with))
    }
    log.release()
    return {feature.name: checked(feature, readers[feature.name]) for feature in chosen}


def checked(
    feature: base_feature.Feature, reader: Callable[[Any], tf.Tensor]
) -> Callable[[Any], tf.Tensor]:
    """Returns the reader of a feature; that of a user's own one checks its tensors."""

    def read(at: Any) -> tf.Tensor:
        value = reader(at) if callable(reader) else reader
        rank = at.times.shape.rank + (not feature.scope.is_of_query)
        shape = (None,) * rank + feature.inner_shape
        dtype, own = feature.dtype.name, registries.FEATURES
        return own.array(value, shape, feature.name, types=dtype)

    return read if feature.name in registries.FEATURES else reader


def at_serving(chosen: Sequence[base_feature.Feature]) -> dict[str, log_tensors.Reader]:
    """Returns the readers of training-only features at their serving value."""
    return {
        feature.name: feature.at_serving
        for feature in chosen
        if isinstance(feature, base_feature.TrainingOnly)
    }


def with_old_widths(
    new: Statistics, chosen: Sequence[base_feature.Feature], old: Statistics
) -> Statistics:
    """Returns statistics of a grown log, with the widths of trained embeddings.

    Args:
      new: Statistics of the grown log.
      chosen: The features.
      old: Statistics that a model was trained with.
    """
    return {
        f.name: f.widened(new[f.name], old[f.name]) if f.name in old else new[f.name]
        for f in chosen
    }


def read(
    readers: Mapping[str, log_tensors.Reader], at: log_tensors.Positions
) -> Tensors:
    """Returns every feature's tensor at some positions."""
    return {name: reader(at) for name, reader in readers.items()}


def placeholders(chosen: Sequence[base_feature.Feature]) -> Tensors:
    """Returns a tensor of zeros for each feature, of one request and one video."""
    return {
        f.name: tf.zeros(
            [*([1] if f.scope.is_of_query else [1, 1]), *f.inner_shape], f.dtype
        )
        for f in chosen
    }


def request_fields(
    chosen: Sequence[base_feature.Feature], catalogue: prepared.Catalogue
) -> io_fields.Fields:
    """Returns the request fields that the features read, each once."""
    return io_fields.union(*(feature.fields(catalogue) for feature in chosen))


def measure(
    chosen: Sequence[base_feature.Feature],
    data: prepared.PreparedData,
    batches: Iterable[Tensors],
    num_quantiles: int,
) -> Statistics:
    """Returns the statistics that the encoders need, from one pass over the examples.

    Args:
      chosen: The features.
      data: The prepared set.
      batches: The features' tensors of all training examples, part by part; not read
        if no feature needs quantiles.
      num_quantiles: Number of quantiles of each continuous feature.
    """
    statistics = {feature.name: feature.measure(data) for feature in chosen}
    numbers = [feature for feature in chosen if feature.needs_quantiles]
    if not numbers:
        return statistics

    sketches = {feature.name: QuantileSketch() for feature in numbers}
    for batch in batches:
        for feature in numbers:
            values = batch[feature.name]
            sketches[feature.name].add(values[feature.known(values)].numpy().ravel())
    for name, sketch in sketches.items():
        levels = sketch.quantiles(num_quantiles).astype(float).tolist()
        statistics[name] = base_feature.FeatureStatistics(quantiles=tuple(levels))
    return statistics


def encoders(
    chosen: Sequence[base_feature.Feature],
    measured: Statistics,
    stddev: float,
    normalization: configs.Normalization = base_feature.QUANTILES,
) -> dict[str, tf.keras.layers.Layer]:
    """Returns the layer of each feature by name."""
    settings = base_feature.EncoderSettings(stddev, normalization)
    return {f.name: f.encoder(measured[f.name], settings) for f in chosen}


def encode(
    layers: Mapping[str, tf.keras.layers.Layer], tensors: Tensors
) -> list[tf.Tensor]:
    """Returns each feature's vector, in order of the layers.

    Continuous features, which have the same shape within a scope, are encoded together.
    """
    return _encoded(
        layers, tensors, continuous.apply_all, lambda layer, vectors: vectors
    )


def blocks(
    layers: Mapping[str, tf.keras.layers.Layer], tensors: Tensors
) -> "list[split_dense.Block]":
    """Returns the coordinates of each feature's vectors, in order of the layers."""
    from ytdnn.layers import split_dense

    def numbers(
        alike: Sequence[continuous.QuantileFeature], values: Sequence[tf.Tensor]
    ) -> "list[split_dense.Block]":
        coordinates = continuous.coordinates(alike, values)
        return [split_dense.Block(each, is_learned=False) for each in coordinates]

    def block(layer: tf.keras.layers.Layer, vectors: tf.Tensor) -> "split_dense.Block":
        return split_dense.to_block(vectors, bool(layer.trainable_variables))

    return _encoded(layers, tensors, numbers, block)


def _encoded(
    layers: Mapping[str, tf.keras.layers.Layer],
    tensors: Tensors,
    together: Callable[..., list[T]],
    alone: Callable[[tf.keras.layers.Layer, tf.Tensor], T],
) -> list[T]:
    """Returns the encoding of each feature, in order of the layers.

    Args:
      layers: Layer of each feature.
      tensors: Their values.
      together: Function that encodes the values of several `QuantileFeature` layers.
      alone: Function that encodes the values of one other layer.
    """
    encoded = {
        name: alone(layer, layer(tensors[name]))
        for name, layer in layers.items()
        if not isinstance(layer, continuous.QuantileFeature)
    }
    sizes: dict[int, list[str]] = {}  # features by their number of quantiles
    for name in layers:
        if name not in encoded:
            sizes.setdefault(len(layers[name].quantiles), []).append(name)
    for alike in sizes.values():
        own = [layers[name] for name in alike], [tensors[name] for name in alike]
        encoded |= dict(zip(alike, together(*own), strict=True))
    return [encoded[name] for name in layers]


def write(path: pathlib.Path, measured: Statistics) -> None:
    """Writes the statistics of a trained network's encoders, in order."""
    values = {
        name: dataclasses.asdict(measurement) for name, measurement in measured.items()
    }
    artifacts.write_json(path, values)


def read_file(path: pathlib.Path) -> Statistics:
    """Returns the statistics that `write` wrote."""
    values = json.loads(path.read_text())
    return {
        name: configs.component(base_feature.FeatureStatistics, own)
        for name, own in values.items()
    }


class QuantileSketch:
    """Keeps the values with the smallest random priorities: a uniform sample.

    >>> sketch = QuantileSketch()
    >>> sketch.add(np.array([4, 1, 3]))
    >>> sketch.add(np.array([2, 5]))
    >>> sketch.quantiles(3)
    array([1., 3., 5.], dtype=float32)
    """

    def __init__(self, max_values: int = 1 << 20, seed: int = 0) -> None:
        """Creates an empty sketch.

        Args:
          max_values: Values kept.
          seed: Seed of the sample.
        """
        self.max_values = max_values
        self._rng = np.random.default_rng(seed)
        self._values = np.empty(0, np.float64)
        self._priorities = np.empty(0, np.float64)

    def add(self, values: npt.ArrayLike) -> None:
        """Adds `[n]` values."""
        added = np.asarray(values, np.float64)
        self._values = np.concatenate([self._values, added])
        priorities = self._rng.random(len(added))
        self._priorities = np.concatenate([self._priorities, priorities])
        if len(self._values) > self.max_values:
            keep = np.argpartition(self._priorities, self.max_values)
            keep = np.sort(keep[: self.max_values])
            self._values = self._values[keep]
            self._priorities = self._priorities[keep]

    def quantiles(self, num_quantiles: int) -> npt.NDArray[np.float32]:
        """Returns the quantiles at `num_quantiles` even levels from 0 to 1.

        Returns:
          `[num_quantiles] float32`, ascending; zeros for an empty sketch.
        """
        if len(self._values) == 0:
            return np.zeros(num_quantiles, np.float32)
        levels = np.linspace(0.0, 1.0, num_quantiles)
        return np.quantile(self._values, levels).astype(np.float32)
