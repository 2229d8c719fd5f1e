"""One interface of all indexes: build, search, save, load.

The work is done by `module`, a `tf.Module` with a method `search(queries, k)` that is a
graph of tensors, so it runs as part of a larger exported graph. Results are video
indices: row i of the vectors is video index i + 1, and 0 with score `PADDING_SCORE`
fills a list that has fewer than k videos. (A finite score: answers are JSON, which has
no NaN or infinity.)
"""

import abc
import functools
import pathlib
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import errors, ragged

PADDING_SCORE = float(np.finfo(np.float32).min)
_BLOCK_BYTES = 64 * 2**20

Vectors = npt.NDArray[np.float32]
Tables = tuple[tf.Tensor, ...]
"""Vectors as tensors: one, or two parts, the rows of the second behind the first."""
_Config = TypeVar("_Config")


class SearchModule(tf.Module):
    """The part of an index that is saved and embedded in larger graphs.

    Attributes:
      num_videos: Videos in the index, int32 scalar variable.
      vectors: Vectors it was built from, variable `[num_videos, dim] float32`: row i ↔
        video index i + 1. Graphs that embed the index score chosen videos with it.
    """

    vectors: tf.Variable

    def __init__(self, num_videos: int, dim: int) -> None:
        """Creates the module; the subclass sets `vectors`.

        Args:
          num_videos: Videos in the index.
          dim: Width of vectors and queries.
        """
        super().__init__()
        self.num_videos = tf.Variable(num_videos, trainable=False, dtype=tf.int32)
        self._dim = dim

    @functools.cached_property
    def search(self) -> Any:
        """The search, best first: `(queries, k)` → `(indices, scores)`.

        It maps queries `[batch, dim] float32` and k `[] int32` to indices `[batch, k]
        int32` and scores `[batch, k] float32`. It is one concrete graph, made on first
        use. A `tf.function` could be traced again: TensorFlow counts the traces of all
        modules together, and warns when bundles follow each other, each with its own
        graph.
        """
        queries = tf.TensorSpec([None, self._dim], tf.float32, name="queries")
        k = tf.TensorSpec([], tf.int32, name="k")
        with tf.init_scope():  # it outlives the graph that asks first
            return tf.function(self._search).get_concrete_function(queries, k)

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raise NotImplementedError


class Index(abc.ABC, Generic[_Config]):
    """Search for the videos of the largest dot products with a query.

    Attributes:
      module: A `SearchModule`, or one that `load` restored.
    """

    def __init__(self, module: Any) -> None:
        """Wraps a search module; use `build` or `load`."""
        self.module = module

    @classmethod
    @abc.abstractmethod
    def build(cls, vectors: Vectors, config: _Config) -> Self:
        """Builds the index.

        Args:
          vectors: `[num_videos, dim] float32`, row i ↔ video index i + 1.
          config: Settings of this kind of index.

        Raises:
          ValueError: The vectors are not finite, or there are none.
        """

    @property
    def num_videos(self) -> int:
        """Videos in the index."""
        return int(self.module.num_videos.numpy())

    @property
    def num_bytes(self) -> int:
        """Bytes of its variables; ScaNN holds vectors and codes once more to search."""
        numbers = [each for each in self.module.variables if each.dtype != tf.string]
        return sum(each.shape.num_elements() * each.dtype.size for each in numbers)

    def search(self, queries: Vectors, k: int) -> tuple[npt.NDArray[np.int32], Vectors]:
        """Returns each query's k best videos, best first, in bounded memory.

        Args:
          queries: `[batch, dim] float32`.
          k: Length of the lists, at least 1.

        Returns:
          video indices `[batch, k] int32` (0 = none) and scores `[batch, k] float32`.
        """
        indices = np.zeros([len(queries), k], np.int32)
        scores = np.full([len(queries), k], PADDING_SCORE, np.float32)
        size = max(1, _BLOCK_BYTES // (4 * self.num_videos))
        for block in ragged.slices(len(queries), size):
            results = self.module.search(
                tf.constant(queries[block], tf.float32), tf.constant(k, tf.int32)
            )
            indices[block], scores[block] = results[0].numpy(), results[1].numpy()
        return indices, scores

    def save(self, directory: pathlib.Path) -> None:
        """Writes the module as a SavedModel."""
        tf.saved_model.save(self.module, str(directory))

    @classmethod
    def load(cls, directory: pathlib.Path) -> Self:
        """Reads the index that `save` wrote.

        Raises:
          errors.UserError: There is no readable SavedModel.
        """
        try:
            return cls(tf.saved_model.load(str(directory)))
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise errors.UserError(
                f"expected a SavedModel of an index in {directory}, found none that "
                f"can be read ({type(error).__name__}): build the index again"
            ) from None


def recall(listed: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]) -> float:
    """Returns the share of the exact lists that the found lists hold.

    Args:
      listed: `[queries, k]` video indices, 0 = none.
      wanted: `[queries, k]` video indices of exact search.
    """
    width = 1 + max(listed.max(initial=0), wanted.max(initial=0))
    rows = np.arange(len(listed))[:, np.newaxis] * int(width)
    hits = np.isin(rows + listed, rows + wanted) & (listed > 0)
    return float(hits.sum() / max(wanted.size, 1))


