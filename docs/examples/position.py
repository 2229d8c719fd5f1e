"""The position of a logged impression: a training-only feature of the ranker.

    ytdnn train --workdir=RUN --config.extensions=position.py \
        --config.ranking.features.add=position --stage=ranking

A higher position is clicked more often for any video. A ranker that does not read the
position learns the order of the recommender that filled the slates. A ranker that reads
it in training, with the same position for every video in serving, orders videos as if
all were shown at the same place.

The served position decides the scale. At the first position expected seconds would be
far above the average of the log. So the input is the logarithm of the position's click
rate relative to all positions, and 0 in serving: an average position, with the expected
seconds of an average impression. Hiding the position from a share of the examples
("position dropout") would be no remedy: a network that sees whether the position is
hidden learns, for hidden ones, just the predictions it would have learned without it.

If the logged order followed the users' taste, as
in the synthetic world, the position also predicts the user's liking, and takes weight
from every feature that does: on validation the ranker is better without it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn import registries
from ytdnn.base import schema
from ytdnn.features import base_feature
from ytdnn.log import events, log_tensors, prepared

_SMOOTHING_IMPRESSIONS = 10.0  # average ones, added to each position's


class NumberOfIndex(tf.keras.layers.Layer):
    """Maps each index to its number, one coordinate; 0 for an index without one."""

    def __init__(self, numbers: Sequence[float], **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          numbers: Numbers of the indices 0, 1, ….
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.numbers = tuple(float(number) for number in numbers)

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 1] float32` for `indices [...]` of any numeric type."""
        size = len(self.numbers)
        places = tf.cast(indices, tf.int32)
        places = tf.where((places >= 0) & (places < size), places, size)
        known = tf.constant([*self.numbers, 0.0], tf.float32)
        return tf.gather(known, places)[..., tf.newaxis]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {**super().get_config(), "numbers": self.numbers}


@registries.FEATURES.register("position")
class Position(base_feature.TrainingOnly):
    """The place in the slate, as log(its click rate / that of all places).

    Rates are counted over the ranker's training impressions, with ten average ones
    added to each place. An unknown place, and the served value (-1), count as average.
    """

    name = schema.POSITION
    columns = ("impressions.position",)
    scope = base_feature.Scope.PAIR
    networks = frozenset({base_feature.RANKING})
    serving_value = -1.0

    def measure(self, data: prepared.PreparedData) -> base_feature.FeatureStatistics:
        """Returns the logarithm of each place's relative click rate."""
        impressions, clicks = np.zeros((2, 1), np.int64)
        for log in data.log.each_shard():
            shown = log.impressions
            rows = np.flatnonzero(np.asarray(shown.splits) == events.Split.TRAIN)
            places = np.asarray(shown.positions)[rows] + 1  # 0: not known
            size = max(len(impressions), int(places.max(initial=0)) + 1)
            counts = np.bincount(places, minlength=size)
            clicked = np.bincount(places, np.asarray(shown.clicked)[rows], size)
            more = [0, size - len(impressions)]
            impressions = np.pad(impressions, more) + counts
            clicks = np.pad(clicks, more) + clicked.astype(np.int64)
        mean = float(clicks.sum()) / max(1.0, float(impressions.sum()))
        if mean == 0.0:
            return base_feature.FeatureStatistics()
        rates = (clicks / mean + _SMOOTHING_IMPRESSIONS)[1:]
        rates /= (impressions + _SMOOTHING_IMPRESSIONS)[1:]
        return base_feature.FeatureStatistics(numbers=tuple(np.log(rates).tolist()))

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Returns the reader of the logged impression's place, -1 for other videos."""

        def read(at: log_tensors.Positions) -> tf.Tensor:
            places = tf.cast(log.event_field("positions", at, -1), tf.float32)
            return tf.broadcast_to(places[..., tf.newaxis], tf.shape(at.videos))

        return read

    def encoder(
        self,
        measured: base_feature.FeatureStatistics,
        settings: base_feature.EncoderSettings,
    ) -> tf.keras.layers.Layer:
        """Returns the logarithm of the number, one coordinate."""
        return NumberOfIndex(measured.numbers, name=self.name)
