"""The running mean of the watches, through a layer."""

from typing import Literal

import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.features.sequences import sequence_encoder


@configs.validated
class RunningMeanConfig(configs.EncoderExtension):
    """A layer on the mean of the watches so far.

    Attributes:
      activation: Activation of the layer.
    """

    activation: str = "relu"
    kind: Literal["running_mean"] = "running_mean"


@registries.ENCODERS.register("running_mean", RunningMeanConfig)
class RunningMean(sequence_encoder.SequenceEncoder):
    """The encoder of `RunningMeanConfig`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.layer = tf.keras.layers.Dense(self.dim, self.own_config.activation)

    def states(self, history, seed):
        """Returns the state after each row, `[slices, rows, dim]`."""
        mask = tf.cast(history.mask, tf.float32)
        number = tf.reduce_sum(mask, axis=-1, keepdims=True)
        return self.layer(tf.math.divide_no_nan(mask @ history.rows, number))
