"""The devices of a training: one, unless the config names a strategy for several.

`OneDevice` is the strategy `none`. Others are registered under the names that
`configs.Config.strategy` takes, and override the methods in which they differ.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.log import streaming

Batch = dict[str, tf.Tensor]
Step = Callable[[Batch, tf.Tensor], tf.Tensor]
Steps = Callable[[Iterator[Batch], tf.Tensor, tf.Tensor], tf.Tensor]
_CLUSTER = configs.ClusterConfig()


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
    """

    writes = True
    lag = 1  # a loss read at once would make an accelerator wait for Python
    has_dense_tables = False

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

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Context in which models are created on these devices."""
        with self.strategy.scope():
            yield

    def feeds(
        self, of_stage: streaming.Datasets, epoch: int, first_step: int
    ) -> Iterator[Feed]:
        """Yields an epoch's batches from a step on, grouped by shard window."""
        for dataset in of_stage(epoch, first_step):
            yield Feed(iter(dataset), dataset)
            del dataset

    def batches(
        self, of_stage: streaming.Datasets, epoch: int, first_step: int
    ) -> Iterator[Batch]:
        """Yields an epoch's batches from a step on, as inputs of `compiled`."""
        for feed in self.feeds(of_stage, epoch, first_step):
            yield from feed.batches
            del feed  # before the next window takes its memory

    def compiled(self, step: Step) -> Step:
        """Returns a step that runs on the devices."""
        # Bags of search tokens differ in width from batch to batch: one graph for all.
        return tf.function(step, reduce_retracing=True)

    def several(self, step: Step) -> Steps:
        """Returns a function that runs several steps in one call.

        Args:
          step: Step as for `compiled`.

        Returns:
          (batches of a `Feed`, number of the first step `int64`, number of steps
          `int32`, at most those left) → their losses `[number of steps]`.
        """
        compiled = self.compiled(step)

        def steps(
            batches: Iterator[Batch], first: tf.Tensor, number: tf.Tensor
        ) -> tf.Tensor:
            losses = tf.TensorArray(tf.float32, number)
            for made in tf.range(number):
                loss = compiled(next(batches), first + tf.cast(made, tf.int64))
                losses = losses.write(made, loss)
            return losses.stack()

        return tf.function(steps, reduce_retracing=True)

    def value(self, loss: Any) -> tf.Tensor | None:
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
    found: OneDevice = registries.STRATEGIES[name].make(cluster)
    return found
