"""Look-up tables inside the exported graphs: ids to indices and back."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import catalogues, fields, perfect_hash


def _table(keys: tf.Tensor) -> tf.lookup.StaticHashTable:
    """Returns the table from key i to i + 1, and any other key to 0 (unknown)."""
    values = tf.range(1, tf.size(keys) + 1, dtype=tf.int32)
    initializer = tf.lookup.KeyValueTensorInitializer(keys, values)
    return tf.lookup.StaticHashTable(initializer, default_value=0)


class VideoIds(tf.Module):
    """Video ids and catalogue indices (0 = unknown or missing).

    Indices are found by a perfect hash in variables, which the processes of a server
    share (`ytdnn.bundle.mapped`); TensorFlow's table would be each one's own. An id is
    compared with the id that it found, so an unknown one has index 0 whatever its hash.

    Attributes:
      missing: Scalar, the id that means no video.
    """

    def __init__(self, catalogue: catalogues.Catalogue) -> None:
        """Copies the ids of `data.videos`."""
        super().__init__()
        dtype, missing = fields.id_type(catalogue)
        known = catalogue.videos[schema.VIDEO_ID].to_list()
        ids = tf.constant(known, tf.as_dtype(dtype))
        self.missing = tf.constant(missing, ids.dtype)
        found = perfect_hash.make(len(known), lambda seed: _seeded(ids, seed).numpy())
        self._seed, self._table = found.seed, perfect_hash.HashedNumbers(found)
        self._ids = tf.Variable(
            tf.concat([self.missing[tf.newaxis], ids], axis=0), trainable=False
        )

    def indices(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns `[...] int32` indices of `ids [...]`."""
        found = self._table.numbers(_seeded(ids, self._seed))
        return tf.where(tf.equal(self.ids(found), ids), found, 0)

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


def _seeded(ids: tf.Tensor, seed: int) -> tf.Tensor:
    """Returns a hash for each seed, `[...] int64`, of ids `[...]`, texts or integers.

    Integers are multiplied by an odd number: of the upper bits, such a hash is
    universal (Dietzfelbinger et al., "A reliable randomized algorithm for the
    closest-pair problem", 1997).
    """
    first, second = np.random.default_rng(seed).integers(2**63, size=2, dtype=np.int64)
    if ids.dtype == tf.string:
        key = [int(first), int(second)]
        hashes = tf.strings.to_hash_bucket_strong(ids, 2**63 - 1, key)
        return tf.bitwise.left_shift(hashes, 1)
    return ids * tf.constant(first | 1, tf.int64)


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
        self._table = _table(tf.constant(list(values), tf.string))

    def indices(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[...] int32` indices of `values [...]`, 0 = unknown."""
        indices: tf.Tensor = self._table.lookup(values)
        return indices
