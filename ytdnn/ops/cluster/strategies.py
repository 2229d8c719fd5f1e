"""Strategies of several devices: all local ones, a TPU, or a cluster of processes.

Replicas in sync (mirrored, multi-worker, TPU) run the same step together, like one
device. With parameter servers the coordinator sends each batch to a free worker, and
reads losses when they arrive.
"""

import contextlib
import functools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context

from ytdnn.base import configs, errors, registries
from ytdnn.layers import embeddings, randomness
from ytdnn.log import batch_streams
from ytdnn.ops.cluster import tasks
from ytdnn.training import device_strategy

Datasets = batch_streams.Datasets
Feeds = Iterator[device_strategy.Feed]
Training = configs.TrainingConfig
_TRIES = 3  # refused connections in a row, after which the chief is gone
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


@registries.STRATEGIES.register("mirrored")
class Mirrored(device_strategy.OneDevice):
    """The local GPUs; without GPUs, the logical CPUs."""

    knows_widths = False

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """TensorFlow's strategy, created on first use."""
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        names = [device.name for device in tf.config.list_logical_devices(kind)]
        return tf.distribute.MirroredStrategy(names)

    def feeds(self, of_stage: Datasets, epoch: int, first_step: int) -> Feeds:
        """Yields distributed batches, grouped by shard window."""
        for dataset in of_stage(epoch, first_step):
            distributed = self.strategy.experimental_distribute_dataset(dataset)
            yield device_strategy.Feed(iter(distributed), dataset)


@registries.STRATEGIES.register("tpu")
class Tpu(Mirrored):
    """The TPU of this process.

    XLA has no sparse updates: tables get dense gradients, zero in rows without
    examples, so a step costs a pass over each table. Tables of hundreds of millions of
    rows (PAPER §3.1) need parameter servers.
    """

    has_dense_tables = True

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """TensorFlow's strategy, created on first use."""
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="")
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
        except (ValueError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError):
            raise errors.UserError(
                "expected a TPU for --config.strategy=tpu, found none: use none or "
                "mirrored"
            ) from None
        return tf.distribute.TPUStrategy(resolver)

    def require_fits(self, training: Training, stage: str, loss: Any = None) -> None:
        """Refuses updates of single rows."""
        if training.table_optimizer == "lazy_adam":
            raise errors.UserError(
                f"expected {stage}.training.table_optimizer of adagrad or adam for "
                f"--strategy=tpu, received lazy_adam: XLA has no updates of single rows"
            )

    def compiled(self, step: device_strategy.Step) -> device_strategy.Step:
        """Returns the step compiled by XLA; on a TPU, by the strategy."""

        def static_step(batch: device_strategy.Batch, number: tf.Tensor) -> tf.Tensor:
            with randomness.static_shapes():
                return step(batch, number)

        jit = None if isinstance(self.strategy, tf.distribute.TPUStrategy) else True
        return tf.function(static_step, reduce_retracing=True, jit_compile=jit)


class _Cluster(Mirrored):
    """Devices of several processes, as `TF_CONFIG` names them.

    A process joins its cluster once: before anything else uses TensorFlow, and for
    every later training.
    """

    name = ""

    @property
    def writes(self) -> bool:  # type: ignore[override]
        """Whether this process writes checkpoints and artefacts."""
        return tasks.from_environment(self.name).is_chief

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """TensorFlow's strategy, created on first use."""
        return _joined(self.name, self.cluster)

    def require_fits(self, training: Training, stage: str, loss: Any = None) -> None:
        """Refuses several steps in a call: a coordinator hands out single steps."""
        if training.steps_per_execution > 1:
            raise errors.UserError(
                f"expected {stage}.training.steps_per_execution=1 for "
                f"--strategy={self.name}, received {training.steps_per_execution}: "
                f"several processes make one step at a time"
            )


