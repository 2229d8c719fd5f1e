"""The loop that trains either stage: named steps, resumable, deterministic.

Every draw is a function of (seed, step), and the input of (seed, epoch, step), so a
run killed anywhere ends with the numbers of an undisturbed one.
"""

import dataclasses
import functools
import math
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from ytdnn.base import artifacts, configs, errors, progress
from ytdnn.layers import embeddings, randomness
from ytdnn.log import batch_streams
from ytdnn.training import checkpoints, device_strategy, optimizers

OneDevice = device_strategy.OneDevice
Training = configs.TrainingConfig

Batch = dict[str, tf.Tensor]
_LEAST_CAP = 1_024  # smaller batches gain nothing


@dataclasses.dataclass(frozen=True)
class TrainingStage:
    """The description of a model's training for the loop.

    Attributes:
      name: Name for progress and logs.
      model: Model to train and checkpoint.
      tables: Variables of the table optimiser; all others are dense.
      batches: Function that returns the global batches of an epoch from a step on, a
        pure function of (epoch, first_step): consecutive datasets, or a portion of
        each.
      steps_per_epoch: Number of batches of an epoch.
      loss: (batch of one replica, seed `[2] int32`) → the sum of weighted losses and
        the sum of weights, scalars float32. Called in a replica context.
      validate: Function that returns metrics by name.
      monitor: Metric that chooses the checkpoint; "-name" where less is better; empty:
        nothing is held out, and the last weights are kept.
      stop_after: Number of epochs to run, if it was chosen earlier; the learning rate
        still follows the schedule of all epochs. None: it was not.
      validates_start: Whether the initial weights are validated too, and kept if no
        epoch is better.
      state: State of the optimiser, carried over from an earlier training of the model,
        for the variables of this model. None: a fresh one.
    """

    name: str
    model: tf.keras.Model
    tables: list[tf.Variable]
    batches: batch_streams.Datasets
    steps_per_epoch: int
    loss: Callable[[Batch, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    validate: Callable[[], dict[str, float]]
    monitor: str
    stop_after: int | None = None
    validates_start: bool = False
    state: optimizers.State | None = None


def fit(
    stage: TrainingStage,
    training: Training,
    seed: int,
    on: OneDevice,
    directory: pathlib.Path,
    pause_at: float = math.inf,
) -> dict[str, Any]:
    """Trains to the end, or until validation, if there is one, stops improving.

    Args:
      stage: Stage to train; its model ends with the best epoch's weights.
      training: Settings of the optimisation.
      seed: Seed of every draw.
      on: Devices; one and two replicas give the same loss.
      directory: Directory of checkpoints and TensorBoard logs; an interrupted training
        is resumed. With several workers, only the chief writes.
      pause_at: Number of epochs, such as 0.5, after which the weights are validated and
        the training pauses; the next call resumes it, to the same weights as without.

    Returns:
      Facts for the manifest: epochs, best epoch, its metrics, examples per second.

    Raises:
      errors.UserError: The loss or the weights are not finite; the last good
        checkpoint is kept.
    """
    trainer = Trainer(stage, training, seed, on)
    keeper = checkpoints.Keeper(directory, stage.model, trainer.optimizer, on.writes)
    reached = keeper.restore()
    _require_same(on, reached)
    last_epoch = training.epochs if stage.stop_after is None else stage.stop_after
    meter = progress.Meter(
        stage.name, max(1, last_epoch), stage.steps_per_epoch, training.batch_size
    )
    guard = device_strategy.FiniteGuard(
        stage.name, stage.model, keeper.describe_latest, on
    )
    logs = tf.summary.create_noop_writer()
    if on.writes:  # of several processes only the chief's
        logs = tf.summary.create_file_writer(str(directory / artifacts.LOGS))
    with meter:
        if stage.validates_start and stage.monitor and reached.is_fresh:
            metrics = _validated(trainer)
            keeper.keep_if_best(reached, metrics, stage.monitor, 0)
            keeper.save(reached)
            meter.show_start(metrics, stage.monitor)
        while not reached.is_over(training, stage.stop_after):
            if not _train_epoch(trainer, keeper, guard, reached, meter, pause_at):
                # Only whole epochs are chosen among: a lucky start has learned little.
                _validated(trainer)
                keeper.save(reached)
                return reached.facts() | meter.facts()
            loss = trainer.mean_loss()
            metrics = _validated(trainer)
            keeper.finish_epoch(reached, metrics, stage.monitor)
            scalars = {"loss": loss, **metrics}
            if on.writes:
                progress.tell_observers(stage.name, reached.epoch, scalars)
            keeper.save(reached)
            _log(logs, reached.epoch, scalars)
            is_best = bool(stage.monitor) and reached.best_epoch == reached.epoch
            meter.show_epoch(reached.epoch, loss, metrics, stage.monitor, is_best)
    if on.writes:
        optimizers.write_state(trainer.optimizer, trainer.variables, directory)
        keeper.restore_best()
    return reached.facts() | meter.facts()


def _log(
    logs: tf.summary.SummaryWriter, epoch: int, scalars: Mapping[str, float]
) -> None:
    """Writes the scalars of an epoch (counted from 1)."""
    with logs.as_default(step=epoch):
        for name, value in scalars.items():
            tf.summary.scalar(name, value)
    logs.flush()


def _require_same(on: OneDevice, reached: checkpoints.Progress) -> None:
    """Checks that all processes resume from the same checkpoint.

    Raises:
      errors.UserError: The checkpoint of this process differs from the chief's.
    """
    position = [float(reached.epoch), float(reached.step_in_epoch)]
    expected = on.agreed(position)
    if position != expected:
        raise errors.UserError(
            f"expected the chief's checkpoint (epoch and step {expected}), found "
            f"another ({position}): all workers need one --workdir on a file system "
            f"they share"
        )


def _validated(trainer: "Trainer") -> dict[str, float]:
    """Returns the validation metrics, equal in all processes."""
    metrics = trainer.stage.validate()
    return dict(zip(metrics, trainer.on.agreed(list(metrics.values())), strict=True))


class Trainer:
    """The compiled step, with the variables that it changes.

    Attributes:
      step: Training step, (batch, step `int64`) → loss, compiled for the devices.
      on: Devices, which distribute batches and read losses.
    """

    def __init__(
        self, stage: TrainingStage, training: Training, seed: int, on: OneDevice
    ) -> None:
        """Creates the optimiser; the step is compiled on first use.

        Args:
          stage: Stage to train.
          training: Settings of the optimisation.
          seed: Seed of every draw.
          on: Devices.
        """
        self.stage = stage
        self.training = training
        self.on = on
        self.seed = seed
        tables = [part for each in stage.tables for part in embeddings.parts(each)]
        table_refs = {table.ref() for table in tables}
        self._table_refs = table_refs if training.table_gradient == "sum" else set()
        variables = stage.model.trainable_variables
        self.variables = variables
        with on.strategy.scope():
            self.optimizer = optimizers.make(
                training,
                training.epochs * stage.steps_per_epoch,
                tables,
                [v for v in variables if v.ref() not in table_refs],
                0 if stage.state is None else stage.state.steps,
            )
        if stage.state is not None:
            optimizers.assign_state(self.optimizer, variables, stage.state)
        self._losses: list[Any] = []
        self.step = on.compiled(self._step)

    @functools.cached_property
    def _several(self) -> device_strategy.Steps:
        return self.on.several(self._step)

    def calls(self, epoch: int, first: int) -> Iterator[tuple[list[Any], Batch]]:
        """Runs an epoch's steps from `first` on, each or several in a call.

        Yields:
          The losses of each call, and its batch, empty if there were several; a call
          also ends where a checkpoint is due.
        """
        most = self.training.steps_per_execution
        checkpoint_steps = self.training.checkpoint_every_steps
        start = epoch * self.stage.steps_per_epoch
        if most == 1:
            for batch in self.on.batches(self.stage.batches, epoch, first, self.step):
                yield [self.step(batch, tf.constant(start + first, tf.int64))], batch
                first += 1
            return
        for feed in self.on.feeds(self.stage.batches, epoch, first):
            left = feed.length
            while left > 0:
                number = min(most, checkpoint_steps - first % checkpoint_steps, left)
                step = tf.constant(start + first, tf.int64)
                losses = self._several(feed.batches, step, tf.constant(number))
                yield list(losses.numpy()), {}
                first, left = first + number, left - number
            del feed  # before the next window is read

    def _step(self, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        strategy = self.on.strategy
        per_replica = strategy.run(self._replica_step, args=(batch, step))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    def _replica_step(self, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        seed = randomness.step_seed(self.seed, step)
        with tf.GradientTape() as tape:
            total, weight = self.stage.loss(batch, seed)
            # Of all replicas, each of which has its share of the batch's mean loss.
            weight = tf.maximum(randomness.replica_sum(weight), 1.0)
            loss = total / weight
        gradients = tape.gradient(loss, self.variables)
        if self.on.has_dense_tables:
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        gradients = [
            optimizers.times(g, weight) if v.ref() in self._table_refs else g
            for g, v in zip(gradients, self.variables, strict=True)
        ]
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        return loss

    def mean_loss(self) -> float:
        """Returns the mean loss of the steps since the last call."""
        values = [self.on.value(loss) for loss in self._losses]
        self._losses = []
        known = [value for value in values if value is not None]
        return float(tf.reduce_mean(tf.stack(known))) if known else 0.0

    def record(self, loss: Any) -> None:
        """Adds a step's loss to `mean_loss`."""
        self._losses.append(loss)


def _train_epoch(
    trainer: Trainer,
    keeper: checkpoints.Keeper,
    guard: device_strategy.FiniteGuard,
    reached: checkpoints.Progress,
    meter: progress.Meter,
    pause_at: float,
) -> bool:
    """Runs the remaining steps of an epoch; returns whether it did not pause before."""
    last = (pause_at - reached.epoch) * trainer.stage.steps_per_epoch
    calls = trainer.calls(reached.epoch, reached.step_in_epoch)
    started = time.perf_counter()
    for losses, batch in calls if reached.step_in_epoch < last else ():
        for loss in losses:
            trainer.record(loss)
            reached.step_in_epoch += 1
            guard.watch(_place(reached), loss, batch)
        seconds = time.perf_counter() - started
        meter.add_steps(len(losses), seconds, reached.epoch, reached.step_in_epoch)
        if reached.step_in_epoch % trainer.training.checkpoint_every_steps == 0:
            trainer.on.finish()
            guard.check_weights(_place(reached))
            keeper.save(reached)
        if reached.step_in_epoch >= last:
            break
        started = time.perf_counter()
    trainer.on.finish()
    is_whole = reached.step_in_epoch == trainer.stage.steps_per_epoch
    end = f"the end of epoch {reached.epoch + 1}"
    guard.check_weights(end if is_whole else _place(reached))
    return is_whole


def _place(reached: checkpoints.Progress) -> str:
    return f"step {reached.step_in_epoch} of epoch {reached.epoch + 1}"


def capped_batches(
    config: configs.Config, stage: str, num_examples: int
) -> configs.Config:
    """Returns the config with a batch not much larger than the examples of an epoch.

    Padding would only cost time and memory. The cap is the next power of two at or
    above the number of examples, and at least 1,024.

    Args:
      config: Config of a run.
      stage: `candidates` or `ranking`.
      num_examples: Number of examples of an epoch.
    """
    most = max(_LEAST_CAP, 1 << max(0, num_examples - 1).bit_length())
    section = getattr(config, stage)
    size = section.training.batch_size
    if size <= most:
        return config
    progress.say(
        f"note: {stage}: training.batch_size is {size:,}, but there are "
        f"only {num_examples:,} examples: {most:,} is used"
    )
    training = dataclasses.replace(section.training, batch_size=most)
    section = dataclasses.replace(section, training=training)
    return dataclasses.replace(config, **{stage: section})
