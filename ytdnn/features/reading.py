"""Lists of features opened together: from a log, from requests, and as layers."""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import tensorflow as tf

from ytdnn.base import artifacts, configs
from ytdnn.features import base_feature
from ytdnn.layers import continuous, towers
from ytdnn.log import catalogues, fields, positions, prepared

if TYPE_CHECKING:
    from ytdnn.log import request as raw_request

Tensors = dict[str, tf.Tensor]
Statistics = dict[str, base_feature.FeatureStatistics]
T = TypeVar("T")


def open_log(
    chosen: Sequence[base_feature.Feature],
    log: positions.LogTensors,
    serving: bool = False,
) -> dict[str, positions.Reader]:
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
    return {feature.name: readers[feature.name] for feature in chosen}


def at_serving(chosen: Sequence[base_feature.Feature]) -> dict[str, positions.Reader]:
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


def read(readers: Mapping[str, positions.Reader], at: positions.Positions) -> Tensors:
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
    chosen: Sequence[base_feature.Feature], catalogue: catalogues.Catalogue
) -> fields.Fields:
    """Returns the request fields that the features read, each once."""
    return fields.union(*(feature.fields(catalogue) for feature in chosen))


class RequestReaders(tf.Module):
    """Features opened for serving."""

    def __init__(
        self, chosen: Sequence[base_feature.Feature], data: prepared.PreparedData
    ) -> None:
        """Makes the lookups of each feature."""
        from ytdnn.features import past

        super().__init__()
        readers = {f.name: f.open_request(data) for f in chosen}
        data.release()
        self._packed, readers = _packed(readers)
        self._pasts, self._readers = past.together(readers)
        self._is_of_query = {f.name: f.scope.is_of_query for f in chosen}

    def query_tensors(self, request: "raw_request.Request") -> Tensors:
        """Returns the features of users and requests, `[batch, …]`."""
        return self._read(request, True)

    def video_tensors(self, request: "raw_request.Request") -> Tensors:
        """Returns the features of videos and pairs, `[batch, k, …]`."""
        tensors = self._read(request, False)
        for tables in self._packed:
            tensors |= tables(request)
        for pasts in self._pasts:
            tensors |= pasts.every(request)
        return tensors

    def _read(self, request: "raw_request.Request", is_of_query: bool) -> Tensors:
        return {
            name: reader(request)
            for name, reader in self._readers.items()
            if self._is_of_query[name] == is_of_query
        }


class PackedRows(tf.Module):
    """The tables over the catalogue of several features, packed into one.

    A ranker reads dozens of numbers for each candidate. In separate tables, every
    number is a read from another place in memory; packed, a video's numbers are in one
    or two cache lines, and one operation reads them.

    Attributes:
      names: Features in the order of their columns.
    """

    def __init__(self, tables: Mapping[str, base_feature.RowsOfVideos]) -> None:
        """Copies the tables, `[num_videos + 1]` of one type, into one variable."""
        super().__init__()
        self.names = tuple(tables)
        columns = [table.rows.numpy() for table in tables.values()]
        self._rows = tf.Variable(np.stack(columns, axis=-1), trainable=False)

    def __call__(self, request: "raw_request.Request") -> Tensors:
        """Returns each feature's values for the videos to score, `[batch, k]`."""
        values = tf.gather(self._rows, request.video_indices)
        return dict(zip(self.names, tf.unstack(values, axis=-1), strict=True))


def _packed(
    readers: Mapping[str, base_feature.RequestReader],
) -> tuple[list[PackedRows], dict[str, base_feature.RequestReader]]:
    """Packs tables with one number for each video, those of the same type together.

    Args:
      readers: Reader of each feature by name.

    Returns:
      Packed tables, each of at least two features, and the readers of all others.
    """
    by_type: dict[tf.DType, dict[str, base_feature.RowsOfVideos]]
    by_type = collections.defaultdict(dict)
    for name, reader in readers.items():
        # A derived reader computes with its table: only plain tables are packed.
        if type(reader) is base_feature.RowsOfVideos and reader.rows.shape.rank == 1:
            by_type[reader.rows.dtype][name] = reader
    tables = [PackedRows(alike) for alike in by_type.values() if len(alike) > 1]
    taken = {name for table in tables for name in table.names}
    return tables, {n: reader for n, reader in readers.items() if n not in taken}


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
    from ytdnn.log import quantiles

    sketches = {feature.name: quantiles.QuantileSketch() for feature in numbers}
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
) -> list[towers.Block]:
    """Returns the coordinates of each feature's vectors, in order of the layers."""

    def numbers(
        alike: Sequence[continuous.QuantileFeature], values: Sequence[tf.Tensor]
    ) -> list[towers.Block]:
        coordinates = continuous.coordinates(alike, values)
        return [towers.Block(each, is_learned=False) for each in coordinates]

    def block(layer: tf.keras.layers.Layer, vectors: tf.Tensor) -> towers.Block:
        return towers.to_block(vectors, bool(layer.trainable_variables))

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
