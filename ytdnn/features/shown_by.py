"""Source, score and seed video by which a logged impression came to be shown.

They are known of logged impressions alone, so they are training-only: a ranker that
sees them in training, and serves without them, takes less of the old recommender's
choice for the users' taste, as with the position (`ytdnn/features/position.py`). They
are read only where a config adds them.
"""

import tensorflow as tf

from ytdnn.features import base_feature, encodings, position
from ytdnn.log import positions, prepared


class ImpressionSource(position.RelativeClickRate):
    """The logged candidate source, entered as log(its click rate / that of all)."""

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
        """Reads the score of the logged impression, unknown of any other video."""

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
        """Reads the seed of the logged impression, 0 of any other video."""

        def read(at: positions.Positions) -> tf.Tensor:
            found = log.of_event("seed_videos", at, 0)
            return tf.broadcast_to(found[..., tf.newaxis], tf.shape(at.videos))

        return read


FEATURES = (ImpressionSource(), ImpressionScore(), ImpressionSeedVideo())
