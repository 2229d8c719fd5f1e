"""Look-up tables inside the exported graphs: ids to indices and back."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import io_fields, prepared


class VideoIds(tf.Module):
    """Video ids and catalogue indices (0 = unknown or missing).

    Indices are found by bisection among the sorted hashes of ids. An id is compared
    with the id of the same hash, so an unknown one has index 0.

    Attributes:
      missing: Scalar, the id that means no video.
    """

    def __init__(self, catalogue: prepared.Catalogue) -> None:
        """Copies the ids of `data.videos`.

        Raises:
          ValueError: Two ids have the same hash, such as equal ids.
        """
        super().__init__()
        dtype, missing = io_fields.id_type(catalogue)
        known = catalogue.videos[schema.VIDEO_ID].to_list()
        ids = tf.constant([missing, *known], tf.as_dtype(dtype))
        self.missing = ids[0]
        hashes = self.keys(ids).numpy()
        order = np.argsort(hashes)
        if (np.diff(hashes[order]) == 0).any():
            raise ValueError(
                f"expected distinct video ids, received {len(known)} with two of equal "
                f"hash"
            )
        self._hashes = tf.Variable(hashes[order], trainable=False)
        self._order = tf.Variable(order.astype(np.int32), trainable=False)
        self._ids = tf.Variable(ids, trainable=False)

    def indices(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns `[...] int32` indices of `ids [...]`."""
        hashes = tf.reshape(self.keys(ids), [-1])
        places = tf.searchsorted(self._hashes, hashes)
        places = tf.minimum(places, self._order.shape[0] - 1)
        indices = tf.reshape(tf.gather(self._order, places), tf.shape(ids))
        return tf.where(tf.equal(self.ids(indices), ids), indices, 0)

    def ids(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the ids of `indices [...]`; index 0 has `missing`."""
        return tf.gather(self._ids, indices)

    def present(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns `[...] bool`, false where an id is missing."""
        return tf.not_equal(ids, self.missing)

    def keys(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns `[...] int64`, equal for equal ids, in the catalogue or not.

        A 63-bit hash of a string; comparing these is far cheaper than strings.
        """
        if ids.dtype != tf.string:
            return ids
        return tf.strings.to_hash_bucket_fast(ids, 2**63 - 1)


class RemovedVideos(tf.Module):
    """Catalogue indices of removed videos, read from a file when a model is loaded.

    The file is an asset of the SavedModel, with an index in each line, the first 0,
    which is no video: replacing the file removes other videos, without another graph.
    """

    def __init__(self, path: pathlib.Path) -> None:
        """Creates the look-up from a file."""
        super().__init__()
        initializer = tf.lookup.TextFileInitializer(
            str(path), tf.int64, 0, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        self._table = tf.lookup.StaticHashTable(initializer, default_value=0)

    @property
    def count(self) -> tf.Tensor:
        """Number of ids, `[] int32`."""
        return tf.cast(self._table.size(), tf.int32) - 1

    def indices(self) -> tf.Tensor:
        """Returns all removed indices and 0, `[count + 1] int32`."""
        return tf.cast(tf.reshape(self._table.export()[0], [-1]), tf.int32)

    def contains(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns whether catalogue indices `[...]` are removed, `[...] bool`."""
        return self._table.lookup(tf.cast(indices, tf.int64)) > 0


class TextVocabulary(tf.Module):
    """Values of a text feature and their indices."""

    def __init__(self, values: Sequence[str]) -> None:
        """Copies the values; the first has index 1."""
        super().__init__()
        keys = tf.constant(list(values), tf.string)
        indices = tf.range(1, tf.size(keys) + 1, dtype=tf.int32)
        initializer = tf.lookup.KeyValueTensorInitializer(keys, indices)
        self._table = tf.lookup.StaticHashTable(initializer, default_value=0)

    def indices(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[...] int32` indices of `values [...]`, 0 = unknown."""
        return self._table.lookup(values)
