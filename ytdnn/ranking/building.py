"""Builds rankers: fresh weights, normalised on the training impressions of a log."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import configs, errors, schema
from ytdnn.data import prepared
from ytdnn.features import interface as features_interface
from ytdnn.features import reading, registry
from ytdnn.ranking import heads, inputs, model, network
from ytdnn.retrieval import stage

_ROWS_A_STEP = 1 << 16


def build(
    config: configs.Ranking,
    data: prepared.PreparedData,
    first_stage: stage.Stage | None = None,
) -> model.RankingModel:
    """Returns a model with fresh weights, normalised on the training impressions.

    Args:
      config: Sizes and features.
      data: With impressions.
      first_stage: What features of the first stage ask; None: there are none of these.

    Raises:
      errors.UserError: The log has no impressions to train on, or the config names a
        feature that there is not.
    """
    rows = split_rows(data, prepared.Split.TRAIN)
    chosen = registry.choose(features_interface.RANKING, data, config.features)
    if first_stage is None:
        chosen = tuple(f for f in chosen if not inputs.replays([f]))
    log = inputs.opened(config, data, chosen, first_stage)
    measured = _measure(config, data, chosen, log, rows)
    return model.RankingModel(config, chosen, measured, first_stage, log)


def build_like(
    trained: model.RankingModel,
    data: prepared.PreparedData,
    first_stage: stage.Stage | None,
) -> model.RankingModel:
    """Returns a fresh model that reads what a trained one reads, of another log.

    Normalised on its training impressions; what a click is worth is as it was.

    Args:
      trained: The trained model.
      data: Of the other log, with impressions.
      first_stage: What features of the first stage ask; None: there are none of these.

    Raises:
      errors.UserError: The log has no impressions to train on.
    """
    rows = split_rows(data, prepared.Split.TRAIN)
    names = [feature.name for feature in trained.features]
    chosen = registry.named(features_interface.RANKING, names, data)
    log = inputs.opened(trained.config, data, chosen, first_stage)
    found = _measure(trained.config, data, chosen, log, rows)
    measured = dataclasses.replace(
        found,
        features=reading.with_old_widths(
            found.features, chosen, trained.measured.features
        ),
        clicks=trained.measured.clicks,
    )
    return model.RankingModel(trained.config, chosen, measured, first_stage, log)


def _measure(
    config: configs.Ranking,
    data: prepared.PreparedData,
    chosen: registry.Features,
    log: inputs.ImpressionLog,
    rows: npt.NDArray[np.int64],
) -> network.Statistics:
    """Passes over the training impressions."""
    labels = log.labels(tf.constant(rows, tf.int64))
    kinds = (labels.clicked, labels.seconds, labels.durations)
    clicks = heads.measure(*(values.numpy()[:, 0] for values in kinds))

    def batches() -> Iterator[reading.Tensors]:
        for part in inputs.parts(len(rows), _ROWS_A_STEP):
            yield log.impressions(tf.constant(rows[part], tf.int64))

    number = 1
    if isinstance(config.normalization, configs.Quantiles):
        number = config.normalization.number
    return network.Statistics(
        vocabulary_size=data.vocabulary_size,
        features=reading.measure(chosen, data, batches(), number),
        clicks=clicks,
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
