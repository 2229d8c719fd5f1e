"""Features opened for serving: from requests, lookups included."""

import collections
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ytdnn.features import base_feature, open_features
from ytdnn.log import prepared

if TYPE_CHECKING:
    from ytdnn.log import raw_request


class RequestReaders(tf.Module):
    """Features opened for serving."""

    def __init__(
        self, chosen: Sequence[base_feature.Feature], data: prepared.PreparedData
    ) -> None:
        """Makes the lookups of each feature."""
        from ytdnn.features import past_formulas

        super().__init__()
        readers = {f.name: f.open_request(data) for f in chosen}
        self._chosen = {f.name: f for f in chosen}
        data.release()
        self._packed, readers = _packed(readers)
        self._pasts, self._readers = past_formulas.together(readers)

    def query_tensors(self, request: "raw_request.Request") -> open_features.Tensors:
        """Returns the features of users and requests, `[batch, …]`."""
        return self._read(request, True)

    def video_tensors(self, request: "raw_request.Request") -> open_features.Tensors:
        """Returns the features of videos and pairs, `[batch, k, …]`."""
        tensors = self._read(request, False)
        for tables in self._packed:
            tensors |= tables(request)
        for pasts in self._pasts:
            tensors |= pasts.every(request)
        return tensors

    def _read(
        self, request: "raw_request.Request", is_of_query: bool
    ) -> open_features.Tensors:
        return {
            name: open_features.checked(self._chosen[name], reader)(request)
            for name, reader in self._readers.items()
            if self._chosen[name].scope.is_of_query == is_of_query
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
        (name,) = {table.packed_in for table in tables.values()}
        self._rows = tf.Variable(np.stack(columns, axis=-1), trainable=False, name=name)

    def __call__(self, request: "raw_request.Request") -> open_features.Tensors:
        """Returns each feature's values for the videos to score, `[batch, k]`."""
        values = tf.gather(self._rows, request.video_indices)
        return dict(zip(self.names, tf.unstack(values, axis=-1), strict=True))


def _packed(
    readers: Mapping[str, base_feature.RequestReader],
) -> tuple[list[PackedRows], dict[str, base_feature.RequestReader]]:
    """Packs tables with one number for each video, those of one type and name together.

    Args:
      readers: Reader of each feature by name.

    Returns:
      Packed tables, each of at least two features, and the readers of all others.
    """
    alike: dict[tuple[tf.DType, str], dict[str, base_feature.RowsOfVideos]]
    alike = collections.defaultdict(dict)
    for name, reader in readers.items():
        # A derived reader computes with its table: only plain tables are packed.
        if type(reader) is base_feature.RowsOfVideos and reader.rows.shape.rank == 1:
            alike[reader.rows.dtype, reader.packed_in][name] = reader
    tables = [PackedRows(own) for own in alike.values() if len(own) > 1]
    taken = {name for table in tables for name in table.names}
    return tables, {n: reader for n, reader in readers.items() if n not in taken}
