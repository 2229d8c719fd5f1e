"""Whether a video is watched for long, for logs in which a click says little."""

from typing import Literal

import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.ranking import heads


@configs.validated
class LongViewConfig(configs.Extension):
    """Logistic regression of a watch of some seconds.

    Attributes:
      least_seconds: Watch time from which on an impression is a positive.
    """

    least_seconds: float = 30.0
    kind: Literal["long_view"] = "long_view"


@registries.HEADS.register("long_view", LongViewConfig)
class LongView(heads.Head):
    """One output, the log odds of a long view."""

    meaning = "probability of a long view"
    biases = (-2.0,)  # initial values of the outputs

    def __init__(self, config, clicks):
        self.least_seconds = config.least_seconds

    def losses(self, outputs, labels):
        """Returns the cross-entropy of each impression."""
        is_long = tf.cast(labels.seconds >= self.least_seconds, tf.float32)
        return tf.nn.sigmoid_cross_entropy_with_logits(is_long, outputs[..., 0])

    def predict(self, outputs, durations, calibration=heads.NOT_CALIBRATED):
        """Returns the order of impressions."""
        return heads.HeadPredictions(order=outputs[..., 0])

    def score(self, order):
        """Returns the probability of a long view."""
        return tf.sigmoid(order)
