"""The interfaces of retrieval losses, of the model they train, and of its head.

A head gives the rows of the video table their meaning: under sampled and full softmax
each row is a video, under hierarchical softmax a node of a tree. It also holds other
variables that a loss needs, under the names that checkpoints use.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.log import prepared

Floats = npt.NDArray[np.float32]
Features = dict[str, tf.Tensor]
"""A batch from `ytdnn.log.inputs.cut`, with labels and weights."""

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
        """Returns the offset of each video at its own time, `[n] float32`."""
        ...

    def are_out(self, times: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether each video was uploaded by each time, `[n, m] bool`."""
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
        """Returns vectors and biases of videos `[n]`; None: of the vocabulary and 0.

        `places` and `num_places` are the position of each video among the columns of
        all replicas; see `ytdnn.layers.randomness.keep_columns`.
        """
        ...


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


class TableHead(Protocol):
    """Makes the videos' vectors from the trained table."""

    def initialise(self, data: prepared.PreparedData) -> None:
        """Fills the variables that are not trained, from the training watches."""
        ...

    def video_vectors(self, rows: Floats, bias: Floats) -> Floats:
        """Returns `[num_videos, dim + 1] float32`; row i is video index i + 1.

        Args:
          rows: `[num_videos + 1, dim]` of the video table, as they are scored.
          bias: `[num_videos + 1]`.
        """
        ...


class VideoRows(tf.Module):
    """Row i is video index i."""

    def initialise(self, data: prepared.PreparedData) -> None:
        """Does nothing: every row is trained."""

    def video_vectors(self, rows: Floats, bias: Floats) -> Floats:
        """Returns the rows with their biases as the last coordinate."""
        return np.concatenate([rows[1:], bias[1:, np.newaxis]], axis=1)
