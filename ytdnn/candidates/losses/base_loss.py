"""The interface of retrieval losses, and the model interface they need."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
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


class AgeOffsets(Protocol):
    """The effect of a video's age on scores, as `popularity_by_age.PopularityByAge`."""

    def offsets(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns the offsets of scores, `[n, m] float32`."""
        ...

    def own_offsets(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns the same of each video at its own time, `[n] float32`."""
        ...

    def are_out(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns which videos were uploaded by each time, `[n, m] bool`."""
        ...


class ScoredModel(Protocol):
    """User vectors and the videos they are scored with; `CandidateModel` is one.

    Attributes:
      ages: Effect of a video's age on scores; None: there is none.
    """

    ages: AgeOffsets | None

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


class Tree(ScoredModel, Protocol):
    """A model with tree nodes as the rows of its video table.

    Attributes:
      head: Head with the leaves.
      videos: The video table.
      bias: Variable `[num_videos + 1] float32`.
    """

    head: heads.NodeRows
    videos: embeddings.EmbeddingTable
    bias: tf.Variable


@dataclasses.dataclass(frozen=True)
class Learner:
    """The inputs of a loss, other than its own settings.

    Attributes:
      model: The model trained, with the head of that loss.
      label_counts: `[num_videos]` labels an epoch draws of each video.
      precision: Dtype of the products.
      teachers: Trained networks to learn from.
      distillation: Share of the teachers' prediction in the target.
    """

    model: ScoredModel
    label_counts: np.ndarray
    precision: str
    teachers: Sequence[ScoredModel] = ()
    distillation: float = 0.0