@registries.STRATEGIES.register(tasks.MULTI_WORKER)
class MultiWorker(_Cluster):
    """The devices of several workers, which run each step together."""

    name = tasks.MULTI_WORKER

    def feeds(self, of_stage: Datasets, epoch: int, first_step: int) -> Feeds:
        """Yields distributed batches; each worker cuts only its own rows."""
        replicas = int(self.strategy.num_replicas_in_sync)
        resolver = self.strategy.cluster_resolver
        local = replicas // resolver.cluster_spec().num_tasks(tasks.WORKER)
        first = resolver.task_id * local
        parts = [
            of_stage.part(Portion(number, replicas))(epoch, first_step)
            for number in range(first, first + local)
        ]
        for datasets in zip(*parts, strict=True):
            turns = functools.partial(_in_turns, datasets)
            distributed = self.strategy.distribute_datasets_from_function(turns)
            yield device_strategy.Feed(iter(distributed), datasets[0])

    def agreed(self, values: Sequence[float]) -> list[float]:
        """Returns the chief's values, on every worker; all must call it together."""
        weighted = [value * self.writes for value in values]
        total = self.strategy.reduce(
            tf.distribute.ReduceOp.SUM, tf.constant(weighted, tf.float64), axis=None
        )
        return [float(value) for value in total.numpy()]


class Portion(batch_streams.WholeBatch):
    """One of the equal portions of every batch, which one replica reads."""

    def __init__(self, number: int, count: int) -> None:
        """Stores the portion's number, from 0, and the number of portions."""
        self.number, self.count = number, count

    def size(self, rows: int) -> int:
        """Returns the number of a batch's rows in this portion.

        Raises:
          errors.UserError: The rows cannot be divided evenly.
        """
        if rows % self.count:
            raise errors.UserError(
                f"expected a training.batch_size that {self.count} replicas can share, "
                f"received one of {rows:,} rows (slices of label.slice_length for the "
                f"candidates): choose a multiple of {self.count}"
            )
        return rows // self.count

    def slots(self, step: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns the positions of the portion's rows in the order of an epoch."""
        first = step * rows + self.number * self.size(rows)
        return first + tf.range(self.size(rows), dtype=tf.int64)

    def own(self, values: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns the portion's rows of values for a whole batch, `[rows, ...]`."""
        size = self.size(rows)
        return values[self.number * size : (self.number + 1) * size]


def _in_turns(
    of_replicas: Sequence[tf.data.Dataset], context: tf.distribute.InputContext
) -> tf.data.Dataset:
    """Returns each step's batches of a worker's replicas, in order."""
    del context
    if len(of_replicas) == 1:
        return of_replicas[0]
    turns = tf.data.Dataset.range(len(of_replicas)).repeat()
    return tf.data.Dataset.choose_from_datasets(of_replicas, turns)


@registries.STRATEGIES.register(tasks.PARAMETER_SERVER)
class ParameterServers(_Cluster):
    """Workers that run steps on the parameters of servers.

    The coordinator makes the batches, so that the step of a lost worker is repeated by
    another with the same batch.
    """

    name = tasks.PARAMETER_SERVER

    @property
    def lag(self) -> int:  # type: ignore[override]
        """Number of steps that may be running when a new one starts: two a worker."""
        return 2 * len(tasks.from_environment(self.name).addresses[tasks.WORKER])

    def require_fits(self, training: Training, stage: str, loss: Any = None) -> None:
        """Refuses steps that read whole tables."""
        super().require_fits(training, stage, loss)
        if isinstance(loss, configs.FullSoftmaxConfig):
            raise errors.UserError(
                f"expected a loss that reads few rows of the video table for "
                f"--strategy={self.name}, received full_softmax, which reads all in "
                f"each step: give --config.candidates.loss=sampled_softmax"
            )

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Context in which models get the initial weights of a single process.

        Keras would scale the draws of a kernel's shard by the fan-in of the shard,
        which makes them too large. Tables draw their shards as parts of the whole
        (`embeddings.RowsNormal`); everything else is drawn whole and then split.
        """
        with self.strategy.scope(), tf.variable_creator_scope(_drawn_whole):
            yield

    def batches(
        self,
        of_stage: Datasets,
        epoch: int,
        first_step: int,
        step: device_strategy.Step,
    ) -> Iterator[device_strategy.Batch]:
        """Yields whole batches; `compiled` sends each to a worker."""
        del step  # it is traced where it runs
        for dataset in of_stage(epoch, first_step):
            yield from dataset

    def compiled(self, step: device_strategy.Step) -> device_strategy.Step:
        """Returns a function that schedules the step on a worker."""
        of_worker = tf.function(step, reduce_retracing=True)
        return lambda batch, number: self._coordinator.schedule(
            of_worker, (batch, number)
        )

    def value(self, loss: Any) -> tf.Tensor | None:
        """Returns a step's loss; None if its worker was lost after the step."""
        try:
            return loss.get()
        except (tf.errors.UnavailableError, tf.errors.AbortedError):
            return None

    def finish(self) -> None:
        """Waits for all running steps."""
        self._coordinator.join()

    @functools.cached_property
    def _coordinator(self) -> tf.distribute.coordinator.ClusterCoordinator:
        return tf.distribute.coordinator.ClusterCoordinator(self.strategy)


@functools.cache
def _joined(name: str, cluster: configs.ClusterConfig) -> tf.distribute.Strategy:
    task = tasks.from_environment(name)
    join = _multi_worker if name == tasks.MULTI_WORKER else _parameter_server
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(task.addresses),
        task_type=task.job,
        task_id=task.index,
        rpc_layer="grpc",
    )
    try:
        return join(task, cluster, resolver)
    except RuntimeError as error:  # TensorFlow's words for "too late"
        raise errors.UserError(
            f"expected --strategy={name} in a process that has not used TensorFlow "
            f"yet, found one that has ({errors.one_line(str(error)[:80])}): join the "
            f"cluster first"
        ) from None


def _multi_worker(
    task: tasks.Task, cluster: configs.ClusterConfig, resolver: Any
) -> tf.distribute.MultiWorkerMirroredStrategy:
    tasks.wait_for_workers(task, cluster.start_seconds)
    workers = len(task.addresses[tasks.WORKER])
    job = coordination_config_pb2.CoordinatedJob(name=tasks.WORKER, num_tasks=workers)
    # TensorFlow has no public way to say how long workers wait for one another.
    context.context().configure_coordination_service(
        "standalone",
        service_leader=f"/job:{tasks.WORKER}/replica:0/task:0",
        cluster_register_timeout_in_ms=cluster.start_seconds * 1000,
        heartbeat_timeout_in_ms=cluster.lost_seconds * 1000,
        coordinated_jobs=[job],
    )
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)


