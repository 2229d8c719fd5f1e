"""Executors of strategies with several devices: their batches and steps.

Replicas in sync (mirrored, multi-worker, TPU) run the same step together, like one
device (`training/devices.py`). With parameter servers the coordinator sends each batch
to a free worker, and reads losses when they arrive.
"""

import collections
import functools
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from ytdnn.base import configs, errors
from ytdnn.layers import replica
from ytdnn.log import streaming
from ytdnn.ops.cluster import portions
from ytdnn.training import devices


class Distributed(devices.InSync):
    """All replicas run each step together; each worker reads only its own rows."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        """Keeps the strategy."""
        self._strategy = strategy
        self._is_multi_worker = isinstance(
            strategy, tf.distribute.MultiWorkerMirroredStrategy
        )

    def feeds(
        self, of_stage: streaming.Datasets, epoch: int, first_step: int
    ) -> Iterator[devices.Feed]:
        """Yields distributed batches, grouped by shard window."""
        if not self._is_multi_worker:
            for dataset in of_stage(epoch, first_step):
                distributed = self._strategy.experimental_distribute_dataset(dataset)
                yield devices.Feed(iter(distributed), dataset)
            return
        resolver = self._strategy.cluster_resolver
        replicas = self._strategy.num_replicas_in_sync
        local = replicas // resolver.cluster_spec().num_tasks(resolver.task_type)
        first = resolver.task_id * local
        parts = [
            of_stage.part(portions.Portion(number, replicas))(epoch, first_step)
            for number in range(first, first + local)
        ]
        for datasets in zip(*parts, strict=True):
            turns = functools.partial(_in_turns, datasets)
            distributed = self._strategy.distribute_datasets_from_function(turns)
            yield devices.Feed(iter(distributed), datasets[0])


class Compiled(Distributed):
    """`Distributed` with steps compiled by XLA, for TPUs.

    XLA has no sparse updates: tables get dense gradients, zero in rows without
    examples, so a step costs a pass over each table. Tables of hundreds of millions of
    rows (PAPER §3.1) need parameter servers.
    """

    has_dense_tables = True

    def compiled(self, step: devices.Step) -> devices.Step:
        """Returns the step compiled by XLA; on a TPU, by the strategy."""

        def of_static_shapes(batch: devices.Batch, number: tf.Tensor) -> tf.Tensor:
            with replica.static_shapes():
                return step(batch, number)

        if isinstance(self._strategy, tf.distribute.TPUStrategy):
            return super().compiled(of_static_shapes)
        return tf.function(of_static_shapes, reduce_retracing=True, jit_compile=True)


def _in_turns(
    of_replicas: Sequence[tf.data.Dataset], context: tf.distribute.InputContext
) -> tf.data.Dataset:
    """Returns each step's batches of a worker's replicas, in order."""
    del context
    if len(of_replicas) == 1:
        return of_replicas[0]
    turns = tf.data.Dataset.range(len(of_replicas)).repeat()
    return tf.data.Dataset.choose_from_datasets(of_replicas, turns)


class _Pending:
    """A scheduled step, with its result."""

    def __init__(self, remote: Any) -> None:
        self._remote = remote
        self._is_read = threading.Event()
        self.loss: tf.Tensor | None = None
        self.error: Exception | None = None

    def read(self) -> None:
        """Fetches the loss from the worker, in the thread of the reader."""
        remote, self._remote = self._remote, None  # which holds the batch
        try:
            self.loss = remote.get()
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            del error  # the step was made; its worker ended before it was asked
        except Exception as error:
            self.error = error
        self._is_read.set()

    def wait(self, seconds: float) -> bool:
        """Whether the loss arrived within a time."""
        return self._is_read.wait(seconds)


class Scheduled:
    """Each step runs on one worker, with the current parameters.

    The coordinator makes the batches, so that the step of a lost worker is repeated by
    another with the same batch.
    """

    has_dense_tables = False

    def __init__(
        self,
        strategy: tf.distribute.ParameterServerStrategy,
        cluster: configs.ClusterConfig,
    ) -> None:
        """Creates the coordinator of the cluster."""
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        self._most_seconds = cluster.lost_seconds
        self.lag = 2 * strategy._extended._num_workers  # TensorFlow has no public way
        self._under_way: collections.deque[_Pending] = collections.deque()
        self._to_read: queue.SimpleQueue[_Pending] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def batches(
        self, of_stage: streaming.Datasets, epoch: int, first_step: int
    ) -> Iterator[devices.Batch]:
        """Yields whole batches; `compiled` sends each to a worker."""
        for dataset in of_stage(epoch, first_step):
            yield from dataset

    def compiled(self, step: devices.Step) -> devices.Step:
        """Returns a function that schedules the step, and waits if many are pending."""
        of_worker = tf.function(step, reduce_retracing=True)

        def schedule(batch: devices.Batch, number: tf.Tensor) -> _Pending:
            while len(self._under_way) >= self.lag:
                self._wait(self._under_way.popleft())
            pending = _Pending(self._coordinator.schedule(of_worker, (batch, number)))
            self._under_way.append(pending)
            self._to_read.put(pending)
            return pending

        return schedule

    def value(self, loss: _Pending) -> tf.Tensor | None:
        """Returns a step's loss; None if its worker was lost after the step."""
        self._wait(loss)
        return loss.loss

    def finish(self) -> None:
        """Waits for all running steps."""
        while self._under_way:
            self._wait(self._under_way.popleft())

    def _read(self) -> None:
        while True:
            self._to_read.get().read()

    def _wait(self, pending: _Pending) -> None:
        """Waits for a step.

        Raises:
          errors.UserError: No worker finished the step in time.
        """
        if not pending.wait(self._most_seconds):
            raise errors.LostProcessError(
                f"expected a worker to finish a step within {self._most_seconds} s, "
                f"found none: start the lost workers again, or raise "
                f"cluster.lost_seconds; the same command resumes"
            )
        if pending.error is not None:
            raise pending.error
