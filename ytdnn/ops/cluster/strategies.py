"""Strategies of several devices: all local ones, a TPU, or a cluster of processes."""

import contextlib
import functools
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context

from ytdnn.base import configs, errors, registries
from ytdnn.layers import embeddings
from ytdnn.ops.cluster import agreement, executors, limits, replicas, tasks, watchdog
from ytdnn.training import devices

_POLL_SECONDS = 1.0
_TRIES = 3  # refused connections in a row, after which the chief is gone
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


class _Several(devices.OneDevice):
    """Base class of strategies with several devices, or another than the default."""

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """TensorFlow's strategy, created on first use."""
        return self._joined()

    def _joined(self) -> tf.distribute.Strategy:
        raise NotImplementedError

    def executor(self) -> devices.Executor:
        """Returns the executor of one training."""
        return executors.Distributed(self.strategy)


@registries.STRATEGIES.register("mirrored", replica=replicas.SyncedReplica)
class Mirrored(_Several):
    """The local GPUs; without GPUs, the logical CPUs."""

    def _joined(self) -> tf.distribute.Strategy:
        return tf.distribute.MirroredStrategy(_local_devices())


@registries.STRATEGIES.register("tpu", replica=replicas.SyncedReplica)
class Tpu(_Several):
    """The TPU of this process."""

    def require_fits(
        self, training: configs.TrainingConfig, stage: str, loss: object | None = None
    ) -> None:
        """Checks that a stage can be trained on a TPU.

        Raises:
          errors.UserError: The strategy does not support the settings.
        """
        limits.require_fits("tpu", training, stage, loss)

    def _joined(self) -> tf.distribute.Strategy:
        return _tpu()

    def executor(self) -> devices.Executor:
        """Returns the executor of steps that XLA compiles."""
        return executors.Compiled(self.strategy)


class _Cluster(_Several):
    """Devices of several processes, as `TF_CONFIG` names them.

    A process joins its cluster once: before anything else uses TensorFlow, and for
    every later training.
    """

    name = ""

    @property
    def writes(self) -> bool:  # type: ignore[override]
        """Whether this process writes checkpoints and artefacts."""
        return tasks.writes(self.name)

    def require_fits(
        self, training: configs.TrainingConfig, stage: str, loss: object | None = None
    ) -> None:
        """Checks that a stage can be trained by these processes.

        Raises:
          errors.UserError: The strategy does not support the settings.
        """
        limits.require_fits(self.name, training, stage, loss)

    def _joined(self) -> tf.distribute.Strategy:
        return _of_cluster(self.name, self.cluster)


@registries.STRATEGIES.register(
    "multi_worker",
    replica=replicas.SyncedReplica,
)
class MultiWorker(_Cluster):
    """The devices of several workers, which run each step together."""

    name = tasks.MULTI_WORKER

    @property
    def num_readers(self) -> int:
        """Number of parts that the batches are read in."""
        return int(self.strategy.num_replicas_in_sync)

    def agreed(self, values: Sequence[float]) -> list[float]:
        """Returns the chief's values, on every worker; all must call it together."""
        return agreement.of_chief(self.strategy, values)

    def require_same(self, epoch: int, step: int) -> None:
        """Checks that all workers resume from the same checkpoint.

        Raises:
          errors.UserError: The checkpoint of this worker differs from the chief's.
        """
        agreement.require_same(self.strategy, epoch, step)


