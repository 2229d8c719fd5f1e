"""Packs tables over the catalogue into one, so that a video is looked up once.

A ranker reads dozens of numbers for each candidate. In separate tables, every number is
a read from another place in memory; packed, a video's numbers are in one or two cache
lines, and one operation reads them.
"""

import collections
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ytdnn.features import base_feature

if TYPE_CHECKING:
    from ytdnn.log import request as raw_request


class PackedRows(tf.Module):
    """The packed tables of several features with one number for each video.

    Attributes:
      names: Features in the order of their columns.
    """

    def __init__(self, tables: Mapping[str, base_feature.RowsOfVideos]) -> None:
        """Copies the tables, `[num_videos + 1]` of one type, into one variable."""
        super().__init__()
        self.names = tuple(tables)
        columns = [table.rows.numpy() for table in tables.values()]
        self._rows = tf.Variable(np.stack(columns, axis=-1), trainable=False)

    def __call__(self, request: "raw_request.Request") -> dict[str, tf.Tensor]:
        """Returns each feature's values for the videos to score, `[batch, k]`."""
        found = tf.gather(self._rows, request.video_indices)
        return dict(zip(self.names, tf.unstack(found, axis=-1), strict=True))


def packed(
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
    found = [PackedRows(tables) for tables in by_type.values() if len(tables) > 1]
    taken = {name for one in found for name in one.names}
    return found, {n: reader for n, reader in readers.items() if n not in taken}
