"""Exact search in stock TensorFlow ops: one matrix product and one top-k."""

from typing import Self

import tensorflow as tf

from ytdnn import configs
from ytdnn.index import interface


class BruteForceModule(interface.SearchModule):
    """Scores every video; equal scores are ordered by the lower video index."""

    def __init__(self, vectors: interface.Vectors) -> None:
        """Creates the module of `vectors [num_videos, dim] float32`."""
        super().__init__(*vectors.shape)
        self.vectors = tf.Variable(vectors, trainable=False, dtype=tf.float32)

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scores = tf.matmul(queries, self.vectors, transpose_b=True)
        found = tf.minimum(k, self.num_videos)
        scores, columns = tf.math.top_k(scores, k=found)
        return interface.padded(columns + 1, scores, k)


class BruteForce(interface.Index[configs.Exact]):
    """Exact index; loads wherever TensorFlow does."""

    @classmethod
    def build(cls, vectors: interface.Vectors, config: configs.Exact) -> Self:
        """Builds the index; see `interface.Index.build`."""
        del config
        interface.check_vectors(vectors)
        return cls(BruteForceModule(vectors))
