"""Trains the ranker and publishes it (PAPER §4)."""

import dataclasses
import functools
import math
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.base import artifacts, configs, machine_facts, progress, registries, schema
from ytdnn.base.metrics import binary, per_user_loss
from ytdnn.features import first_stage_features, own_columns
from ytdnn.layers import randomness
from ytdnn.log import batch_streams, earlier_impressions, events, prepared
from ytdnn.ranking import building, heads, inputs, model, outcome_heads
from ytdnn.retrieval import trained_stage
from ytdnn.training import (
    checkpoints,
    device_strategy,
    impression_batches,
    loop,
    optimizers,
    ranker_calibration,
)

MONITOR = "-mean_loss"


def step_config(config: configs.Config) -> dict[str, object]:
    """Returns the part of the config that the ranking model depends on."""
    settings = {"ranking": configs.as_trained(config.ranking), "seed": config.seed}
    if not first_stage_features.OF_SOURCES & set(config.ranking.features.add):
        return settings
    places = config.composition.places
    if config.composition.remove_watched:
        return settings | {"composition": places}
    return settings | {"composition": {**places, "remove_watched": False}}


def versions(config: configs.Config) -> dict[str, str]:
    """Returns the versions of the other packages' parts that a ranker is made of."""
    asks_sources = bool(
        first_stage_features.OF_SOURCES & set(config.ranking.features.add)
    )
    return registries.versions_of_ranker(config, asks_sources)


def train(
    config: configs.Config,
    data: prepared.PreparedData,
    directory: pathlib.Path,
    first_stage: trained_stage.FirstStage | None = None,
    chosen: artifacts.Manifest | None = None,
) -> None:
    """Trains, or resumes a training, and publishes the artefact `ranking`.

    Args:
      config: Config of the run; only its `ranking`, `seed`, `strategy` and `cluster`
        matter here.
      data: The prepared set, with impressions.
      directory: Directory of the artefact; with several processes, only the chief
        writes.
      first_stage: First stage that features are replayed from; None: no feature needs
        it.
      chosen: Manifest of the model to refit: the training runs for as many epochs as
        the best one took there, and nothing is validated.

    Raises:
      errors.UserError: The log has no impressions to train or validate on.
    """
    on = device_strategy.make(config.strategy, config.cluster)
    on.require_fits(config.ranking.training, model.KIND)
    made_from = {prepared.KIND: data.manifest.fingerprint, **versions(config)}
    if first_stage is not None and first_stage.manifest is not None:
        made_from[trained_stage.KIND] = first_stage.manifest.fingerprint
    data = earlier_impressions.with_earlier_impressions(
        data, config.ranking.least_impressions
    )
    if chosen is not None:
        made_from[model.KIND] = chosen.fingerprint
    else:
        building.require_rows(data.log, events.Split.VALIDATION)
    work = checkpoints.workspace(directory, step_config(config), made_from, on.writes)
    randomness.set_seed(config.seed)
    if on.writes:
        columns = own_columns.find(data, config.ranking.own_columns)
        for line in columns.lines():
            progress.say(line)
    ranking_model = building.build(config.ranking, data, first_stage, on.scope())
    if on.writes:
        for line in outcome_heads.notes(
            data.catalogue, ranking_model.measured.outcomes
        ):
            progress.say(line)
    stop_after = None if chosen is None else int(chosen.facts["best_epoch"])
    num_rows = sum(building.num_training_rows(data.log))
    capped = loop.capped_batches(config, model.KIND, num_rows)
    stage = make_stage(capped, data, ranking_model, stop_after)
    facts = loop.fit(stage, capped.ranking.training, config.seed, on, work)
    del stage  # with its windows
    machine_facts.collect()
    if not on.writes:
        return
    if chosen is not None:
        outcomes = ranking_model.head.outcomes
        ranking_model.calibrate(ranker_calibration.carried(chosen.facts, outcomes))
    else:
        ranker_calibration.calibrate(config.ranking, data, ranking_model)
    facts["calibration"] = dataclasses.asdict(ranking_model.measured.calibration)
    publish(ranking_model, directory, step_config(config), made_from, facts, work)


def publish(
    trained: model.RankingModel,
    directory: pathlib.Path,
    config: dict[str, object],
    made_from: dict[str, str],
    facts: dict[str, Any],
    work: pathlib.Path,
) -> None:
    """Publishes a trained ranker with its optimiser and logs, and removes `work`.

    Args:
      trained: The ranker.
      directory: Directory of the artefact.
      config: Settings that it depends on, from `step_config`.
      made_from: Fingerprints of its inputs.
      facts: Facts about its training.
      work: Directory in which it was trained.
    """
    facts |= trained.facts()
    with artifacts.publish(directory, model.KIND, config, made_from, facts) as partial:
        model.save(trained, partial)
        optimizers.share_state(work, partial)
        shutil.copytree(work / artifacts.LOGS, partial / artifacts.LOGS)
    shutil.rmtree(work)


