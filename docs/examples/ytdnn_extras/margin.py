"""Sampled softmax without a correction, with a margin for the label."""

from typing import Literal

import tensorflow as tf

from ytdnn import configs, registries


@configs.validated
class MarginConfig(configs.Extension):
    """Cross-entropy of the label among the negatives, its score lowered by a margin.

    Attributes:
      margin: By which the label's score is lowered.
      num_negatives: Sampled negatives per step, shared by its examples.
      proposal_exponent: Negatives are drawn by label count to this power.
    """

    margin: float = 0.5
    num_negatives: int = 256
    proposal_exponent: float = 0.0
    kind: Literal["margin"] = "margin"


@registries.LOSSES.register("margin", MarginConfig)
class MarginSoftmax(tf.keras.losses.Loss):
    """The loss of `MarginConfig`."""

    def __init__(self, config, learner):
        super().__init__()
        self.margin = config.margin

    def call(self, y_true, y_pred):
        """Returns `[batch]` losses of scores `[batch, 1 + negatives]`."""
        scores = y_pred - self.margin * y_true
        return -tf.reduce_sum(y_true * tf.nn.log_softmax(scores), axis=1)
