"""The ranking model: built from a prepared set, saved, loaded, and scoring."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import artifacts, configs, errors, schema
from ytdnn.data import prepared
from ytdnn.features import interface as features_interface
from ytdnn.features import reading, registry
from ytdnn.layers import weights
from ytdnn.ranking import inputs, losses, network, predictions

KIND = "ranking"
STATISTICS = "statistics.json"
_PAIRS_A_STEP = 1 << 14
_ROWS_A_STEP = 1 << 16

Logits = npt.NDArray[np.float32]


class RankingModel:
    """A ranking network and the features it reads.

    Attributes:
      config: Sizes.
      features: What it reads beside the videos shown and watched.
      measured: Statistics of its training impressions.
      network: The Keras model, tensors to logits.
    """

    def __init__(
        self,
        config: configs.Ranking,
        data: prepared.PreparedData,
        chosen: registry.Features,
        measured: network.Statistics,
    ) -> None:
        """Creates the model with fresh weights, all its variables made."""
        self.config = config
        self.features = chosen
        self.measured = measured
        self.network = network.RankingNetwork(config, chosen, measured)
        log = inputs.ImpressionLog(data, chosen, config.history_length, serving=True)
        self.network(log.impressions(tf.zeros([1], tf.int64)))
        self._logits = tf.function(self.network, reduce_retracing=True)

    def facts(self) -> dict[str, object]:
        """Returns what a manifest says of the model."""
        return {"features": [feature.name for feature in self.features]}

    def readings(
        self,
        data: prepared.PreparedData,
        users: npt.NDArray[np.integer],
        end_watches: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        video_indices: npt.NDArray[np.integer],
    ) -> dict[str, npt.NDArray]:
        """Returns what each feature reads of candidates, `[n, …]` by its name.

        Args:
          data: With impressions.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's history ends.
          times: `[n]` of the requests, seconds since the epoch, 0 = unknown.
          video_indices: `[n, k]` catalogue indices of candidates.
        """
        log = self.open_log(data)
        tensors = _candidates(log, users, end_watches, times, video_indices)
        return {f.name: tensors[f.name].numpy() for f in self.features}

    def open_log(
        self, data: prepared.PreparedData, serving: bool = True
    ) -> inputs.ImpressionLog:
        """Returns what the network reads of a prepared set.

        Args:
          data: With impressions.
          serving: Whether training-only features have their serving value.
        """
        length = self.config.history_length
        return inputs.ImpressionLog(data, self.features, length, serving)

    def scores(
        self, data: prepared.PreparedData, impression_rows: npt.NDArray[np.int64]
    ) -> Logits:
        """Returns the logit of each impression of the log, `[n] float32`.

        Args:
          data: With impressions.
          impression_rows: `[n]` rows of the impression arrays.
        """
        log = self.open_log(data)
        logits = [
            self._logits(log.impressions(tf.constant(impression_rows[part], tf.int64)))
            for part in _parts(len(impression_rows), _PAIRS_A_STEP)
        ]
        return np.concatenate([np.zeros([0, 1], np.float32), *logits])[:, 0]

    def predictions(
        self, data: prepared.PreparedData, impression_rows: npt.NDArray[np.int64]
    ) -> predictions.Predictions:
        """Returns what is predicted of each impression of the log.

        Args:
          data: With impressions.
          impression_rows: `[n]` rows of the impression arrays.
        """
        logits = self.scores(data, impression_rows)
        served = losses.expected_watch_seconds(logits).numpy()
        if self.measured.has_watch_seconds:
            return predictions.Predictions(logits, seconds=served, logits=logits)
        chance = served / (1.0 + served)
        return predictions.Predictions(logits, click_probability=chance, logits=logits)

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
          video_indices: `[n, k]` catalogue indices of candidates.
        """
        log = self.open_log(data)
        k = video_indices.shape[1]
        logits = [np.zeros([0, k], np.float32)]
        for part in _parts(len(users), max(1, _PAIRS_A_STEP // max(1, k))):
            tensors = _candidates(
                log, users[part], end_watches[part], times[part], video_indices[part]
            )
            logits.append(self._logits(tensors).numpy())
        return np.concatenate(logits)


def _candidates(
    log: inputs.ImpressionLog,
    users: npt.NDArray[np.integer],
    end_watches: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    video_indices: npt.NDArray[np.integer],
) -> inputs.Tensors:
    """Returns what the network reads of candidates, from arrays."""
    return log.candidates(
        tf.constant(users, tf.int32),
        tf.constant(end_watches, tf.int64),
        tf.constant(times, tf.int64),
        tf.constant(video_indices, tf.int32),
    )


def build(config: configs.Ranking, data: prepared.PreparedData) -> RankingModel:
    """Returns a model with fresh weights, normalised on the training impressions.

    Raises:
      errors.UserError: The log has no impressions to train or validate on, or the
        config names a feature that there is not.
    """
    rows = split_rows(data, prepared.Split.TRAIN)
    split_rows(data, prepared.Split.VALIDATION)
    chosen = registry.choose(features_interface.RANKING, data, config.features)
    log = inputs.ImpressionLog(data, chosen, history_length=1)
    return RankingModel(config, data, chosen, _measure(config, data, chosen, log, rows))


def _measure(
    config: configs.Ranking,
    data: prepared.PreparedData,
    chosen: registry.Features,
    log: inputs.ImpressionLog,
    rows: npt.NDArray[np.int64],
) -> network.Statistics:
    """Passes over the training impressions."""
    clicked, seconds = log.labels(tf.constant(rows, tf.int64))
    weights = losses.click_weights(clicked, seconds).numpy()
    is_clicked = clicked.numpy()
    clicked_weight = float(weights[is_clicked].sum(dtype=np.float64))

    def batches() -> Iterator[reading.Tensors]:
        for part in _parts(len(rows), _ROWS_A_STEP):
            yield log.impressions(tf.constant(rows[part], tf.int64))

    return network.Statistics(
        vocabulary_size=data.vocabulary_size,
        features=reading.measure(chosen, data, batches(), config.num_quantiles),
        prior_logit=math.log((clicked_weight + 1.0) / (np.sum(~is_clicked) + 1.0)),
        has_watch_seconds=data.has_watch_seconds,
    )


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
    rows = np.flatnonzero(data.impressions.splits == split)
    if not len(rows):
        raise errors.UserError(
            f"expected {schema.IMPRESSIONS} in the ranker's {split.name.lower()} "
            f"window, found none in {data.directory}: change data.ranking_fraction or "
            f"data.validation_fraction, or leave the ranker out"
        )
    return rows


def save(model: RankingModel, directory: pathlib.Path) -> None:
    """Writes weights and statistics into an artefact directory being published."""
    weights.save(model.network, directory)
    artifacts.write_json(directory / STATISTICS, dataclasses.asdict(model.measured))


def load(directory: pathlib.Path, data: prepared.PreparedData) -> RankingModel:
    """Loads the trained model of an artefact.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    directory = pathlib.Path(directory)
    config = weights.trained_config(directory, KIND, data.manifest).ranking
    values = json.loads((directory / STATISTICS).read_text())
    measured = configs.component(network.Statistics, values)
    names = list(measured.features)
    chosen = registry.named(features_interface.RANKING, names, data)
    model = RankingModel(config, data, chosen, measured)
    weights.restore(model.network, directory)
    return model


def _parts(size: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, size, step)]
