"""The devices of a training: one, unless the config names a strategy for several.

`OneDevice` is the strategy `none`. Others are registered under the names that
`configs.Config.strategy` takes, and override the methods in which they differ.
"""

import collections
import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from ytdnn.base import configs, errors, registries
from ytdnn.log import batch_streams

Model: TypeAlias = tf.keras.Model
Tensor: TypeAlias = tf.Tensor

Datasets = batch_streams.Datasets

Batch = dict[str, Tensor]
Step = Any  # function or `tf.function`, (batch, step) → loss
Steps = Callable[[Iterator[Batch], Tensor, Tensor], Tensor]
_CLUSTER = configs.ClusterConfig()
_MOST_WEIGHT = 1e9  # products of larger ones leave float32


@dataclasses.dataclass(frozen=True)
class Feed:
    """Consecutive batches on the devices.

    Attributes:
      batches: Iterator over the batches, in Python and in a graph.
      dataset: Dataset of the batches.
    """

    batches: Iterator[Batch]
    dataset: tf.data.Dataset

    @property
    def length(self) -> int:
        """Number of batches."""
        return int(self.dataset.cardinality())


@registries.STRATEGIES.register("none")
class OneDevice:
    """Trains on one device, in this process only.

    Attributes:
      cluster: Settings of how several processes train together.
      writes: Whether this process writes checkpoints and artefacts.
      lag: Number of steps that may be running, or unread, when a new one starts.
      has_dense_tables: Whether gradients of tables must be dense.
      knows_widths: Whether the step is traced for the widths of all batches at first.
    """

    writes = True
    lag = 1  # a loss read at once would make an accelerator wait for Python
    has_dense_tables = False
    knows_widths = True

    def __init__(self, cluster: configs.ClusterConfig = _CLUSTER) -> None:
        """Stores the settings; no device is initialised."""
        self.cluster = cluster

    @property
    def strategy(self) -> tf.distribute.Strategy:
        """TensorFlow's strategy, created on first use."""
        return tf.distribute.get_strategy()

    def require_fits(
        self, training: configs.TrainingConfig, stage: str, loss: object | None = None
    ) -> None:
        """Checks that a stage can be trained on these devices.

        Args:
          training: Settings of the stage.
          stage: `candidates` or `ranking`.
          loss: Loss of the candidates.

        Raises:
          errors.UserError: The devices do not support the stage.
        """

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Context in which models are created on these devices."""
        return self.strategy.scope()

    def feeds(self, of_stage: Datasets, epoch: int, first_step: int) -> Iterator[Feed]:
        """Yields an epoch's batches from a step on, grouped by shard window."""
        for dataset in of_stage(epoch, first_step):
            yield Feed(iter(dataset), dataset)
            del dataset

    def batches(
        self, of_stage: Datasets, epoch: int, first_step: int, step: Step
    ) -> Iterator[Batch]:
        """Yields an epoch's batches from a step on, as inputs of the `compiled` step.

        Bags of search tokens differ in width from batch to batch. Traced for the first
        batch, the step would be traced again for the second.
        """
        for feed in self.feeds(of_stage, epoch, first_step):
            if self.knows_widths:
                number = tf.TensorSpec([], tf.int64)
                step.get_concrete_function(feed.dataset.element_spec, number)
            yield from feed.batches
            del feed  # before the next window takes its memory

    def compiled(self, step: Step) -> Step:
        """Returns a step that runs on the devices."""
        return tf.function(step, autograph=False, reduce_retracing=True)

    def several(self, step: Step) -> Steps:
        """Returns a function that runs several steps in one call.

        Args:
          step: Step as for `compiled`.

        Returns:
          (batches of a `Feed`, number of the first step `int64`, number of steps
          `int32`, at most those left) → their losses `[number of steps]`.
        """
        compiled = self.compiled(step)

        def steps(batches: Iterator[Batch], first: Tensor, number: Tensor) -> Tensor:
            losses = tf.TensorArray(tf.float32, number)
            for number_done in tf.range(number):
                loss = compiled(next(batches), first + tf.cast(number_done, tf.int64))
                losses = losses.write(number_done, loss)
            return losses.stack()

        return tf.function(steps, reduce_retracing=True)

    def value(self, loss: Any) -> Tensor | None:
        """Waits for a step and returns its loss; None: a worker was lost meanwhile."""
        return loss

    def finish(self) -> None:
        """Waits for all running steps."""

    def agreed(self, values: Sequence[float]) -> list[float]:
        """Returns values that are equal in all processes; all must call it together."""
        return list(values)


