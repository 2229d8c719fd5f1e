"""The loop that trains either stage: named steps, resumable, deterministic.

Every draw is a function of (seed, step), and the input of (seed, epoch, step), so a
run killed anywhere ends with the numbers of an undisturbed one.
"""

import contextlib
import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.base import progress as progress_room
from ytdnn.layers import embeddings, randomness, replica
from ytdnn.log import streaming
from ytdnn.training import (
    checkpoints,
    devices,
    guard,
    optimizer_state,
    optimizers,
    report,
)

Batch = dict[str, tf.Tensor]
_PROBE_STEPS = 200  # in a shorter training, compiling the probe is not worth it
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
        still follows the schedule of all epochs. None: it was
        not.
      validates_start: Whether the initial weights are validated too, and kept if no
        epoch is better.
      state: State of the optimiser, carried over from an earlier training of the model,
        for the variables of this model. None: a fresh one.
    """

    name: str
    model: tf.keras.Model
    tables: list[tf.Variable]
    batches: streaming.Datasets
    steps_per_epoch: int
    loss: Callable[[Batch, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    validate: Callable[[], dict[str, float]]
    monitor: str
    stop_after: int | None = None
    validates_start: bool = False
    state: optimizer_state.State | None = None


def fit(
    stage: TrainingStage,
    training: configs.TrainingConfig,
    seed: int,
    on: devices.OneDevice,
    directory: pathlib.Path,
) -> dict[str, Any]:
    """Trains to the end, or until validation, if there is one, stops improving.

    Args:
      stage: Stage to train; its model ends with the best epoch's weights.
      training: Settings of the optimisation.
      seed: Seed of every draw.
      on: Devices; one and two replicas give the same loss.
      directory: Directory of checkpoints and TensorBoard logs; an interrupted training
        is resumed. With several workers, only the chief writes.

    Returns:
      Facts for the manifest: epochs, best epoch, its metrics, examples per second.

    Raises:
      errors.UserError: The loss or the weights are not finite; the last good
        checkpoint is kept.
    """
    trainer = Trainer(stage, training, seed, on)
    keeper = checkpoints.Keeper(directory, stage.model, trainer.optimizer, on.writes)
    progress = keeper.restore()
    on.require_same(progress.epoch, progress.step_in_epoch)
    last_epoch = training.epochs if stage.stop_after is None else stage.stop_after
    shown = dataclasses.replace(training, epochs=max(1, last_epoch))
    meter = report.Meter(stage.name, shown, stage.steps_per_epoch)
    logs = report.Logs(directory, on.writes)
    watcher = guard.FiniteGuard(
        stage.name, stage.model, keeper.describe_latest, trainer.executor
    )
    with meter:
        if stage.validates_start and stage.monitor and progress.is_fresh:
            metrics = meter.time_validation(stage.validate)
            metrics = devices.agreed_metrics(on, metrics)
            keeper.keep_if_best(progress, metrics, stage.monitor)
            keeper.save(progress)
            meter.show_start(metrics, stage.monitor)
        while not progress.is_over(training, stage.stop_after):
            _train_epoch(trainer, keeper, watcher, progress, meter)
            loss = trainer.mean_loss()
            with trainer.averaged_weights():
                metrics = meter.time_validation(stage.validate)
                metrics = devices.agreed_metrics(on, metrics)
                keeper.finish_epoch(progress, metrics, stage.monitor)
            if on.writes:
                progress_room.tell_observers(
                    stage.name, progress.epoch, {"loss": loss, **metrics}
                )
            keeper.save(progress)
            logs.write(progress.epoch - 1, {"loss": loss, **metrics})
            meter.show_epoch(progress, loss, metrics, stage.monitor)
    if on.writes:
        optimizer_state.write(trainer.optimizer, trainer.variables, directory)
        keeper.restore_best()
    return progress.facts() | meter.facts()


class Trainer:
    """The compiled step, with the variables that it changes.

    Attributes:
      step: Training step, (batch, step `int64`) → loss, as `executor` compiles it.
      executor: Executor that distributes batches for the strategy, and reads losses.
    """

    def __init__(
        self,
        stage: TrainingStage,
        training: configs.TrainingConfig,
        seed: int,
        on: devices.OneDevice,
        executor: devices.Executor | None = None,
    ) -> None:
        """Creates the optimiser; the step is compiled on first use.

        Args:
          stage: Stage to train.
          training: Settings of the optimisation.
          seed: Seed of every draw.
          on: Devices.
          executor: Runs the steps; None: the executor of the devices.
        """
        self.stage = stage
        self.training = training
        self.strategy = on.strategy
        self.seed = seed
        tables = [part for each in stage.tables for part in embeddings.parts(each)]
        table_refs = {table.ref() for table in tables}
        self._table_refs = table_refs if training.table_gradient == "sum" else set()
        variables = stage.model.trainable_variables
        self.variables = variables
        with self.strategy.scope():
            self.optimizer = optimizers.make(
                training,
                training.epochs * stage.steps_per_epoch,
                tables,
                [v for v in variables if v.ref() not in table_refs],
                0 if stage.state is None else stage.state.steps,
            )
        if stage.state is not None:
            optimizer_state.assign(self.optimizer, variables, stage.state)
        self._losses: list[Any] = []
        self.executor = executor or on.executor()
        self.step = self.executor.compiled(self._step)

    @functools.cached_property
    def steps(self) -> devices.Steps:
        """Runs several steps in one call; only for replicas in sync."""
        assert isinstance(self.executor, devices.InSync)
        return self.executor.several(self._step)

    def calls(self, epoch: int, first: int) -> Iterator[npt.NDArray[np.float32]]:
        """Runs an epoch's steps from `first` on, several in a call.

        Yields:
          The losses of each call; a call also ends where a checkpoint is due.
        """
        assert isinstance(self.executor, devices.InSync)
        most = self.training.steps_per_execution
        every = self.training.checkpoint_every_steps
        for feed in self.executor.feeds(self.stage.batches, epoch, first):
            left = feed.length
            while left > 0:
                number = min(most, every - first % every, left)
                step = tf.constant(epoch * self.stage.steps_per_epoch + first, tf.int64)
                yield self.steps(feed.batches, step, tf.constant(number)).numpy()
                first, left = first + number, left - number
            del feed  # before the next window is read

    def _step(self, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        per_replica = self.strategy.run(self._replica_step, args=(batch, step))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    def _replica_step(self, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        seed = randomness.step_seed(self.seed, step)
        loss, weight, gradients = self._gradients(batch, seed)
        own = replica.here()
        if self.training.clip_norm > 0.0:
            gradients = own.total(gradients)
            gradients = optimizers.clip(gradients, self.training.clip_norm)
        gradients = [
            optimizers.times(g, weight) if v.ref() in self._table_refs else g
            for g, v in zip(gradients, self.variables, strict=True)
        ]
        self.optimizer.apply_gradients(
            zip(gradients, self.variables, strict=True),
            experimental_aggregate_gradients=(
                own.count == 1 or self.training.clip_norm <= 0.0
            ),
        )
        return loss

    def _gradients(
        self, batch: Batch, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Returns this replica's share of the batch's mean loss, and its gradients.

        The second value, the sum of the batch's weights, is the divisor of the mean.
        """
        with tf.GradientTape() as tape:
            total, weight = self.stage.loss(batch, seed)
            weight = tf.maximum(replica.here().total(weight), 1.0)
            loss = total / weight
        gradients = tape.gradient(loss, self.variables)
        if self.executor.has_dense_tables:
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        return loss, weight, gradients

    def forward_backward_seconds(self, batch: Batch, repeats: int = 3) -> float:
        """Returns the time of a step without its table and tower updates."""

        def of_replica(batch: Batch) -> list[tf.Tensor]:
            # Returned, since what no output needs would not be computed.
            *_, gradients = self._gradients(batch, randomness.step_seed(0, 0))
            return [_values(gradient) for gradient in gradients]

        run = tf.function(
            lambda batch: self.strategy.run(of_replica, args=(batch,)),
            reduce_retracing=True,
        )
        run(batch)
        started = time.perf_counter()
        for _ in range(repeats):
            run(batch)
        return (time.perf_counter() - started) / repeats

    def averaged_weights(self) -> contextlib.AbstractContextManager[None]:
        """Context in which the weights are their moving averages, if there are any."""
        if self.training.ema_decay == 0.0:
            return contextlib.nullcontext()
        from ytdnn.training import averages

        return averages.applied(
            self.optimizer.optimizers, self.variables, self.training.ema_decay
        )

    def mean_loss(self) -> float:
        """Returns the mean loss of the steps since the last call."""
        values = [self.executor.value(loss) for loss in self._losses]
        self._losses = []
        found = [value for value in values if value is not None]
        return float(tf.reduce_mean(tf.stack(found))) if found else 0.0

    def record(self, loss: Any) -> None:
        """Adds a step's loss to `mean_loss`."""
        self._losses.append(loss)