@registries.STRATEGIES.register("parameter_server")
class ParameterServers(_Cluster):
    """Workers that run steps on the parameters of servers."""

    name = tasks.PARAMETER_SERVER

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Context in which models get the initial weights of a single process.

        Keras would scale the draws of a kernel's shard by the fan-in of the shard,
        which makes them too large. Tables draw their shards as parts of the whole
        (`embeddings.RowsNormal`); everything else is drawn whole and then split.
        """
        with self.strategy.scope(), tf.variable_creator_scope(_drawn_whole):
            yield

    def executor(self) -> devices.Executor:
        """Returns the executor that sends steps to workers."""
        return executors.Scheduled(self.strategy, self.cluster)


def _local_devices() -> list[str]:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return [device.name for device in tf.config.list_logical_devices(kind)]


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError):
        raise errors.UserError(
            "expected a TPU for --config.strategy=tpu, found none: use none or mirrored"
        ) from None
    return tf.distribute.TPUStrategy(resolver)


@functools.cache
def _of_cluster(name: str, cluster: configs.ClusterConfig) -> tf.distribute.Strategy:
    task = tasks.from_environment(name)
    if task is None:
        raise ValueError(f"expected the strategy of a cluster, received {name}")
    try:
        if name == tasks.MULTI_WORKER:
            return _multi_worker(task, cluster)
        return _parameter_server(task, cluster)
    except RuntimeError as error:  # TensorFlow's words for "too late"
        raise errors.UserError(
            f"expected --strategy={name} in a process that has not used TensorFlow "
            f"yet, found one that has ({errors.one_line(str(error)[:80])}): join the "
            f"cluster first"
        ) from None


def _multi_worker(
    task: tasks.Task, cluster: configs.ClusterConfig
) -> tf.distribute.MultiWorkerMirroredStrategy:
    workers = len(task.addresses[tasks.WORKER])
    # TensorFlow has no public way to say how long workers wait for one another.
    context.context().configure_coordination_service(
        "standalone",
        service_leader=f"/job:{tasks.WORKER}/replica:0/task:0",
        cluster_register_timeout_in_ms=cluster.start_seconds * 1000,
        heartbeat_timeout_in_ms=cluster.lost_seconds * 1000,
        coordinated_jobs=[
            coordination_config_pb2.CoordinatedJob(name=tasks.WORKER, num_tasks=workers)
        ],
    )
    others = {
        f"{tasks.WORKER} {number}": address
        for number, address in enumerate(task.addresses[tasks.WORKER])
        if number != task.index
    }
    with watchdog.ended_if_stuck(cluster.start_seconds, others):
        return tf.distribute.MultiWorkerMirroredStrategy(_resolver(task))


def _parameter_server(
    task: tasks.Task, cluster: configs.ClusterConfig
) -> tf.distribute.ParameterServerStrategy:
    tf.config.threading.set_inter_op_parallelism_threads(_threads(task))
    tf.get_logger().setLevel(logging.CRITICAL)  # pages about each lost worker
    for job in (tasks.WORKER, tasks.SERVER):
        for number, address in enumerate(task.addresses[job]):
            _wait_for(f"{job} {number}", address, cluster)
    return tf.distribute.ParameterServerStrategy(
        _resolver(task),
        variable_partitioner=tf.distribute.experimental.partitioners.MinSizePartitioner(
            min_shard_bytes=int(cluster.shard_megabytes * 2**20),
            max_shards=len(task.addresses[tasks.SERVER]),
        ),
    )


def _resolver(task: tasks.Task) -> tf.distribute.cluster_resolver.ClusterResolver:
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(task.addresses),
        task_type=task.job,
        task_id=task.index,
        rpc_layer="grpc",
    )


def _drawn_whole(
    next_creator: Callable[..., tf.Variable], **settings: Any
) -> tf.Variable:
    draw = settings.get("initial_value")
    if isinstance(draw, functools.partial) and _is_cut(draw.func):
        whole = functools.cache(draw)
        # One that takes no part of a variable makes TensorFlow cut the whole.
        settings["initial_value"] = lambda: whole()
    return next_creator(**settings)


def _is_cut(initializer: Any) -> bool:
    """Whether it is Keras's, and draws shards otherwise than as parts of the whole."""
    of_keras = isinstance(initializer, tf.keras.initializers.Initializer)
    return of_keras and not isinstance(initializer, embeddings.RowsNormal)


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
    _wait_for(tasks.CHIEF, chief, cluster)
    while any(_listens(chief) for _ in range(_TRIES)):
        time.sleep(_POLL_SECONDS)
    del server  # which served as long as it was held


def _threads(task: tasks.Task) -> int:
    """Returns the number of parallel operations, one more for each other process."""
    others = sum(len(places) for places in task.addresses.values())
    return max(os.cpu_count() or 1, others + 1)


def _wait_for(name: str, address: str, cluster: configs.ClusterConfig) -> None:
    """Waits until another process listens.

    Raises:
      errors.LostProcessError: It does not in time.
    """
    deadline = time.monotonic() + cluster.start_seconds
    while not _listens(address):
        if time.monotonic() > deadline:
            raise errors.LostProcessError(
                f"expected {name} of the cluster at {address} within "
                f"{cluster.start_seconds} s (cluster.start_seconds), found nothing "
                f"that listens there: start it, or correct {tasks.VARIABLE}"
            )
        time.sleep(_POLL_SECONDS)


def _listens(address: str) -> bool:
    found = watchdog.listens(address)
    if not found:
        time.sleep(_POLL_SECONDS)
    return found


@contextlib.contextmanager
def one_line(task: tasks.Task) -> Iterator[None]:
    """Context that turns TensorFlow's errors about a lost process into one error.

    Raises:
      errors.LostProcessError: A process of the cluster is missing.
    """
    try:
        yield
    except _LOST as error:
        others = sum(len(places) for places in task.addresses.values()) - 1
        raise errors.LostProcessError(
            f"expected the {others} other processes of the cluster to stay up, lost "
            f"one ({_brief(error)}): start it again; the same command resumes from the "
            f"last checkpoint"
        ) from None


def _brief(error: Exception) -> str:
    """Returns the words of TensorFlow's error that name the lost process."""
    text = str(error)
    found = re.search(r"/job:\w+(/replica:0)?/task:\d+", text)
    return found[0] if found else errors.one_line(text[:120])
