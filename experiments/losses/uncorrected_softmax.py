"""Softmax over sampled negatives without the logQ correction, to compare with it."""

from typing import Any, Literal

import tensorflow as tf

from ytdnn import configs, registries


@configs.validated
class UncorrectedConfig(configs.Extension):
    """The negatives, drawn as those of sampled softmax."""

    num_negatives: int = 1024
    proposal_exponent: float = 0.75
    kind: Literal["uncorrected_softmax"] = "uncorrected_softmax"


@registries.LOSSES.register("uncorrected_softmax", UncorrectedConfig)
class UncorrectedSoftmax(tf.keras.losses.Loss):
    """Cross-entropy of the label among the negatives, whatever drew these."""

    def __init__(self, config: UncorrectedConfig, learner: Any) -> None:
        """Reads no settings; `config` is of the draws."""
        super().__init__()

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns `[batch]` losses of scores `[batch, 1 + negatives]`."""
        return -tf.reduce_sum(y_true * tf.nn.log_softmax(y_pred), axis=1)
