"""The inputs of the user tower: features and sequences, and their tensors.

Features are chosen by the config among those the log has, measured on the training
watches, and kept with the model; all other code uses this one list.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, errors, schema
from ytdnn.features import base_feature, reading, registry
from ytdnn.log import inputs, positions, prepared, streaming

if TYPE_CHECKING:
    from ytdnn.candidates import content

_FEATURES = "features.json"
CONTENT = "content.json"
_POSITIONS_A_PART = 1 << 16
_NUM_QUANTILES = 100  # of each continuous feature


@dataclasses.dataclass(frozen=True)
class TowerInputs:
    """The inputs of a user tower.

    Attributes:
      vocabulary_size: Videos with an id embedding.
      num_tokens: Size of the vocabulary of search tokens, 0 where searches are not
        read.
      features: Features of users and requests.
      measured: Statistics that their encoders need.
      of_videos: Inputs of the content side; None: videos have only ids.
    """

    vocabulary_size: int
    num_tokens: int = 0
    features: tuple[base_feature.Feature, ...] = ()
    measured: reading.Statistics = dataclasses.field(default_factory=dict)
    of_videos: "content.ContentInputs | None" = None

    @property
    def sees_request_time(self) -> bool:
        """Whether the time of the request is read; reports of evaluation state this."""
        return any(feature.sees_request_time for feature in self.features)


def from_config(
    config: configs.CandidatesConfig, data: prepared.PreparedData
) -> TowerInputs:
    """Returns the inputs of a user tower, measured on the training data of a set.

    Raises:
      errors.UserError: The config names an unknown feature.
    """
    features = registry.choose(base_feature.CANDIDATES, data, config.features)
    training = inputs.training_set(data)
    examples = _training_features(features, training, config.window_events)
    measured = reading.measure(features, data, examples, _NUM_QUANTILES)
    of_videos = None
    if config.content.enabled:
        from ytdnn.candidates import content

        of_videos = content.from_config(config, data)
    return _inputs(config, data, features, measured, of_videos)


def _inputs(
    config: configs.CandidatesConfig, data: prepared.PreparedData, *parts: Any
) -> TowerInputs:
    num_tokens = data.catalogue.tokens.height if config.search_length else 0
    return TowerInputs(data.vocabulary_size, num_tokens, *parts)


def _training_features(
    features: registry.Features, training: prepared.PreparedData, window_events: int
) -> Iterator[reading.Tensors]:
    """Yields the features of all training positions, part by part."""
    opener = functools.partial(reading.open_log, features)
    for window in streaming.ShardWindows(training, window_events):
        log = positions.load_watches(window, opener, with_searches=False)
        for start in range(0, log.num_watches, _POSITIONS_A_PART):
            stop = min(start + _POSITIONS_A_PART, log.num_watches)
            rows = tf.range(start, stop, dtype=tf.int64)[:, tf.newaxis]
            yield inputs.labels(log, rows, tf.ones_like(rows, tf.bool))


def like(
    trained: TowerInputs, config: configs.CandidatesConfig, data: prepared.PreparedData
) -> TowerInputs:
    """Returns the inputs of a trained tower, measured on a grown log.

    Args:
      trained: Inputs of the trained tower.
      config: Settings it was trained with.
      data: Prepared set of the grown log.

    Raises:
      errors.UserError: This version would read other features.
    """
    grown = from_config(config, data)
    if list(grown.measured) != list(trained.measured):
        raise errors.UserError(
            f"expected a model that reads {', '.join(grown.measured)}, as this version "
            f"would train it, found one that reads {', '.join(trained.measured)}: "
            f"train it again"
        )
    old = trained.measured
    measured = reading.with_old_widths(grown.measured, grown.features, old)
    return dataclasses.replace(grown, measured=measured)


def open_log(
    inputs: TowerInputs, data: prepared.PreparedData, serving: bool = False
) -> positions.WatchLog:
    """Returns the tensors that a user tower reads at a prepared set's watches.

    Args:
      inputs: Inputs of the tower.
      data: The prepared set.
      serving: Whether training-only features have their serving value.
    """

    def opener(log: positions.LogTensors) -> Mapping[str, positions.Reader]:
        readers = reading.open_log(inputs.features, log, serving)
        if not inputs.sees_request_time:
            return readers
        return {**readers, schema.REQUEST_TIMES: lambda at: at.times}

    return positions.load_watches(data, opener, with_searches=inputs.num_tokens > 0)


def contexts(
    config: configs.CandidatesConfig,
    log: positions.WatchLog,
    users: np.ndarray,
    ends: np.ndarray,
    num_searches: np.ndarray | None = None,
    impressions: np.ndarray | None = None,
) -> inputs.Features:
    """Returns the tower's inputs before given watches, slices of one position.

    Args:
      config: Settings of the lengths of sequences.
      log: The log from `open_log`, for serving.
      users: `[n]` user indices.
      ends: `[n]` flat positions where each user's context ends.
      num_searches: `[n]` of the user's searches that count; None: those before the
        watch.
      impressions: `[n]` rows of impressions, if these are the requests; None: watches
        are.
    """
    return inputs.contexts(
        log,
        users,
        ends,
        config.history_length,
        config.search_length,
        num_searches,
        impressions,
    )


def write(inputs: TowerInputs, directory: pathlib.Path) -> None:
    """Writes the inputs of a trained tower and its videos, apart from the weights."""
    reading.write(directory / _FEATURES, inputs.measured)
    if inputs.of_videos is not None:
        inputs.of_videos.write(directory)


def read(
    directory: pathlib.Path,
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
) -> TowerInputs:
    """Returns the inputs of a trained tower, from the files kept with it.

    Raises:
      errors.UserError: This version, or the prepared set, has no such feature.
    """
    measured = reading.read_file(directory / _FEATURES)
    features = registry.named(base_feature.CANDIDATES, list(measured), data)
    of_videos = None
    if (directory / CONTENT).exists():
        from ytdnn.candidates import content

        of_videos = content.read(directory, data)
    return _inputs(config, data, features, measured, of_videos)