def make(name: str, cluster: configs.ClusterConfig = _CLUSTER) -> OneDevice:
    """Returns the devices of a strategy; see `configs.Config.strategy`.

    Args:
      name: Name of the strategy.
      cluster: Settings, with the time to wait for other processes.
    """
    return registries.STRATEGIES[name].make(cluster)


class FiniteGuard:
    """Checks every step's loss, and the weights before they are checkpointed.

    So the latest checkpoint always has finite weights. A loss is read only after
    `lag` more steps have been started.
    """

    def __init__(
        self, name: str, model: Model, describe_latest: Callable[[], str], on: OneDevice
    ) -> None:
        """Creates the guard, before the first step.

        Args:
          name: Name of the stage, for the error.
          model: Model with the weights.
          describe_latest: Function that returns the place of the latest checkpoint.
          on: Devices that the losses are read from.
        """
        self._on = on
        self._describe_latest = describe_latest
        self._name = name
        self._model = model
        self._unread: collections.deque[tuple[str, Any, Mapping[str, Any]]] = (
            collections.deque()
        )

    def watch(self, place: str, loss: Any, batch: Mapping[str, Any]) -> None:
        """Records a step's loss, and checks the loss of an earlier step.

        Args:
          place: Step in words.
          loss: Loss as the steps of the devices return it.
          batch: Batch of the step.

        Raises:
          errors.UserError: The loss of the earlier step is not finite.
        """
        self._settle(self._on.lag - 1)
        self._unread.append((place, loss, batch))

    def _settle(self, most: int = 0) -> None:
        """Checks recorded losses, the oldest first, until `most` are unchecked."""
        while len(self._unread) > most:
            place, unread, batch = self._unread.popleft()
            loss = self._on.value(unread)
            if loss is not None and not tf.math.is_finite(loss):
                values = [*batch.items(), *self._weights()]
                culprits = [name for name, value in values if _is_bad(value)]
                raise self._error("loss is not a number", place, culprits)

    def check_weights(self, place: str) -> None:
        """Checks the last losses and all weights, before they are saved.

        Raises:
          errors.UserError: A loss or weight is not finite.
        """
        self._settle()
        culprits = [name for name, v in self._weights() if _is_bad(v, _MOST_WEIGHT)]
        if culprits:
            what = f"weights are not numbers below {_MOST_WEIGHT:g}"
            raise self._error(what, place, culprits)

    def _weights(self) -> list[tuple[str, Any]]:
        return [(v.name.removesuffix(":0"), v) for v in self._model.variables]

    def _error(self, what: str, place: str, names: Iterable[str]) -> errors.UserError:
        culprits = ", ".join(names) or "none of inputs and weights, so the loss itself"
        return errors.UserError(
            f"the {self._name} {what} at {place} ({culprits}): lower "
            f"training.learning_rate or table_learning_rate; {self._describe_latest()}"
        )


def _is_bad(value: Any, most: float = math.inf) -> bool:
    """Whether a value is not finite, or above `most` in size."""
    parts = getattr(value, "values", (value,))  # one for each replica
    return any(_exceeds(part, most) for part in parts if part.dtype.is_floating)


def _exceeds(part: Any, most: float) -> bool:
    with tf.device(part.device):  # a parameter server looks at its own
        return not bool(tf.reduce_all(tf.abs(part) < most))
