"""The position, source, score and seed of a logged impression (PAPER §4.1).

Only logged impressions have them, so they are training-only features: a ranker that
reads them in training, and serves without them, is less biased by the old recommender's
choice. They are read only if a config adds them.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, encodings
from ytdnn.layers import continuous
from ytdnn.log import events, positions, prepared, user_log

_SMOOTHING_IMPRESSIONS = 10.0  # average ones, added to each position's

Counts = npt.NDArray[np.int64]


class RelativeClickRate(base_feature.TrainingOnly):
    """A number of the logged impression, as log(its click rate / that of all).

    Rates are counted over the ranker's training impressions, with ten average ones
    added to each number. An unknown number, and the served value (-1), count as
    average: 0.

    Attributes:
      field: Array of the log's impressions, of integers.
      unknown: Value of the array for unknown numbers, one below the first number.
    """

    scope = base_feature.Scope.PAIR
    networks = frozenset({base_feature.RANKING})
    serving_value = -1.0
    field: ClassVar[str]
    unknown: ClassVar[int] = -1

    def measure(self, data: prepared.PreparedData) -> base_feature.Measured:
        """Returns the logarithm of each number's relative click rate."""
        of_shards = [self._counts(shard) for shard in data.log.each_shard()]
        impressions, clicks = (_sum(found) for found in zip(*of_shards, strict=True))
        mean = float(clicks.sum()) / max(1.0, float(impressions.sum()))
        if mean == 0.0:
            return base_feature.Measured()
        impressions, clicks = impressions[1:], clicks[1:]  # the first: not known
        rates = (clicks / mean + _SMOOTHING_IMPRESSIONS) / (
            impressions + _SMOOTHING_IMPRESSIONS
        )
        return base_feature.Measured(numbers=tuple(np.log(rates).tolist()))

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Returns the reader of the logged impression's number, -1 for other videos."""

        def read(at: positions.Positions) -> tf.Tensor:
            found = log.of_event(self.field, at, self.unknown)
            numbers = tf.cast(found - (self.unknown + 1), tf.float32)
            return tf.broadcast_to(numbers[..., tf.newaxis], tf.shape(at.videos))

        return read

    def encoder(
        self, measured: base_feature.Measured, settings: base_feature.EncoderSettings
    ) -> tf.keras.layers.Layer:
        """Returns the logarithm of the number, one coordinate."""
        name = encodings.layer_name(self.name)
        return continuous.NumberOfIndex(measured.numbers, name=name)

    def _counts(self, log: user_log.UserLog) -> tuple[Counts, Counts]:
        """Returns training impressions and clicks by number, with unknown first."""
        shown = log.impressions
        rows = np.flatnonzero(np.asarray(shown.splits) == events.Split.TRAIN)
        places = np.asarray(getattr(shown, self.field))[rows] - self.unknown
        clicks = np.bincount(places, np.asarray(shown.clicked)[rows], minlength=1)
        return np.bincount(places, minlength=1), clicks.astype(np.int64)


def _sum(of_shards: Sequence[Counts]) -> Counts:
    """Returns counts added up that are of different lengths."""
    total = np.zeros(max(map(len, of_shards)), np.int64)
    for counts in of_shards:
        total[: len(counts)] += counts
    return total


class Position(RelativeClickRate):
    """The place in the slate, as log(its click rate / that of all places).

    A higher position is clicked more often for any video. A ranker that does not read
    the position learns the order of the recommender that filled the slates. A ranker
    that reads it in training, with the same position for every video in serving, orders
    videos as if all were shown at the same place.

    The served position decides the scale. At the first position expected seconds would
    be far above the average of the log. So the input is the logarithm of the position's
    click rate relative to all positions, and 0 in serving: an average position, with
    the expected seconds of an average impression. Hiding the position from a share of
    the examples ("position dropout") would be no remedy: a network that sees whether
    the position is hidden learns, for hidden ones, just the predictions it would have
    learned without it.

    If the logged order followed the users' taste, as in the synthetic world, the
    position also predicts the user's liking, and takes weight from every feature that
    does: on validation the ranker is better without it.
    """

    name = schema.POSITION
    columns = ("impressions.position",)
    field = "positions"


class ImpressionSource(RelativeClickRate):
    """The logged candidate source, as log(its click rate / that of all)."""

    name = "impression_source"
    columns = ("impressions.source",)
    field = "sources"
    unknown = 0


class ImpressionScore(encodings.Continuous, base_feature.TrainingOnly):
    """The score that the logged source gave the video; unknown when serving."""

    name = "impression_score"
    scope = base_feature.Scope.PAIR
    columns = ("impressions.score",)
    networks = frozenset({base_feature.RANKING})
    missing = serving_value = positions.NO_SCORE

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Returns the reader of the logged impression's score; others are unknown."""

        def read(at: positions.Positions) -> tf.Tensor:
            found = log.of_event("scores", at, self.missing)
            found = tf.where(tf.math.is_nan(found), self.missing, found)
            return tf.broadcast_to(found[..., tf.newaxis], tf.shape(at.videos))

        return read


class ImpressionSeedVideo(encodings.Categorical, base_feature.TrainingOnly):
    """The watched video that the log says it was proposed for; none when serving."""

    name = "impression_seed_video"
    scope = base_feature.Scope.PAIR
    columns = ("impressions.seed_video_id",)
    networks = frozenset({base_feature.RANKING})
    is_video = True
    serving_value = 0

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the size of the vocabulary."""
        return data.vocabulary_size

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Returns the reader of the logged impression's seed, 0 for other videos."""

        def read(at: positions.Positions) -> tf.Tensor:
            found = log.of_event("seed_videos", at, 0)
            return tf.broadcast_to(found[..., tf.newaxis], tf.shape(at.videos))

        return read


FEATURES = (Position(), ImpressionSource(), ImpressionScore(), ImpressionSeedVideo())
