"""The ranking model: built from a prepared set, saved, loaded, and scoring."""

import dataclasses
import json
import pathlib

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import artifacts, configs, errors, schema
from ytdnn.data import prepared
from ytdnn.ranking import exposures, features, network, statistics

KIND = "ranking"
WEIGHTS = "weights"
STATISTICS = "statistics.json"
_PAIRS_A_STEP = 1 << 14

Logits = npt.NDArray[np.float32]


class RankingModel:
    """A ranking network and the prepared set it scores.

    Attributes:
      config: Sizes.
      measured: Statistics of its training impressions.
      network: The Keras model, features to logits.
    """

    def __init__(
        self, config: configs.Ranking, measured: statistics.Statistics
    ) -> None:
        """Creates the model with fresh weights."""
        self.config = config
        self.measured = measured
        self.network = network.RankingNetwork(config, measured)
        self._logits = tf.function(self.network, reduce_retracing=True)

    def scores(
        self, data: prepared.PreparedData, impression_rows: npt.NDArray[np.int64]
    ) -> Logits:
        """Returns the logit of each impression of the log, `[n] float32`.

        Args:
          data: With impressions.
          impression_rows: `[n]` rows of the impression arrays.
        """
        log = features.ImpressionLog(data, self.config.history_length)
        logits = [
            self._logits(log.features(tf.constant(impression_rows[part], tf.int64)))
            for part in _parts(len(impression_rows), _PAIRS_A_STEP)
        ]
        return np.concatenate([np.zeros([0, 1], np.float32), *logits])[:, 0]

    def score_candidates(
        self,
        data: prepared.PreparedData,
        users: npt.NDArray[np.integer],
        end_watches: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        video_indices: npt.NDArray[np.integer],
    ) -> Logits:
        """Returns the logit of each candidate, `[n, k] float32`.

        Args:
          data: With impressions.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's history ends (the watch
            there is not in it).
          times: `[n]` of the requests, seconds since the epoch, 0 = unknown.
          video_indices: `[n, k]` candidates.
        """
        log = features.ImpressionLog(data, self.config.history_length)
        seen = exposures.Exposures(data)
        k = video_indices.shape[1]
        logits = [np.zeros([0, k], np.float32)]
        for part in _parts(len(users), max(1, _PAIRS_A_STEP // max(1, k))):
            videos, time = video_indices[part], tf.constant(times[part], tf.int64)
            num_earlier, earlier_times = seen.before(users[part], times[part], videos)
            query = log.query(
                tf.constant(users[part], tf.int32),
                tf.constant(end_watches[part], tf.int64),
                time,
            )
            pairs = features.impression_features(
                tf.constant(videos, tf.int32),
                tf.constant(num_earlier),
                tf.constant(earlier_times),
                time,
            )
            logits.append(self._logits(query | pairs).numpy())
        return np.concatenate(logits)


def build(config: configs.Ranking, data: prepared.PreparedData) -> RankingModel:
    """Returns a model with fresh weights, normalised on the training impressions.

    Raises:
      errors.UserError: The log has no impressions to train or validate on.
    """
    rows = split_rows(data, prepared.Split.TRAIN)
    split_rows(data, prepared.Split.VALIDATION)
    measured = statistics.measure(data, rows, config.num_quantiles)
    return RankingModel(config, measured)


def split_rows(
    data: prepared.PreparedData, split: prepared.Split
) -> npt.NDArray[np.int64]:
    """Returns the impression rows of a split, at least one.

    Raises:
      errors.UserError: There are none.
    """
    if not data.has_impressions:
        raise errors.UserError(
            f"expected a table {schema.IMPRESSIONS} for the ranker to train on, found "
            f"none in {data.directory}: add it to the log, or leave the ranker out"
        )
    rows = np.flatnonzero(data.impression_splits == split)
    if not len(rows):
        raise errors.UserError(
            f"expected {schema.IMPRESSIONS} in the ranker's {split.name.lower()} "
            f"window, found none in {data.directory}: change data.ranking_fraction or "
            f"data.validation_fraction, or leave the ranker out"
        )
    return rows


def save(model: RankingModel, directory: pathlib.Path) -> None:
    """Writes weights and statistics into an artefact directory being published."""
    tf.train.Checkpoint(model=model.network).write(str(directory / WEIGHTS))
    artifacts.write_json(directory / STATISTICS, dataclasses.asdict(model.measured))


def load(directory: pathlib.Path, data: prepared.PreparedData) -> RankingModel:
    """Loads the trained model of an artefact.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    directory = pathlib.Path(directory)
    manifest = artifacts.read_manifest(directory, KIND)
    artifacts.require_input(manifest, directory, prepared.KIND, data.manifest)
    config = artifacts.read_config(manifest, directory, configs.Config).ranking
    values = json.loads((directory / STATISTICS).read_text())
    model = RankingModel(config, configs.component(statistics.Statistics, values))
    checkpoint = tf.train.Checkpoint(model=model.network)
    checkpoint.read(str(directory / WEIGHTS)).assert_existing_objects_matched()
    return model


def _parts(size: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, size, step)]
