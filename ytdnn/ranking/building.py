"""Builds rankers: fresh weights, normalised on the training impressions of a log."""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs, errors, ragged, schema
from ytdnn.features import base_feature as features_interface
from ytdnn.features import feature_choice, open_features, own_columns, past_sums
from ytdnn.log import batch_streams, events, prepared, prepared_log
from ytdnn.ranking import heads, inputs, model, network, outcome_heads
from ytdnn.retrieval import trained_stage

_ROWS_A_STEP = 1 << 16
_NUM_QUANTILES = 100  # of each continuous feature, as those of the candidates

Floats = npt.NDArray[np.floating]


def build(
    config: configs.RankingConfig,
    data: prepared.PreparedData,
    first_stage: trained_stage.FirstStage | None = None,
    scope: contextlib.AbstractContextManager[None] | None = None,
) -> model.RankingModel:
    """Returns a model with fresh weights, normalised on the training impressions.

    Args:
      config: Settings of sizes and features.
      data: Prepared set with impressions.
      first_stage: First stage that features are replayed from; None: no feature needs
        it.
      scope: Context in which its weights are created, but not the tables it only reads;
        None: no context.

    Raises:
      errors.UserError: The log has no impressions to train on, or the config names an
        unknown feature.
    """
    require_rows(data.log, events.Split.TRAIN)
    chosen = features_of(config, data)
    if first_stage is None:
        chosen = tuple(f for f in chosen if not inputs.replays([f]))
    measured, log = _measure(config, data, chosen, first_stage)
    with scope or contextlib.nullcontext():
        return model.RankingModel(config, chosen, measured, first_stage, log)


def features_of(
    config: configs.RankingConfig, data: prepared.PreparedData
) -> feature_choice.Features:
    """Returns the features that a ranker reads, columns of the log's own too.

    Args:
      config: Features to add and to remove, and how many own columns are read.
      data: The prepared set.

    Raises:
      errors.UserError: A name is unknown, has no effect, or lacks its columns.
    """
    own = own_columns.find(data, config.own_columns)
    return feature_choice.choose(
        features_interface.RANKING, data, config.features, own.read
    )


def build_like(
    trained: model.RankingModel,
    data: prepared.PreparedData,
    first_stage: trained_stage.FirstStage | None,
) -> model.RankingModel:
    """Returns a fresh model with the features of a trained one, for another log.

    Normalised on its training impressions; the statistics of clicks stay.

    Args:
      trained: The trained model.
      data: Prepared set of the other log, with impressions.
      first_stage: First stage that features are replayed from; None: no feature needs
        it.

    Raises:
      errors.UserError: The log has no impressions to train on.
    """
    require_rows(data.log, events.Split.TRAIN)
    names = [feature.name for feature in trained.features]
    chosen = feature_choice.named(features_interface.RANKING, names, data)
    statistics, log = _measure(trained.config, data, chosen, first_stage)
    measured = dataclasses.replace(
        statistics,
        features=open_features.with_old_widths(
            statistics.features, chosen, trained.measured.features
        ),
        clicks=trained.measured.clicks,
        calibration=trained.measured.calibration,
        outcomes=trained.measured.outcomes,
    )
    return model.RankingModel(trained.config, chosen, measured, first_stage, log)


def _measure(
    config: configs.RankingConfig,
    data: prepared.PreparedData,
    chosen: feature_choice.Features,
    first_stage: trained_stage.FirstStage | None,
) -> tuple[network.Statistics, inputs.ImpressionLog | None]:
    """Passes over the training impressions, window by window.

    Returns:
      The statistics, and the log as it was opened, None for several windows.
    """
    windows = batch_streams.ShardWindows(data, config.window_events)
    logs = (inputs.opened(config, window, chosen, first_stage) for window in windows)
    opened = next(logs) if len(windows) == 1 else None

    def batches() -> Iterator[open_features.Tensors]:
        collector = batch_streams.Collector()
        for log in logs if opened is None else (opened,):
            rows = training_rows(log.data.log)
            for part in ragged.slices(len(rows), _ROWS_A_STEP):
                yield log.impressions(tf.constant(rows[part], tf.int64))
            num_events = sum(shard.num_events for shard in log.data.log.shards)
            del log  # before the next one takes its memory
            collector.release(num_events)

    has_quantiles = isinstance(config.normalization, configs.QuantilesConfig)
    number = _NUM_QUANTILES if has_quantiles else 1
    measured = network.Statistics(
        vocabulary_size=data.vocabulary_size,
        features=open_features.measure(chosen, data, batches(), number),
        clicks=heads.measure(_labels(data)),
        outcomes=_outcomes(config, data),
    )
    return measured, opened


def _outcomes(
    config: configs.RankingConfig, data: prepared.PreparedData
) -> tuple[outcome_heads.PredictedOutcome, ...]:
    """Returns the outcomes that the ranker learns."""
    chosen = outcome_heads.chosen(config, data.catalogue)
    if not chosen:
        return ()
    parts = (
        np.asarray(shard.impressions.outcomes)[training_rows(shard)]
        for shard in data.log.each_shard()
    )
    return outcome_heads.measure(chosen, parts)


def _labels(data: prepared.PreparedData) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yields the labels of training impressions of a shard; see `heads.measure`."""
    of_videos = past_sums.durations(data.catalogue)
    for log in data.log.each_shard():
        shown, rows = log.impressions, training_rows(log)
        seconds = np.zeros(len(rows), np.float32)
        if shown.seconds is not None:
            seconds = np.asarray(shown.seconds)[rows]
        durations = of_videos[np.asarray(shown.videos)[rows]].astype(np.float32)
        yield np.asarray(shown.clicked)[rows], seconds, durations


def rows_of(log: prepared_log.UserLog, split: events.Split) -> npt.NDArray[np.int64]:
    """Returns the impression rows of a split, in a log or a window of it."""
    return np.flatnonzero(np.asarray(log.impressions.splits) == split)


def training_rows(log: prepared_log.UserLog) -> npt.NDArray[np.int64]:
    """Returns the impression rows that train the ranker, those before its window too.

    The rows are those of a log, or of a window of it.
    """
    trains = [events.Split.TRAIN, events.Split.EARLIER]
    return np.flatnonzero(np.isin(np.asarray(log.impressions.splits), trains))


def num_training_rows(log: prepared_log.UserLog) -> list[int]:
    """Returns how many impressions of each shard train the ranker."""
    return [len(training_rows(shard)) for shard in log.each_shard()]


def num_rows(log: prepared_log.UserLog, split: events.Split) -> list[int]:
    """Returns the impressions of a split in each shard."""
    return [len(rows_of(shard, split)) for shard in log.each_shard()]


def require_rows(log: prepared_log.UserLog, split: events.Split) -> None:
    """Checks that a split has impressions.

    Raises:
      errors.UserError: It has none.
    """
    if not log.has_impressions:
        raise errors.UserError(
            f"expected a table {schema.IMPRESSIONS} for the ranker to train on, found "
            f"none in {log.directory}: add it to the log, or leave the ranker out"
        )
    if not any(num_rows(log, split)):
        raise errors.UserError(
            f"expected {schema.IMPRESSIONS} in the ranker's {split.name.lower()} "
            f"window, found none in {log.directory}: change data.ranking_fraction or "
            f"data.validation_fraction, or leave the ranker out"
        )