def make_stage(
    config: configs.Config,
    data: prepared.PreparedData,
    ranking_model: model.RankingModel,
    stop_after: int | None = None,
) -> loop.TrainingStage:
    """Returns the stage with which the loop trains the ranking model.

    Args:
      config: Config of the run.
      data: The prepared set.
      ranking_model: Model to train.
      stop_after: Number of epochs, chosen earlier on a held-out part of the data; None:
        not chosen.
    """
    batches = make_batches(config, data, ranking_model)
    windows = batch_streams.ShardWindows(data, config.ranking.window_events)

    def validate() -> dict[str, float]:
        """Returns mean loss, AUC and, where pages have pairs, their loss."""
        ask = functools.partial(_ValidationRows.from_data, ranking_model)
        parts = windows.collect(ask, ranking_model.close_log)
        return _measured([part for part in parts if len(part.clicked)])

    return loop.TrainingStage(
        name=model.KIND,
        model=ranking_model.network,
        tables=ranking_model.network.tables,
        batches=batches,
        steps_per_epoch=batches.steps_per_epoch,
        loss=_loss(ranking_model),
        validate=validate if stop_after is None else dict,
        monitor=MONITOR if stop_after is None else "",
        stop_after=stop_after,
    )


def make_batches(
    config: configs.Config,
    data: prepared.PreparedData,
    ranking_model: model.RankingModel,
) -> batch_streams.BatchStream:
    """Returns the training batches: every impression once an epoch."""
    size = config.ranking.training.batch_size
    source = impression_batches.ImpressionWindows(
        ranking_model, data, size, config.seed
    )
    sizes = [shard.num_events for shard in data.log.shards]
    most = config.ranking.window_events
    return batch_streams.BatchStream(source, sizes, most, config.seed)


def _loss(
    ranking_model: model.RankingModel,
) -> Callable[[inputs.Tensors, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns the head's loss, divided by impressions rather than by weights of clicks.

    Watch times in seconds would otherwise shrink the gradients a hundredfold, and with
    them the steps of Adagrad, which has a non-zero first accumulator.
    """

    def loss(batch: inputs.Tensors, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = ranking_model.network(batch, seed=seed)
        labels = heads.Labels(
            clicked=batch[schema.LABELS],
            seconds=batch[schema.WATCHED_SECONDS],
            durations=batch[schema.DURATIONS],
            outcomes=batch.get(schema.OUTCOME_LABELS),
        )
        losses = ranking_model.head.losses(outputs, labels)
        weights = batch[schema.WEIGHTS]
        return tf.reduce_sum(weights * losses), tf.cast(tf.size(weights), tf.float32)

    return loss


@dataclasses.dataclass(frozen=True)
class _ValidationRows:
    """The validation impressions of a window.

    Attributes:
      clicked: `[n] bool`.
      pages: `[n]`, slate of each impression, from 0.
      seconds: `[n]` watch seconds; None where the log has none.
      order: `[n] float32`, the model's order.
      loss: Sum of the losses.
    """

    clicked: np.ndarray
    pages: np.ndarray
    seconds: np.ndarray | None
    order: np.ndarray
    loss: float

    @classmethod
    def from_data(
        cls, ranking_model: model.RankingModel, data: prepared.PreparedData
    ) -> "_ValidationRows":
        """Predicts."""
        rows = building.rows_of(data.log, events.Split.VALIDATION)
        shown = data.impressions
        if not len(rows):  # and nothing to open
            none = np.zeros(0, np.float32)
            return cls(none > 0.0, none, none, none, 0.0)
        return cls(
            clicked=np.asarray(shown.clicked[rows]),
            pages=np.asarray(shown.pages[rows]),
            seconds=None if shown.seconds is None else np.asarray(shown.seconds[rows]),
            order=ranking_model.predictions(data, rows).order,
            loss=ranking_model.sum_of_losses(data, rows),
        )


def _measured(parts: list[_ValidationRows]) -> dict[str, float]:
    """Returns the metrics over all windows."""
    clicked = np.concatenate([part.clicked for part in parts])
    order = np.concatenate([part.order for part in parts])
    numbers = np.cumsum([0, *(int(part.pages.max()) + 1 for part in parts[:-1])])
    pages = np.concatenate([p.pages + n for p, n in zip(parts, numbers, strict=True)])
    of_clicks = [part.seconds for part in parts if part.seconds is not None]
    metrics = {
        "mean_loss": sum(part.loss for part in parts) / len(clicked),
        "auc": binary.auc(clicked, order),
        "weighted_per_user_loss": per_user_loss.weighted_per_user_loss(
            pages, clicked, order, np.concatenate(of_clicks) if of_clicks else None
        ),
    }
    return {k: v for k, v in metrics.items() if math.isfinite(v)}
