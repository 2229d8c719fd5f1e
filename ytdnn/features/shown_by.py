"""Source, score and seed video of a logged impression.

Only logged impressions have them, so they are training-only features: a ranker that
reads them in training, and serves without them, is less biased by the old recommender's
choice, as with the position (`ytdnn/features/position.py`). They are read only if a
config adds them.
"""

import tensorflow as tf

from ytdnn.features import base_feature, encodings, position
from ytdnn.log import positions, prepared


class ImpressionSource(position.RelativeClickRate):
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


FEATURES = (ImpressionSource(), ImpressionScore(), ImpressionSeedVideo())
