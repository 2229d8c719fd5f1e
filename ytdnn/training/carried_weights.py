"""A trained model carried over to a grown log (docs/freshness.md).

Vocabularies grow: of videos, of words, of the values of columns. A row of a table moves
to the new index of its value, and a value without an old row gets that of a fresh
model, an id the zero vector, so that it starts with the vector of its content. All
other weights stay.
"""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, encodings
from ytdnn.log import prepared
from ytdnn.training import optimizers

Module: TypeAlias = tf.Module

PreparedData = prepared.PreparedData
State = optimizers.State

Features = Sequence[base_feature.Feature]
# Tables whose rows are videos, and those of search tokens, by their names.
_OF_VIDEOS = ("videos", "watched_videos", "bias")
_OF_USES = "videos_"  # the ranker's, where each use has a table of its own
_OF_TOKENS = "search_tokens"


@dataclasses.dataclass(frozen=True)
class RowSources:
    """Where the rows of a table come from.

    Attributes:
      sources: `[rows] int64`, the place of each row in the old table; -1: it is new.
      is_zero: Whether new rows begin as zero.
    """

    sources: npt.NDArray[np.int64]
    is_zero: bool = False

    def carry(self, old: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """Returns the rows of the grown table.

        Args:
          old: Rows of the old table.
          fresh: `[rows, …]` of a fresh table.
        """
        is_old = self.sources >= 0
        grown = np.zeros_like(fresh) if self.is_zero else fresh.copy()
        grown[is_old] = old[self.sources[is_old]]
        return grown


def places(old: Sequence[Hashable], new: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """Returns the place of each row in the old table, row 0 first.

    >>> places(["a", "b"], ["b", "c"])
    array([ 0,  2, -1])
    """
    known = {value: place for place, value in enumerate(old, 1)}
    return np.array([0, *(known.get(value, -1) for value in new)], np.int64)


def tables(
    features: Features, old: PreparedData, new: PreparedData, num_videos: int
) -> dict[str, RowSources]:
    """Returns the origin of the rows of each table, by the table's name.

    Args:
      features: All features of a model, those of videos too.
      old: The set it was trained on.
      new: The grown one.
      num_videos: Number of videos with an embedding in the old model: a ranker that was
        published next to later candidates has fewer than these.
    """
    sizes = num_videos, new.vocabulary_size
    ids = [
        data.videos[schema.VIDEO_ID].head(size).to_list()
        for data, size in zip((old, new), sizes, strict=True)
    ]
    of_videos = RowSources(places(*ids), is_zero=True)
    origins = dict.fromkeys(_OF_VIDEOS, of_videos)
    words = [data.catalogue.tokens[prepared.TOKEN].to_list() for data in (old, new)]
    origins[_OF_TOKENS] = RowSources(places(*words))
    for feature in features:
        if isinstance(feature, encodings.Categorical):
            values = [feature.known_values(data) for data in (old, new)]
            if values[0] is not None and values[1] is not None:
                name = encodings.layer_name(feature.name)
                origins[name] = RowSources(places(values[0], values[1]))
    return origins


def weights(old: Module, new: Module, of_tables: Mapping[str, RowSources]) -> None:
    """Fills a model with the weights of one trained on a smaller log.

    Args:
      old: The trained model.
      new: One of the same layers, fresh.
      of_tables: See `tables`.
    """
    for source, target in zip(old.variables, new.variables, strict=True):
        rows = _rows(target, of_tables)
        values = source.numpy()
        target.assign(values if rows is None else rows.carry(values, target.numpy()))


def state(
    old: State | None, model: Module, of_tables: Mapping[str, RowSources], fresh: float
) -> State | None:
    """Returns the state of an optimiser, for the variables of a grown model.

    Args:
      old: State of the trained model's optimiser; None: it was not stored.
      model: The grown model.
      of_tables: Origins of rows from `tables`.
      fresh: Initial value of new rows of Adagrad's accumulator.
    """
    if old is None:
        return None
    slots = {}
    for (number, name), values in old.slots.items():
        rows = _rows(model.trainable_variables[number], of_tables)
        if rows is not None:
            begin = fresh if name == "accumulator" else 0.0
            shape = (len(rows.sources), *values.shape[1:])
            values = RowSources(rows.sources).carry(
                values, np.full(shape, begin, values.dtype)
            )
        slots[number, name] = values
    return State(old.steps, slots)


def _rows(
    variable: tf.Variable, of_tables: Mapping[str, RowSources]
) -> RowSources | None:
    """Returns where the rows of a variable come from, None where it is no table."""
    name = str(variable.name).partition("/")[0].partition(":")[0]
    origin = of_tables.get(name)
    if origin is None and name.startswith(_OF_USES):
        origin = of_tables[_OF_VIDEOS[0]]
    is_table = origin is not None and variable.shape[0] == len(origin.sources)
    return origin if is_table else None
