"""Exact search in stock TensorFlow ops: one matrix product and a top-k of blocks.

The product reads every vector once, at the speed of memory. The top k of a million
scores would cost a third of that again, so the scores are cut into blocks: the k best
scores lie in the k blocks whose maxima are highest, and only these are searched.
"""

from typing import Self

import tensorflow as tf

from ytdnn import configs
from ytdnn.index import interface

_BLOCK = 64  # scores; measured at a million: 0.8 ms of 3.9, and 32 to 256 alike
_LEAST_REDUCTION = 2  # how many times fewer scores make the detour worth it

Found = tuple[tf.Tensor, tf.Tensor]


class BruteForceModule(interface.SearchModule):
    """Scores every video; equal scores are ordered by the lower video index."""

    def __init__(self, vectors: interface.Vectors) -> None:
        """Creates the module of `vectors [num_videos, dim] float32`."""
        super().__init__(*vectors.shape)
        self._size = len(vectors)
        self.vectors = tf.Variable(vectors, trainable=False, dtype=tf.float32)

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> Found:
        found = tf.minimum(k, self._size)
        few = tf.constant(self._size // _BLOCK // _LEAST_REDUCTION)
        columns, scores = tf.cond(
            found <= few,
            lambda: self._of_blocks(queries, found),
            lambda: self._of_all(queries, found),
        )
        return interface.padded(columns + 1, scores, k)

    def _of_all(self, queries: tf.Tensor, k: tf.Tensor) -> Found:
        scores, columns = tf.math.top_k(
            tf.matmul(queries, self.vectors, transpose_b=True), k=k
        )
        return columns, scores

    def _of_blocks(self, queries: tf.Tensor, k: tf.Tensor) -> Found:
        """Searches the k best blocks and what is left behind the last whole one.

        Exact, ties included: were a video of another block among the k best, each of
        the k blocks would hold one before it, since of equal maxima the lower block
        is taken.
        """
        batch = tf.shape(queries)[0]
        end = self._size // _BLOCK * _BLOCK
        vectors = self.vectors.read_value()
        scores = tf.matmul(queries, vectors[:end], transpose_b=True)
        blocks = tf.reshape(scores, [batch, end // _BLOCK, _BLOCK])
        _, best = tf.math.top_k(tf.reduce_max(blocks, axis=2), k=k)
        best = tf.sort(best, axis=1)  # so that a lower place is a lower index
        inside = best[:, :, tf.newaxis] * _BLOCK + tf.range(_BLOCK)
        rest = tf.tile(tf.range(end, self._size)[tf.newaxis], [batch, 1])
        columns = tf.concat([tf.reshape(inside, [batch, k * _BLOCK]), rest], axis=1)
        chosen = tf.reshape(tf.gather(blocks, best, batch_dims=1), [batch, k * _BLOCK])
        last = tf.matmul(queries, vectors[end:], transpose_b=True)
        scores, places = tf.math.top_k(tf.concat([chosen, last], axis=1), k=k)
        return tf.gather(columns, places, batch_dims=1), scores


class BruteForce(interface.Index[configs.ExactConfig]):
    """Exact index; loads wherever TensorFlow does."""

    @classmethod
    def build(cls, vectors: interface.Vectors, config: configs.ExactConfig) -> Self:
        """Builds the index; see `interface.Index.build`."""
        del config
        interface.check_vectors(vectors)
        return cls(BruteForceModule(vectors))
