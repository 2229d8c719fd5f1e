"""A first pass on some coordinates, then exact scores of the best."""

from typing import Literal

import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.retrieval.index import interface


@configs.validated
class TwoPassConfig(configs.Extension):
    """Scores all videos by few coordinates, and the best of them by all.

    Attributes:
      first: Coordinates of the first pass.
      kept: Videos of the second pass.
    """

    first: int = 8
    kept: int = 100
    kind: Literal["two_pass"] = "two_pass"


class Module(interface.SearchModule):
    """The search, in TensorFlow operations."""

    def __init__(self, vectors, config):
        super().__init__(*vectors.shape)
        self.vectors = tf.Variable(vectors, trainable=False)
        self.first, self.kept = config.first, min(config.kept, len(vectors))

    def _search(self, queries, k):
        parts = (each[:, : self.first] for each in (queries, self.vectors))
        kept = tf.math.top_k(tf.matmul(*parts, transpose_b=True), self.kept).indices
        rows = interface.rows_of(self.vectors, kept)
        scores = tf.linalg.matvec(rows, queries)
        best, places = tf.math.top_k(scores, tf.minimum(k, self.kept))
        found = 1 + tf.gather(kept, places, batch_dims=1)  # 0 is no video
        return interface.padded(found, best, k)


@registries.INDEXES.register("two_pass", TwoPassConfig)
class TwoPass(interface.Index):
    """The index of `TwoPassConfig`."""

    @classmethod
    def build(cls, vectors, config):
        """Returns the index of `[videos, dim]` vectors."""
        interface.check_vectors(vectors)
        return cls(Module(vectors, config))
