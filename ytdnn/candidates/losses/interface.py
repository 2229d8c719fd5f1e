"""What every retrieval loss is, and what it asks of the model."""

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

from ytdnn.candidates.losses import heads
from ytdnn.layers import embeddings

Features = dict[str, tf.Tensor]
"""A batch as of `ytdnn.data.inputs.cut`, with labels and weights."""

Loss = Callable[[Features, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""(batch of one replica, seed `[2] int32`) → the sum over its examples of weight ·
cross-entropy, and the sum of weights, so that one and two replicas give one loss."""


class Model(Protocol):
    """User vectors and the video table; `CandidateModel` is one.

    Attributes:
      videos: The video table.
      bias: Variable `[num_videos + 1] float32`.
    """

    videos: embeddings.Table
    bias: tf.Variable

    def flat_queries(self, features: Features, seed: tf.Tensor | None) -> tf.Tensor:
        """Returns the query of each position, `[batch, dim] float32`."""
        ...

    def directions(self, vectors: tf.Tensor) -> tf.Tensor:
        """Returns rows of the video table as they are scored."""
        ...


class Tree(Model, Protocol):
    """A model whose video table holds the nodes of a tree.

    Attributes:
      head: Where the leaves are.
    """

    head: heads.Nodes
