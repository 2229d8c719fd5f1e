"""Retrieval losses with one interface (PAPER §3.1), chosen by the config.

A loss registers a factory (settings, `Learner`) → `Loss`, or a `tf.keras.losses.Loss`
with settings `num_negatives` and `proposal_exponent`. A row of the video table is a
video, unless the loss registers a head that gives the rows another meaning, and its
settings have `rows_are_videos` false (docs/examples/hierarchical_softmax.py). A head
also holds other variables that a loss needs.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs, errors, registries
from ytdnn.log import prepared

if TYPE_CHECKING:
    from ytdnn.candidates import model as candidate_model

Floats = npt.NDArray[np.float32]
Features = dict[str, tf.Tensor]
"""A batch from `ytdnn.log.slice_batches.cut`, with labels and weights."""

Loss = Callable[[Features, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""(batch of one replica, seed `[2] int32`) → the sum over its examples of weight ·
cross-entropy, and the sum of weights, so that one and two replicas give one loss."""


Columns = tuple[tf.Tensor, tf.Tensor]
"""Vectors of videos `[n, dim]` and their biases `[n]`, as they are scored."""


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

    model: "candidate_model.CandidateModel"
    label_counts: np.ndarray
    precision: str
    teachers: "Sequence[candidate_model.CandidateModel]" = ()
    distillation: float = 0.0


class TableHead(Protocol):
    """Makes the videos' vectors from a trained table whose rows are no videos."""

    def initialise(self, data: prepared.PreparedData) -> None:
        """Fills the variables that are not trained, from the training watches."""

    def video_vectors(self, rows: Floats, bias: Floats) -> Floats:
        """Returns `[num_videos, dim + 1] float32`; row i is video index i + 1.

        Args:
          rows: `[num_videos + 1, dim]` of the video table, as they are scored.
          bias: `[num_videos + 1]`.
        """


def make_head(config: configs.CandidatesConfig, num_videos: int) -> TableHead | None:
    """Returns the head of the configured loss; None: row i is video index i.

    Raises:
      errors.UserError: Other settings need rows that are videos.
    """
    make = registries.LOSSES[config.loss.kind].head
    if make is None:
        return None
    if config.similarity != "dot" or config.initial_vectors != "random":
        raise errors.UserError(
            f"expected similarity dot and initial_vectors random for "
            f"{config.loss.kind}, whose rows are no videos, received "
            f"{config.similarity} and {config.initial_vectors}"
        )
    return make(config.loss, num_videos)


def make(
    config: configs.CandidatesConfig,
    model: "candidate_model.CandidateModel",
    label_counts: np.ndarray,
    teachers: "Sequence[candidate_model.CandidateModel]" = (),
) -> Loss:
    """Returns the configured loss.

    Args:
      config: Which loss, and its settings.
      model: The model trained, with the head of that loss.
      label_counts: `[num_videos]` labels an epoch draws of each video.
      teachers: Trained networks that full softmax learns from with `distillation`.
    """
    learner = Learner(
        model, label_counts, config.precision, teachers, config.distillation
    )
    kind = config.loss.kind
    loss: Loss = registries.LOSSES.made(kind, Callable, config.loss, learner)
    if isinstance(loss, tf.keras.losses.Loss):
        from ytdnn.candidates.losses import pairwise

        return pairwise.Pairwise(loss, config.loss, learner, f"loss {kind}")
    return loss
