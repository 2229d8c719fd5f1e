"""The ranking model: predictions, saving and loading; `building` creates it."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import artifacts, configs, errors, progress, ragged, schema
from ytdnn.base.configs import serving
from ytdnn.features import base_feature as features_interface
from ytdnn.features import feature_choice, first_stage_features
from ytdnn.layers import saved_weights
from ytdnn.log import io_fields, prepared
from ytdnn.ranking import (
    counted_seconds,
    heads,
    inputs,
    network,
    predictions,
    weighted_order,
)
from ytdnn.retrieval import trained_stage

Path = pathlib.Path
CompositionConfig = configs.CompositionConfig

KIND = "ranking"
STATISTICS = "statistics.json"
_PAIRS_A_STEP = 1 << 14


class RankingModel:
    """A ranking network and the features it reads.

    Attributes:
      config: Settings of ranking.
      features: Features in addition to the videos shown and watched.
      measured: Statistics of its training impressions.
      network: The Keras model, tensors to outputs of its head.
      first_stage: First stage that features are replayed from; None: no feature needs
        it.
      weights: Weights of predictions that order slates; none: the ranker's own order.
    """

    def __init__(
        self,
        config: configs.RankingConfig,
        chosen: feature_choice.Features,
        measured: network.Statistics,
        first_stage: trained_stage.FirstStage | None = None,
        log: inputs.ImpressionLog | None = None,
    ) -> None:
        """Creates the model with fresh weights, all its variables made.

        Args:
          config: Settings of sizes and head.
          chosen: Features of the ranker.
          measured: Statistics of the training impressions.
          first_stage: First stage that features are replayed from.
          log: The training impressions, if they are open already.
        """
        self.config = config
        self._log = log
        self.weights: dict[str, float] = {}
        self.features = chosen
        self.measured = measured
        self.network = network.RankingNetwork(config, chosen, measured)
        self.first_stage = first_stage if inputs.replays(chosen) else None
        self.network(inputs.placeholders(chosen, config.history_length))
        self._evaluate = tf.function(self._losses, reduce_retracing=True)
        self._predict = predictions.RowGraphs(self.predict)

    @property
    def head(self) -> heads.Head:
        """The head of the network."""
        return self.network.head

    def predict(self, tensors: inputs.Tensors) -> heads.HeadPredictions:
        """Returns the predictions for impressions, each `[batch, k]`."""
        outputs, durations = self.network(tensors), tensors[schema.DURATIONS]
        predicted = self.head.predict(outputs, durations, self.measured.calibration)
        return counted_seconds.added(predicted, tensors, self.measured)

    def calibrate(self, calibration: heads.Calibration) -> None:
        """Sets the calibration of later predictions."""
        self.measured = dataclasses.replace(self.measured, calibration=calibration)
        self._predict = predictions.RowGraphs(self.predict)

    def order_by(self, weights: Mapping[str, float]) -> None:
        """Sets the weights that order slates, as those of a bundle.

        Args:
          weights: Weights of predictions by name.

        Raises:
          errors.UserError: One is of something that is not predicted.
        """
        names = weighted_order.names_of(self.head)
        errors.require_known(weights, names, "weights", "config.composition.weights")
        self.weights = dict(weights)

    def facts(self) -> dict[str, object]:
        """Returns facts about the model for its manifest."""
        names = [outcome.name for outcome in self.measured.outcomes]
        of_outcomes = {"outcomes": names} if names else {}
        return {"features": [f.name for f in self.features], **of_outcomes}

    @property
    def sees_request_time(self) -> bool:
        """Whether the first stage that features come from reads the request's time."""
        return self.first_stage is not None and self.first_stage.sees_request_time

    def request_fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the request fields that it reads, without the videos to score."""
        own = inputs.request_fields(self.features, catalogue)
        if self.first_stage is None:
            return own
        return io_fields.union(
            self.first_stage.fields(catalogue, self.asks_sources), own
        )

    @property
    def asks_sources(self) -> bool:
        """Whether a feature needs all candidate sources."""
        kind = first_stage_features.ReplayedFeature
        return any(f.asks_sources for f in self.features if isinstance(f, kind))

    @property
    def neutral(self) -> dict[str, float]:
        """A neutral value of each tensor of the network.

        It is the median of a number, else the value that marks a missing one;
        training-only features are left out, as they are the same for every request.
        """
        values = dict.fromkeys((schema.HISTORY_VIDEOS, schema.IMPRESSION_VIDEOS), 0.0)
        for feature in self.features:
            if not isinstance(feature, features_interface.TrainingOnly):
                quantiles = self.measured.features[feature.name].quantiles
                middle = quantiles[len(quantiles) // 2] if quantiles else None
                values[feature.name] = feature.missing if middle is None else middle
        return values

    def readings(
        self,
        data: prepared.PreparedData,
        users: npt.NDArray[np.integer],
        end_watches: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        video_indices: npt.NDArray[np.integer],
    ) -> dict[str, npt.NDArray]:
        """Returns the value of each feature for candidates, `[n, …]` by its name.

        Args:
          data: Prepared set with impressions.
          users: `[n]` user indices; see `score_candidates`.
          end_watches: `[n]`.
          times: `[n]`.
          video_indices: `[n, k]`.
        """
        at = users, end_watches, times, video_indices
        tensors = self.open_log(data).candidates(*at)
        return {f.name: tensors[f.name].numpy() for f in self.features}

    def open_log(
        self, data: prepared.PreparedData, serving: bool = True, keep: bool = True
    ) -> inputs.ImpressionLog:
        """Returns the tensors that the network reads from a prepared set.

        Args:
          data: Prepared set with impressions.
          serving: Whether training-only features have their serving value.
          keep: Whether it is cached for the next call; only the last one is.
        """
        log = self._log
        if log is None or log.data is not data:
            if keep:
                self._log = None  # before the next one takes its memory
            log = inputs.opened(self.config, data, self.features, self.first_stage)
        if keep:
            self._log = log
        return log.as_served() if serving else log

    def close_log(self) -> None:
        """Closes the log that is kept open."""
        self._log = None

    def predict_at(
        self,
        data: prepared.PreparedData,
        impression_rows: npt.NDArray[np.int64],
        video_indices: npt.NDArray[np.integer],
    ) -> predictions.Predictions:
        """Returns the predictions for candidates at logged requests, `[n, k] float32`.

        Args:
          data: Prepared set with impressions.
          impression_rows: `[n]` rows of the impression arrays, one of each request.
          video_indices: `[n, k]` catalogue indices of candidates.
        """
        log = self.open_log(data)

        def read(part: slice) -> inputs.Tensors:
            rows = tf.constant(impression_rows[part], tf.int64)
            return log.candidates_at(rows, tf.constant(video_indices[part], tf.int32))

        parts = self._predicted(len(impression_rows), "requests", read, video_indices)
        return predictions.joined([self._weighed(part) for part in parts])

    def predictions(
        self,
        data: prepared.PreparedData,
        impression_rows: npt.NDArray[np.int64],
        history_rows: npt.NDArray[np.int64] | None = None,
    ) -> predictions.Predictions:
        """Returns the predictions for logged impressions, each `[n] float32`.

        Args:
          data: Prepared set with impressions.
          impression_rows: `[n]` rows of the impression arrays.
          history_rows: `[n]`, for each row an impression of the same user: its past
            ends at that impression's time; None: at its own.
        """
        log = self.open_log(data)
        read = functools.partial(log.logged, impression_rows, history_rows)
        parts = self._predicted(len(impression_rows), "impressions", read)
        return predictions.joined(parts, np.s_[:, 0])

    def impression_tensors(
        self,
        data: prepared.PreparedData,
        impression_rows: npt.NDArray[np.int64],
        history_rows: npt.NDArray[np.int64] | None = None,
    ) -> dict[str, npt.NDArray]:
        """Returns the inputs of logged impressions without histories, `[n, …]` by name.

        Training-only features are as logged; see `predictions`.
        """
        log = self.open_log(data, serving=False)
        return log.arrays(impression_rows, history_rows, _PAIRS_A_STEP)

    def _predicted(
        self,
        size: int,
        unit: str,
        read: Callable[[slice], inputs.Tensors],
        video_indices: npt.NDArray[np.integer] | None = None,
    ) -> list[heads.HeadPredictions]:
        """Returns the predictions of `size` rows part by part, and shows progress."""
        step = _PAIRS_A_STEP
        if video_indices is not None:
            step = predictions.filled(step // max(1, video_indices.shape[1]))
        parts = ragged.slices(size, step)
        sizes = [part.stop - part.start for part in parts]
        shown = progress.through(parts, f"{KIND} {unit}", unit, sizes)
        return [self._predict(read(part)) for part in shown]

    def _weighed(self, predicted: heads.HeadPredictions) -> heads.HeadPredictions:
        """Returns predictions in the order of the model's weights."""
        order = weighted_order.page_order(predicted, self.weights)
        return predicted._replace(order=order)

    def sum_of_losses(
        self, data: prepared.PreparedData, impression_rows: npt.NDArray[np.int64]
    ) -> float:
        """Returns the head's losses of logged impressions, added up.

        Args:
          data: Prepared set with impressions.
          impression_rows: `[n]` rows of the impression arrays.
        """
        log, total = self.open_log(data), 0.0
        for part in ragged.slices(len(impression_rows), _PAIRS_A_STEP):
            labels = vars(log.labels(tf.constant(impression_rows[part], tf.int64)))
            tensors = log.logged(impression_rows, None, part)
            total += float(self._evaluate(tensors, labels))
        return total

    def _losses(self, tensors: inputs.Tensors, labels: inputs.Tensors) -> tf.Tensor:
        """Returns the sum of the losses of some impressions."""
        losses = self.head.monitored(self.network(tensors), heads.Labels(**labels))
        return tf.reduce_sum(losses)

    def score_candidates(
        self,
        data: prepared.PreparedData,
        users: npt.NDArray[np.integer],
        end_watches: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        video_indices: npt.NDArray[np.integer],
    ) -> npt.NDArray[np.float32]:
        """Returns the scores that order candidates, `[n, k] float32`, higher is better.

        Args:
          data: Prepared set with impressions.
          users: `[n]` user indices.
          end_watches: `[n]` flat positions where each user's history ends.
          times: `[n]` times of the requests, seconds since the epoch, 0 = unknown.
          video_indices: `[n, k]` catalogue indices of candidates.
        """
        log = self.open_log(data)

        def read(part: slice) -> inputs.Tensors:
            at = users[part], end_watches[part], times[part]
            return log.candidates(*at, video_indices[part])

        parts = self._predicted(len(users), "users", read, video_indices)
        orders = [self._weighed(part).order.numpy() for part in parts]
        k = video_indices.shape[1]
        return np.concatenate([np.zeros([0, k], np.float32), *orders])


