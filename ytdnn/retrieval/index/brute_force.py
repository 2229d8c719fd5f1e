"""Exact search in stock TensorFlow ops: one matrix product and a top-k of blocks.

The product reads every vector once, at the speed of memory. A plain top-k of a million
scores would cost a third of that again. So the scores are cut into blocks: the k best
scores are in the k blocks with the highest maxima, and only these are searched.
"""

from typing import Any, Self

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.retrieval.index import interface

_BLOCK = 64  # scores; measured at a million: 0.8 ms of 3.9, and 32 to 256 alike
_LEAST_REDUCTION = 2  # how many times fewer scores make the detour worth it

TopK = tuple[tf.Tensor, tf.Tensor]


class BruteForceModule(interface.SearchModule):
    """Scores every video; equal scores are ordered by the lower video index."""

    def __init__(self, vectors: interface.Vectors) -> None:
        """Creates the module of `vectors [num_videos, dim] float32`."""
        super().__init__(*vectors.shape)
        self._size = len(vectors)
        self.vectors = tf.Variable(vectors, trainable=False, dtype=tf.float32)

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> TopK:
        num_results = tf.minimum(k, self._size)
        few = tf.constant(self._size // _BLOCK // _LEAST_REDUCTION)
        columns, scores = tf.cond(
            num_results <= few,
            lambda: self._search_blocks(queries, num_results),
            lambda: _best_of_all(
                tf.matmul(queries, self.vectors, transpose_b=True), num_results
            ),
        )
        return interface.padded(columns + 1, scores, k)

    def _search_blocks(self, queries: tf.Tensor, k: tf.Tensor) -> TopK:
        """Searches the k best blocks and the rows after the last whole block."""
        end = self._size // _BLOCK * _BLOCK
        vectors = self.vectors.read_value()
        body = interface.row_range(vectors, 0, end)
        scores = tf.matmul(queries, body, transpose_b=True)
        rest = tf.matmul(queries, vectors[end:], transpose_b=True)
        return _best_of_parts(scores, rest, k)


def top_k(scores: tf.Tensor, k: tf.Tensor) -> TopK:
    """Returns the k best scores, faster than `tf.math.top_k` for very many scores.

    Args:
      scores: `[batch, n] float32`; ties keep their order.
      k: `[] int32`, at most n.

    Returns:
      columns `[batch, k] int32` and scores `[batch, k] float32`.
    """
    size = tf.shape(scores)[1]
    end = size // _BLOCK * _BLOCK
    return tf.cond(
        k <= size // _BLOCK // _LEAST_REDUCTION,
        lambda: _best_of_parts(scores[:, :end], scores[:, end:], k),
        lambda: _best_of_all(scores, k),
    )


def _best_of_all(scores: tf.Tensor, k: tf.Tensor) -> TopK:
    values, columns = tf.math.top_k(scores, k)
    return columns, values


def _best_of_parts(body: tf.Tensor, rest: tf.Tensor, k: tf.Tensor) -> TopK:
    """Returns the best of the scores in whole blocks and of the rest after them.

    The result is exact, ties included: if a score of another block were among the k
    best, each of the k blocks would have a better one, as ties of maxima go to the
    lower block.

    Args:
      body: `[batch, n] float32`, n a multiple of the block.
      rest: `[batch, m] float32`.
      k: `[] int32`, at most the number of blocks.
    """
    batch, end = tf.shape(body)[0], tf.shape(body)[1]
    blocks = tf.reshape(body, [batch, end // _BLOCK, _BLOCK])
    _, best = tf.math.top_k(tf.reduce_max(blocks, axis=2), k=k)
    best = tf.sort(best, axis=1)  # so that a lower place is a lower index
    inside = best[:, :, tf.newaxis] * _BLOCK + tf.range(_BLOCK)
    behind = tf.tile(tf.range(end, end + tf.shape(rest)[1])[tf.newaxis], [batch, 1])
    columns = tf.concat([tf.reshape(inside, [batch, k * _BLOCK]), behind], axis=1)
    chosen = tf.reshape(tf.gather(blocks, best, batch_dims=1), [batch, k * _BLOCK])
    scores, places = tf.math.top_k(tf.concat([chosen, rest], axis=1), k=k)
    return tf.gather(columns, places, batch_dims=1), scores


@registries.INDEXES.register("exact", configs.ExactConfig)
class BruteForce(interface.Index[configs.ExactConfig]):
    """Exact index; loads wherever TensorFlow does."""

    @classmethod
    def build(cls, vectors: interface.Vectors, config: configs.ExactConfig) -> Self:
        """Builds the index; see `interface.Index.build`."""
        del config
        interface.check_vectors(vectors)
        return cls(BruteForceModule(vectors))


class WithDelta(tf.Module):
    """A main part and a delta part, searched as one index.

    Attributes:
      vectors: Vectors of both parts, as `interface.rows_of` and `interface.products`
        read them.
      search: Search as in `interface.SearchModule`. In a tie, videos of the main part
        come first.
    """

    def __init__(self, main: Any, added: interface.Vectors) -> None:
        """Joins the parts.

        Args:
          main: A `SearchModule`, or one that was loaded.
          added: `[num_added, dim] float32`, at least one, vectors of the videos after
            those of the main part.
        """
        super().__init__()
        interface.check_vectors(added)
        self._num_main = int(main.num_videos.numpy())
        self._num_added = len(added)
        self._main = main
        self._delta = BruteForceModule(added)
        self.vectors = interface.Stack(main.vectors, self._delta.vectors)

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> TopK:
        """Returns each query's k best videos of both parts, best first.

        Args:
          queries: `[batch, dim] float32`.
          k: `[] int32`.

        Returns:
          video indices `[batch, k] int32` and scores `[batch, k] float32`, padded as
          for any index.
        """
        of_main = tf.minimum(k, self._num_main)
        num_added = tf.minimum(k, self._num_added)
        videos, scores = self._main.search(queries, of_main)
        added, added_scores = self._delta.search(queries, num_added)
        videos = tf.concat([videos, added + self._num_main], axis=1)
        scores = tf.concat([scores, added_scores], axis=1)
        best, places = tf.math.top_k(scores, tf.minimum(k, of_main + num_added))
        return interface.padded(tf.gather(videos, places, batch_dims=1), best, k)
