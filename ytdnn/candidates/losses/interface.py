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


Columns = tuple[tf.Tensor, tf.Tensor]
"""Vectors of videos `[n, dim]` and their biases `[n]`, as they are scored."""


class Ages(Protocol):
    """What the age of a video says; `popularity_by_age.PopularityByAge` is one."""

    def offsets(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns what is added to scores, `[n, m] float32`."""
        ...

    def own_offsets(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns the same of each video at its own time, `[n] float32`."""
        ...

    def are_out(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns which videos were uploaded by each time, `[n, m] bool`."""
        ...


class Model(Protocol):
    """User vectors and the videos they are scored with; `CandidateModel` is one.

    Attributes:
      ages: What the age of a video says; None: nothing.
    """

    ages: Ages | None

    def flat_queries(self, features: Features, seed: tf.Tensor | None) -> tf.Tensor:
        """Returns the query of each position, `[batch, dim] float32`."""
        ...

    def columns(
        self,
        videos: tf.Tensor | None,
        seed: tf.Tensor | None,
        places: tf.Tensor | None = None,
        num_places: tf.Tensor | None = None,
    ) -> Columns:
        """Returns the columns of videos `[n]`, or of the whole vocabulary and 0.

        `places` and `num_places` say where each stands among the columns of all
        replicas, see `ytdnn.layers.randomness.keep_columns`.
        """
        ...


class Tree(Model, Protocol):
    """A model whose video table holds the nodes of a tree.

    Attributes:
      head: Where the leaves are.
      videos: The video table.
      bias: Variable `[num_videos + 1] float32`.
    """

    head: heads.Nodes
    videos: embeddings.Table
    bias: tf.Variable