def save(
    model: RankingModel, directory: Path, measured: network.Statistics | None = None
) -> None:
    """Writes weights and statistics into an artefact directory being published.

    Args:
      model: The model.
      directory: Directory of the artefact.
      measured: Statistics to serve with; None: those it was trained with.
    """
    saved_weights.save(model.network, directory)
    kept = dataclasses.asdict(measured or model.measured)
    artifacts.write_json(directory / STATISTICS, kept)


def load(
    directory: Path,
    data: prepared.PreparedData,
    first_stage: trained_stage.FirstStage | None = None,
    precision: serving.Precision = "trained",
) -> RankingModel:
    """Loads the trained model of an artefact.

    Args:
      directory: The artefact.
      data: The prepared set.
      first_stage: First stage of the same run; None for a model trained without one.
      precision: Precision of its products; see `CompositionConfig`.

    Raises:
      errors.UserError: It is missing, damaged, or of another data set or first stage.
    """
    trained = saved_weights.trained_config(directory, KIND, data.manifest)
    _require_first_stage(directory, first_stage)
    measured = network.read_statistics(directory / STATISTICS)
    names = list(measured.features)
    chosen = feature_choice.named(features_interface.RANKING, names, data)
    config = trained.ranking
    if precision != "trained":
        config = dataclasses.replace(config, precision=precision)
    model = RankingModel(config, chosen, measured, first_stage)
    if model.asks_sources and first_stage is not None:
        _require_places(directory, trained.composition, first_stage.composition)
    saved_weights.restore(model.network, directory)
    return model


def _require_first_stage(
    directory: Path, first_stage: trained_stage.FirstStage | None
) -> None:
    """Checks that a model was trained with the first stage next to it."""
    manifest = artifacts.read_manifest(directory, KIND)
    name = trained_stage.KIND
    if first_stage is not None and first_stage.manifest is not None:
        artifacts.require_input(manifest, directory, name, first_stage.manifest)
    elif first_stage is None and name in manifest.inputs:
        raise errors.UserError(
            f"expected the {name} that {directory} was trained with, received none: "
            f"load the first stage from the directory next to it "
            f"(ytdnn.retrieval.trained_stage.load)"
        )


def _require_places(
    directory: Path, trained: CompositionConfig, given: CompositionConfig
) -> None:
    """Checks that the sources a model was trained with have the same places."""
    for name in trained.places | given.places:
        expected, received = (each.places.get(name, ()) for each in (trained, given))
        if received != expected:
            raise errors.UserError(
                f"expected config.composition.{name}={expected}, with which "
                f"{directory} was trained, received {received}: train the ranker "
                f"again, or set it back"
            )