def _parameter_server(
    task: tasks.Task, cluster: configs.ClusterConfig, resolver: Any
) -> tf.distribute.ParameterServerStrategy:
    tf.config.threading.set_inter_op_parallelism_threads(_threads(task))
    tf.get_logger().setLevel(logging.CRITICAL)  # pages about each lost worker
    for job in (tasks.WORKER, tasks.SERVER):
        for number, address in enumerate(task.addresses[job]):
            tasks.wait_for(f"{job} {number}", address, cluster.start_seconds)
    return tf.distribute.ParameterServerStrategy(
        resolver,
        variable_partitioner=tf.distribute.experimental.partitioners.MinSizePartitioner(
            min_shard_bytes=int(cluster.shard_megabytes * 2**20),
            max_shards=len(task.addresses[tasks.SERVER]),
        ),
    )


def _drawn_whole(
    next_creator: Callable[..., tf.Variable], **settings: Any
) -> tf.Variable:
    draw: Any = settings.get("initial_value")
    of_keras = isinstance(draw, functools.partial) and isinstance(
        draw.func, tf.keras.initializers.Initializer
    )
    if of_keras and not isinstance(draw.func, embeddings.RowsNormal):
        whole = functools.cache(draw)
        # One that takes no part of a variable makes TensorFlow cut the whole.
        settings["initial_value"] = lambda: whole()
    return next_creator(**settings)


def serve(task: tasks.Task, cluster: configs.ClusterConfig) -> None:
    """Serves the trainings of a chief until it ends, as a worker or parameter server.

    Raises:
      errors.LostProcessError: The chief does not start.
    """
    server = tf.distribute.Server(
        tf.train.ClusterSpec(task.addresses),
        job_name=task.job,
        task_index=task.index,
        config=tf.compat.v1.ConfigProto(inter_op_parallelism_threads=_threads(task)),
    )
    chief = task.addresses[tasks.CHIEF][0]
    tasks.wait_for(tasks.CHIEF, chief, cluster.start_seconds)
    while any(tasks.listens(chief) for _ in range(_TRIES)):
        time.sleep(1.0)
    del server  # which served as long as it was held


def _threads(task: tasks.Task) -> int:
    """Returns the number of parallel operations, at least one for each process."""
    return max(os.cpu_count() or 1, sum(map(len, task.addresses.values())) + 1)