class Stack(tf.Module):
    """Vectors in two variables; the rows of the second follow those of the first.

    Attributes:
      main: Variable `[num_main, dim] float32`.
      added: Variable `[num_added, dim] float32`.
    """

    def __init__(self, main: tf.Variable, added: tf.Variable) -> None:
        """Uses the variables without a copy."""
        super().__init__()
        self.main = main
        self.added = added


def variables(vectors: tf.Variable | Stack) -> list[tf.Variable]:
    """Returns the variables that hold vectors, in order."""
    if not isinstance(vectors, Stack):
        return [vectors]
    return [vectors.main, vectors.added]


def tables(vectors: tf.Variable | Stack) -> Tables:
    """Returns vectors as they are passed to a function, without a copy.

    Args:
      vectors: `[num_videos, dim] float32`.
    """
    return tuple(variable.read_value() for variable in variables(vectors))


def rows_of(vectors: tf.Variable | Stack | Tables, rows: tf.Tensor) -> tf.Tensor:
    """Returns some rows of vectors, without making later reads of all of them slower.

    `tf.gather` of the variable itself counts as sparse access, after which TensorFlow
    copies the whole variable on each read: at a million videos that takes ten times as
    long as the search.

    Args:
      vectors: `[num_videos, dim] float32`.
      rows: `[...] int32`.

    Returns:
      `[..., dim] float32`.
    """
    parts = vectors if isinstance(vectors, tuple) else tables(vectors)
    if len(parts) == 1:
        return tf.gather(parts[0], rows)
    main, behind = parts
    num_main = tf.shape(main)[0]
    is_main = rows < num_main
    of_main = tf.gather(main, tf.where(is_main, rows, 0))
    added = tf.gather(behind, tf.where(is_main, 0, rows - num_main))
    return tf.where(is_main[..., tf.newaxis], of_main, added)


def row_range(vectors: tf.Tensor, start: int, stop: int) -> tf.Tensor:
    """Returns consecutive rows of vectors, without copying them if possible.

    TensorFlow shares the memory of a slice only if it is aligned. In a matrix, each row
    must be a multiple of 64 bytes, which 65 coordinates are not: `vectors[:stop]` makes
    a copy, which at a million videos takes three times as long as the search. In a flat
    vector only the bounds must be aligned, so rows are sliced from the flat form.

    Args:
      vectors: `[num_videos, dim] float32`.
      start: First row; a multiple of 16, or the rows are copied.
      stop: Row after the last one, likewise.
    """
    dim = int(vectors.shape[1])
    flat = tf.reshape(vectors, [-1])[start * dim : stop * dim]
    return tf.reshape(flat, [stop - start, dim])


def products(queries: tf.Tensor, vectors: tf.Variable | Stack | Tables) -> tf.Tensor:
    """Returns the scores of all videos, `[batch, num_videos] float32`.

    Args:
      queries: `[batch, dim] float32`.
      vectors: `[num_videos, dim] float32`.
    """
    parts = vectors if isinstance(vectors, tuple) else tables(vectors)
    scores = [tf.matmul(queries, part, transpose_b=True) for part in parts]
    return scores[0] if len(scores) == 1 else tf.concat(scores, axis=1)


def padded(
    indices: tf.Tensor, scores: tf.Tensor, k: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns lists lengthened to k by index 0 and `PADDING_SCORE`.

    Args:
      indices: `[batch, found] int32`, found ≤ k.
      scores: `[batch, found] float32`.
      k: `[] int32`.
    """
    missing = [[0, 0], [0, k - tf.shape(indices)[1]]]
    return (
        tf.pad(indices, missing),
        tf.pad(scores, missing, constant_values=PADDING_SCORE),
    )


def check_vectors(vectors: Vectors) -> None:
    """Refuses vectors that no index can hold.

    Raises:
      ValueError: The shape is not `[at least 1, at least 1]`, or a value is not finite.
    """
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ValueError(
            f"expected vectors [num_videos, dim], at least one, received shape "
            f"{vectors.shape}"
        )
    if not np.isfinite(vectors).all():
        raise ValueError("expected finite video vectors, received NaN or infinity")
