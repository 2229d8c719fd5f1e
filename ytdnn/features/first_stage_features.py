"""The candidate model's score of the video, the source that proposes it, and its seed.

(PAPER §4.1.) Sources and seeds are informative only if a composition has several
sources (docs/design.md §8), so they are not read by default.
"""

import abc
from typing import ClassVar

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.features import base_feature, encodings
from ytdnn.log import log_tensors, prepared, raw_request

Positions = log_tensors.Positions
Replay = log_tensors.FirstStageReplay

OF_SOURCES = frozenset({"candidate_source", "seed_video"})  # that ask all sources
_NUM_SOURCES = len(configs.SOURCE_NAMES)


class FromCandidates(base_feature.ReadAtRequest):
    """A feature computed from the candidates' training watches.

    It exists only if their window ends before the ranker's begins: what has seen the
    ranker's watches would leak the clicks.
    """

    scope = base_feature.Scope.PAIR
    columns = ("impressions.time",)
    networks = frozenset({base_feature.RANKING})

    def exists(self, data: prepared.PreparedData) -> bool:
        """Whether the log has impressions in a window of the ranker's own."""
        has_columns = base_feature.Feature.exists(self, data)
        return has_columns and data.windows.has_own_window

    def missing_data(self, data: prepared.PreparedData) -> tuple[str, str, str]:
        """Returns the columns or windows that are missing, for an error."""
        if not base_feature.Feature.exists(self, data):
            return super().missing_data(data)
        return (
            "a window of the ranker's own, after that of the candidates' training,",
            f"data.protocol={data.config.protocol} without one, where the candidate "
            f"model has seen what was clicked,",
            "prepare with --protocol=temporal and no split column",
        )


class ReplayedFeature(FromCandidates):
    """A score or source of the first stage, replayed by the frozen model (DESIGN §7).

    Attributes:
      asks_sources: Whether it needs all candidate sources, or only the scores.
    """

    asks_sources: ClassVar[bool] = False

    @abc.abstractmethod
    def from_replay(self, replay: Replay, at: Positions) -> tf.Tensor:
        """Returns its value at positions, `[..., k]`."""

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Returns the reader of the replayed first stage."""
        replay = log.replay
        if replay is None:
            raise ValueError(f"expected a log with a replay for {self.name}")
        return lambda at: self.from_replay(replay, at)


class CandidateScore(encodings.Continuous, ReplayedFeature):
    """The candidate model's score; missing where it has no vector of the video."""

    name = "candidate_score"
    default_in = frozenset({base_feature.RANKING})
    missing = log_tensors.NO_SCORE

    def from_replay(self, replay: Replay, at: Positions) -> tf.Tensor:
        """Asks for the score."""
        return replay.scores(at)

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the score."""
        return request.candidate_scores


class CandidateSource(encodings.Categorical, ReplayedFeature):
    """The source that proposes the video, the first of several; unknown where none."""

    name = "candidate_source"
    asks_sources = True

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the number of sources."""
        return _NUM_SOURCES

    def from_replay(self, replay: Replay, at: Positions) -> tf.Tensor:
        """Asks for the source."""
        return _numbered(replay.sources(at))

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the source."""
        return _numbered(request.candidate_sources)


class SeedVideo(encodings.Categorical, ReplayedFeature):
    """The watch by which the co-watch source found the video, in the shared table."""

    name = "seed_video"
    is_video = asks_sources = True

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the size of the vocabulary."""
        return data.vocabulary_size

    def from_replay(self, replay: Replay, at: Positions) -> tf.Tensor:
        """Asks for the seed."""
        return replay.seed_videos(at)

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the seed."""
        return request.seed_videos


def _numbered(sources: tf.Tensor) -> tf.Tensor:
    """Returns sources with a fixed number; others are 0, unknown, for a ranker."""
    return tf.where(sources <= _NUM_SOURCES, sources, tf.zeros_like(sources))


FEATURES = (CandidateScore(), CandidateSource(), SeedVideo())
