"""Cosine contrastive loss (SimpleX: Mao et al., CIKM 2021)."""

from typing import Any, Literal

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.base.configs import components
from ytdnn.candidates.losses import base_loss


@configs.validated
class CosineContrastiveConfig(configs.Extension):
    """Cosine contrastive loss: only negatives above a margin count (SimpleX).

    Meant for `similarity=cosine` with a temperature of 1.

    Attributes:
      num_negatives: Sampled negatives per step, shared by its examples.
      proposal_exponent: Negatives are drawn in proportion to label count to this
        power; 0 = uniformly, as published.
      margin: Score up to which a negative counts nothing.
      negative_weight: Weight of the negatives' mean; 1 weighs them as the label.
    """

    num_negatives: components.Positive = 256
    proposal_exponent: components.Share = 0.0
    margin: components.Share = 0.4
    negative_weight: components.PositiveFloat = 10.0
    kind: Literal["cosine_contrastive"] = "cosine_contrastive"


@registries.LOSSES.register("cosine_contrastive", CosineContrastiveConfig)
class CosineContrastive(tf.keras.losses.Loss):
    """(1 − score of the label) + weight · mean of max(0, score − margin) of negatives.

    Negatives that do not count for an example (`pairwise.from_keras`) are far below
    every margin, but are counted in the mean.
    """

    def __init__(
        self, config: CosineContrastiveConfig, learner: base_loss.Learner | None = None
    ) -> None:
        """Keeps the settings.

        Args:
          config: Margin and weight.
          learner: Not read.
        """
        super().__init__()
        del learner
        self._config = config
        self._margin = config.margin
        self._weight = config.negative_weight

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments, for `from_config`."""
        return {"config": configs.to_dict(self._config)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CosineContrastive":
        """Returns the loss that `get_config` describes."""
        return cls(configs.component(CosineContrastiveConfig, config["config"]))

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns the losses, `[batch] float32`.

        Args:
          y_true: `[batch, 1 + negatives]`, 1 in column 0.
          y_pred: Scores of the same shape.
        """
        del y_true
        negatives = tf.nn.relu(y_pred[:, 1:] - self._margin)
        return 1.0 - y_pred[:, 0] + self._weight * tf.reduce_mean(negatives, axis=1)
