"""Trains the ranker and publishes it (PAPER §4)."""

import dataclasses
import math
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ytdnn import artifacts, configs, schema
from ytdnn.data import portions, prepared
from ytdnn.metrics import binary, per_user_loss
from ytdnn.ranking import building, heads, inputs, model
from ytdnn.retrieval import stage as retrieval_stage
from ytdnn.training import (
    batch_size,
    checkpoints,
    determinism,
    limits,
    loop,
    optimizer_state,
    strategies,
    tasks,
)

_OF_SOURCES = ("candidate_source", "seed_video")  # features that ask all sources
MONITOR = "-mean_loss"


def step_config(config: configs.Config) -> dict[str, object]:
    """Returns the part of the config that the ranking model depends on."""
    found = {"ranking": configs.as_trained(config.ranking), "seed": config.seed}
    if not set(_OF_SOURCES) & set(config.ranking.features.add):
        return found
    return found | {"composition": config.composition.places}


def train(
    config: configs.Config,
    data: prepared.PreparedData,
    directory: pathlib.Path,
    first_stage: retrieval_stage.Stage | None = None,
    chosen: artifacts.Manifest | None = None,
) -> None:
    """Trains, or goes on training, and publishes the artefact `ranking`.

    Args:
      config: The run; only its `ranking`, `seed`, `strategy` and `cluster` matter
        here.
      data: The prepared set, with impressions.
      directory: Where the artefact will stand; of several processes the chief alone
        writes.
      first_stage: What features of the first stage ask; None: there are none of these.
      chosen: Manifest of the model that this one is a refit of: it runs as many epochs
        as that one's best took, and nothing is validated.

    Raises:
      errors.UserError: The log has no impressions to train or validate on.
    """
    limits.require_fits(config.strategy, config.ranking.training, model.KIND)
    made_from = {prepared.KIND: data.manifest.fingerprint}
    if first_stage is not None and first_stage.manifest is not None:
        made_from[retrieval_stage.KIND] = first_stage.manifest.fingerprint
    if chosen is not None:
        made_from[model.KIND] = chosen.fingerprint
    else:
        building.split_rows(data, prepared.Split.VALIDATION)
    writes = tasks.writes(config.strategy)
    work = checkpoints.workspace(directory, step_config(config), made_from, writes)
    determinism.set_seed(config.seed)
    strategy = strategies.make(config.strategy, config.cluster)
    with strategy.scope():
        ranking_model = building.build(config.ranking, data, first_stage)
    stop_after = 0 if chosen is None else int(chosen.facts["best_epoch"])
    num_rows = len(building.split_rows(data, prepared.Split.TRAIN))
    training = batch_size.capped(config.ranking.training, num_rows, model.KIND)
    ranking = dataclasses.replace(config.ranking, training=training)
    stage = make_stage(
        dataclasses.replace(config, ranking=ranking), data, ranking_model, stop_after
    )
    facts = loop.fit(stage, training, config.seed, strategy, work, config.cluster)
    if not writes:
        return
    facts |= ranking_model.facts()
    with artifacts.publish(
        directory, model.KIND, step_config(config), made_from, facts
    ) as partial:
        model.save(ranking_model, partial)
        optimizer_state.share(work, partial)
        shutil.copytree(work / artifacts.LOGS, partial / artifacts.LOGS)
    shutil.rmtree(work)


def make_stage(
    config: configs.Config,
    data: prepared.PreparedData,
    ranking_model: model.RankingModel,
    stop_after: int = 0,
) -> loop.Stage:
    """Returns what the loop needs to train the ranking model.

    Args:
      config: The run.
      data: The prepared set.
      ranking_model: What is trained.
      stop_after: Epochs, chosen before on what is now trained on too; 0: they were not.
    """
    batches = ImpressionBatches(
        log=ranking_model.open_log(data, serving=False),
        rows=tf.constant(building.split_rows(data, prepared.Split.TRAIN)),
        batch_size=config.ranking.training.batch_size,
        seed=config.seed,
    )
    return loop.Stage(
        name=model.KIND,
        model=ranking_model.network,
        tables=ranking_model.network.tables,
        batches=portions.Whole(batches),
        steps_per_epoch=batches.steps_per_epoch,
        loss=_loss(ranking_model),
        validate=dict if stop_after else _validator(data, ranking_model),
        monitor="" if stop_after else MONITOR,
        stop_after=stop_after,
    )