def _values(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _train_epoch(
    trainer: Trainer,
    keeper: checkpoints.Keeper,
    watcher: guard.FiniteGuard,
    progress: checkpoints.Progress,
    meter: report.Meter,
) -> None:
    several = trainer.training.steps_per_execution > 1
    steps = _several_at_once if several else _one_by_one
    last = None
    for batch in steps(trainer, watcher, progress, meter):
        last, place = batch, _place(progress)
        if progress.step_in_epoch % trainer.training.checkpoint_every_steps == 0:
            trainer.executor.finish()
            watcher.check_weights(place)
            keeper.save(progress)
    trainer.executor.finish()
    watcher.check_weights(f"the end of epoch {progress.epoch + 1}")
    is_probed = meter.forward_backward_share is None and trainer.executor.lag == 1
    if is_probed and meter.num_steps >= _PROBE_STEPS:
        if last is None:
            of_stage = trainer.stage.batches
            last = next(trainer.executor.batches(of_stage, progress.epoch, 0))
        meter.probe(trainer.forward_backward_seconds(last))


def _one_by_one(
    trainer: Trainer,
    watcher: guard.FiniteGuard,
    progress: checkpoints.Progress,
    meter: report.Meter,
) -> Iterator[Batch]:
    """Runs the remaining steps of an epoch; yields the batch after each."""
    stage, first = trainer.stage, progress.step_in_epoch
    batches = trainer.executor.batches(stage.batches, progress.epoch, first)
    for batch in _timed(batches, meter):
        started = time.perf_counter()
        step = progress.epoch * stage.steps_per_epoch + progress.step_in_epoch
        loss = trainer.step(batch, tf.constant(step, tf.int64))
        trainer.record(loss)
        progress.step_in_epoch += 1
        watcher.watch(_place(progress), loss, batch)
        meter.add_steps(1, time.perf_counter() - started, progress)
        yield batch


def _several_at_once(
    trainer: Trainer,
    watcher: guard.FiniteGuard,
    progress: checkpoints.Progress,
    meter: report.Meter,
) -> Iterator[None]:
    """Runs the remaining steps of an epoch, several in a call; yields after each."""
    started = time.perf_counter()
    for losses in trainer.calls(progress.epoch, progress.step_in_epoch):
        for loss in losses:
            trainer.record(loss)
            progress.step_in_epoch += 1
            watcher.watch(_place(progress), loss, {})
        meter.add_steps(len(losses), time.perf_counter() - started, progress)
        yield None
        started = time.perf_counter()


def _place(progress: checkpoints.Progress) -> str:
    return f"step {progress.step_in_epoch} of epoch {progress.epoch + 1}"


def _timed(batches: Any, meter: report.Meter) -> Iterator[Batch]:
    """Yields batches, telling the meter how long each was waited for."""
    iterator = iter(batches)
    while True:
        started = time.perf_counter()
        try:
            batch = next(iterator)
        except StopIteration:
            return
        meter.add_wait(time.perf_counter() - started)
        yield batch


def capped_batches(
    training: configs.TrainingConfig, num_examples: int, stage: str
) -> configs.TrainingConfig:
    """Returns the settings with a batch not much larger than the examples of an epoch.

    Padding would only cost time and memory. The cap is the next power of two at or
    above the number of examples, and at least 1,024.

    Args:
      training: Settings of a stage.
      num_examples: Number of examples of an epoch.
      stage: Name of the stage, for the message about it.
    """
    most = max(_LEAST_CAP, 1 << max(0, num_examples - 1).bit_length())
    if training.batch_size <= most:
        return training
    progress_room.say(
        f"note: {stage}: training.batch_size is {training.batch_size:,}, but there are "
        f"only {num_examples:,} examples: {most:,} is used"
    )
    return dataclasses.replace(training, batch_size=most)
