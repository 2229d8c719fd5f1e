"""The candidate model's score of the video for the user (PAPER §4.1)."""

import tensorflow as tf

from ytdnn.features import base_feature, encodings
from ytdnn.log import positions, prepared
from ytdnn.log import request as raw_request


class CandidateScore(encodings.Continuous, base_feature.Replayed):
    """The candidate model's score; missing where it has no vector of the video."""

    name = "candidate_score"
    default_in = frozenset({base_feature.RANKING})
    missing = positions.NO_SCORE

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Returns the reader of the first stage's scores.

        Raises:
          ValueError: The log was opened without a first stage.
        """
        if log.replay is None:
            raise ValueError(f"expected a log with a replay for {self.name}")
        return log.replay.scores

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader of the scores in the exported graph."""
        del data
        return base_feature.FromRequest(_read)


def _read(request: raw_request.Request) -> tf.Tensor:
    return request.candidate_scores


FEATURES = (CandidateScore(),)
