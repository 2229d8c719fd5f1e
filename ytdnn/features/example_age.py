"""Example age: how long before the end of the training window (PAPER §3.3, figure 4).

Trained on weeks of data, a network learns a video's average popularity over them. With
each example's age as a feature, and 0 in serving, it follows changes of popularity. It
is meant for models that serve right after their training window: weeks later, age 0
still means the popularity at the end of training.
"""

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.features import base_feature
from ytdnn.layers import continuous
from ytdnn.log import positions, prepared


class ExampleAge(base_feature.TrainingOnly):
    """`(t_max − t) / (t_max − t_min)` of the training window, in [0, 1]; served 0.

    Examples after the window have age 0.
    """

    name = "example_age"
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = frozenset({base_feature.CANDIDATES})

    def measure(self, data: prepared.PreparedData) -> base_feature.Measured:
        """Returns no statistics: the age is a share already."""
        del data
        return base_feature.Measured()

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Reads the time of the request."""
        first, last = log.data.windows.training_window

        def read(at: positions.Positions) -> tf.Tensor:
            ages = tf.cast(last - at.times, tf.float32) / float(max(1, last - first))
            return tf.clip_by_value(ages, 0.0, 1.0)

        return read

    def encoder(
        self,
        measured: base_feature.Measured,
        stddev: float,
        normalization: configs.Normalization = base_feature.QUANTILES,
    ) -> tf.keras.layers.Layer:
        """Returns the age itself, one coordinate."""
        del measured, stddev, normalization
        return continuous.AlwaysKnown(name=self.name)


FEATURES = (ExampleAge(),)
