"""The candidate source that proposes the video, and its seed watch (PAPER §4.1).

They are informative only if a composition has several sources (docs/design.md §8), so
they are not read by default.
"""

import abc

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.features import base_feature, encodings
from ytdnn.log import positions, prepared
from ytdnn.log import request as raw_request

_NUM_SOURCES = len(configs.SOURCE_NAMES)


class _OfSources(encodings.Categorical, base_feature.Replayed):
    """Base class of indices that the candidate sources give each video."""

    asks_sources = True

    @abc.abstractmethod
    def of_replay(
        self, replay: positions.FirstStageReplay, at: positions.Positions
    ) -> tf.Tensor:
        """Returns its value at positions, `[..., k] int32`."""

    @abc.abstractmethod
    def of_request(self, request: raw_request.Request) -> tf.Tensor:
        """Returns its value from requests, `[batch, k] int32`."""

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Returns the reader of the first stage's sources.

        Raises:
          ValueError: The log was opened without a first stage.
        """
        replay = log.replay
        if replay is None:
            raise ValueError(f"expected a log with a replay for {self.name}")
        return lambda at: self.of_replay(replay, at)

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader of the sources in the exported graph."""
        del data
        return base_feature.FromRequest(self.of_request)


class CandidateSource(_OfSources):
    """The source that proposes the video, the first of several; unknown where none."""

    name = "candidate_source"

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the number of sources."""
        del data
        return _NUM_SOURCES

    def of_replay(
        self, replay: positions.FirstStageReplay, at: positions.Positions
    ) -> tf.Tensor:
        """Asks for the source."""
        return _numbered(replay.sources(at))

    def of_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the source."""
        return _numbered(request.candidate_sources)


class SeedVideo(_OfSources):
    """The watch by which the co-watch source found the video, in the shared table."""

    name = "seed_video"
    is_video = True

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the size of the vocabulary."""
        return data.vocabulary_size

    def of_replay(
        self, replay: positions.FirstStageReplay, at: positions.Positions
    ) -> tf.Tensor:
        """Asks for the seed."""
        return replay.seed_videos(at)

    def of_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the seed."""
        return request.seed_videos


def _numbered(sources: tf.Tensor) -> tf.Tensor:
    """Returns sources with a fixed number; others are 0, unknown, for a ranker."""
    return tf.where(sources <= _NUM_SOURCES, sources, tf.zeros_like(sources))


FEATURES = (CandidateSource(), SeedVideo())