@dataclasses.dataclass(frozen=True)
class ImpressionBatches:
    """The training batches of ranking: each impression once an epoch, shuffled.

    The order is a function of (seed, epoch), with no memory of the log's size.

    Attributes:
      log: Features by impression row.
      rows: `[n] int64`, the impressions to train on.
      batch_size: Impressions a batch; the last is filled up with weight 0.
      seed: Of the order.
      portion: Which rows of each batch are cut.
    """

    log: inputs.ImpressionLog
    rows: tf.Tensor
    batch_size: int
    seed: int
    portion: portions.Portion = portions.WHOLE

    def part(self, reader: int, num_readers: int) -> "ImpressionBatches":
        """Returns what one of several readers cuts of each batch."""
        portion = portions.Portion(reader, num_readers)
        return dataclasses.replace(self, portion=portion)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-int(self.rows.shape[0]) // self.batch_size)

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""
        steps = tf.data.Dataset.range(first_step, self.steps_per_epoch)
        cut_step = self._step_cutter(epoch)
        return steps.map(cut_step, num_parallel_calls=2).prefetch(2)

    def _step_cutter(self, epoch: int) -> Callable[[tf.Tensor], inputs.Tensors]:
        generator = np.random.Generator(np.random.Philox([self.seed, epoch]))
        order_seed = tf.constant(generator.integers(2**31, size=2), tf.int32)
        last = tf.constant(int(self.rows.shape[0]) - 1, tf.int64)

        def cut_step(step: tf.Tensor) -> inputs.Tensors:
            slots = self.portion.slots(step, self.batch_size)
            shuffled = tf.random.experimental.index_shuffle(
                tf.minimum(slots, last), order_seed, last
            )
            rows = tf.gather(self.rows, shuffled)
            labels = self.log.labels(rows)
            return self.log.impressions(rows) | {
                schema.LABELS: labels.clicked,
                schema.WATCHED_SECONDS: labels.seconds,
                schema.WEIGHTS: tf.cast(slots <= last, tf.float32)[:, tf.newaxis],
            }

        return cut_step


def _loss(
    ranking_model: model.RankingModel,
) -> Callable[[inputs.Tensors, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns the head's loss, divided by impressions rather than by weights of clicks.

    Watch times in seconds would otherwise shrink the gradients a hundredfold, and
    with them the steps of Adagrad, whose first accumulator is not zero.
    """

    def loss(batch: inputs.Tensors, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = ranking_model.network(batch, seed=seed)
        losses = ranking_model.head.losses(outputs, _labels(batch))
        weights = batch[schema.WEIGHTS]
        return tf.reduce_sum(weights * losses), tf.cast(tf.size(weights), tf.float32)

    return loss


def _labels(batch: inputs.Tensors) -> heads.Labels:
    return heads.Labels(
        clicked=batch[schema.LABELS],
        seconds=batch[schema.WATCHED_SECONDS],
        durations=batch[schema.DURATIONS],
    )


def _validator(
    data: prepared.PreparedData, ranking_model: model.RankingModel
) -> Callable[[], dict[str, float]]:
    rows = building.split_rows(data, prepared.Split.VALIDATION)
    clicked = np.asarray(data.impressions.clicked[rows])
    pages = np.asarray(data.impressions.pages[rows])
    seconds = data.impressions.seconds
    seconds = None if seconds is None else seconds[rows]

    def validate() -> dict[str, float]:
        """Returns mean loss, AUC and, where pages have pairs, their loss."""
        predicted = ranking_model.predictions(data, rows)
        metrics = {
            "mean_loss": ranking_model.mean_loss(data, rows),
            "auc": binary.auc(clicked, predicted.order),
            "weighted_per_user_loss": per_user_loss.weighted_per_user_loss(
                pages, clicked, predicted.order, seconds
            ),
        }
        return {k: v for k, v in metrics.items() if math.isfinite(v)}

    return validate
