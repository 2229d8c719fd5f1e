"""Prepares logs, and makes the lists of many users, on Apache Spark.

Shards of a log, and users, are divided among the cores of Spark's machines, which open
all files by the driver's paths; prepared sets and lists equal those of one machine. A
log is read and checked by the driver.
"""

import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import pickle
import re
import socket
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ytdnn
from ytdnn.base import errors, progress, registries, whole_files
from ytdnn.run.cli import command
from ytdnn.run.pipeline import bulk_answers

if TYPE_CHECKING:
    import pyarrow as pa
    import pyspark.sql

    from ytdnn.bundle import answer_files
    from ytdnn.log import shard_tasks
    from ytdnn.run.pipeline import recommender as run_recommender

Write = Callable[[int, pathlib.Path], None]
LOCAL = "local[*]"
_LOOPBACK = "127.0.0.1"
_PORT = 7077
_SECONDS_TO_CONNECT = 5.0
# What every session has unless it is told otherwise. No page of Spark's own: who
# reaches a port of Spark can run code there.
_DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
}
_OMP, _TENSORFLOW = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"
_OTHER_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # go before OpenMP's
_OF_LOCAL = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "16",
}


def write_parts(
    opened: "pyspark.sql.SparkSession",
    number: int,
    write: Write,
    directory: pathlib.Path,
) -> list[pathlib.Path]:
    """Returns the files of parts, each written by the machine that Spark chose.

    A part that is written again, such as after a failure, replaces the first.

    Args:
      opened: Session of Spark.
      number: Number of parts.
      write: Function of a part's number and a path, at which it writes the part.
      directory: Directory that all machines reach.
    """
    cwd, directory = pathlib.Path.cwd(), directory.absolute()

    def run(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        os.chdir(cwd)  # relative paths are the driver's
        for batch in batches:
            for part in batch.column(0).to_pylist():
                private = directory / f".part-{part:05d}.{uuid.uuid4().hex}"
                write(part, private)
                private.rename(directory / f"part-{part:05d}")
            yield batch

    opened.range(0, number, 1, number).mapInArrow(run, "id bigint").count()
    return [directory / f"part-{part:05d}" for part in range(number)]


@dataclasses.dataclass(frozen=True)
class SparkTasks:
    """Runs the tasks of `prepare` on Spark, see `shard_tasks.RunTasks`.

    Attributes:
      opened: Session of Spark.
      scratch: An empty directory that all machines reach.
    """

    opened: "pyspark.sql.SparkSession"
    scratch: pathlib.Path

    def __call__(
        self,
        task: "shard_tasks.Task",
        parts: "Sequence[shard_tasks.ShardUsers]",
        name: str,
    ) -> list[Any]:
        """Returns the result of the task for each shard, in order."""
        progress.say(f"{name}: {len(parts):,} shards on Spark, a task each")

        def write(number: int, path: pathlib.Path) -> None:
            path.write_bytes(pickle.dumps(task(parts[number])))

        files = write_parts(self.opened, len(parts), write, self.scratch)
        return [pickle.loads(file.read_bytes()) for file in files]


@dataclasses.dataclass(frozen=True)
class SparkMachines:
    """The machines of a Spark master, see `shared_machines.Machines`.

    Attributes:
      master: Address such as "spark://host:7077"; or "local[2]" for this machine.
      conf: Settings of Spark by their names.
    """

    master: str = LOCAL
    conf: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def tasks(self, directory: pathlib.Path) -> Iterator[SparkTasks]:
        """Context that runs the tasks of preparing a log into a directory."""
        with (
            open_session(self) as opened,
            whole_files.scratch(directory, "spark") as scratch,
        ):
            yield SparkTasks(opened, scratch)

    @contextlib.contextmanager
    def lists(
        self,
        recommender: "run_recommender.Recommender",
        arguments: dict[str, Any],
        path: pathlib.Path,
    ) -> "Iterator[answer_files.Stream]":
        """Context with the lists of many users, to be written into a file."""
        with (
            open_session(self) as opened,
            whole_files.scratch(path, "spark") as scratch,
        ):
            yield divided(opened, recommender, arguments, scratch)


def divided(
    opened: "pyspark.sql.SparkSession",
    recommender: "run_recommender.Recommender",
    arguments: dict[str, Any],
    scratch: pathlib.Path,
) -> "answer_files.Stream":
    """Returns the lists of many users, made on Spark and read part by part.

    Args:
      opened: Session of Spark.
      recommender: The bundle, with the log's users.
      arguments: Arguments of `bulk_answers.stream`.
      scratch: A directory that all machines reach.
    """
    import polars as pl

    stream = bulk_answers.stream(recommender, **arguments)
    batches = -(-len(stream.ids) // stream.size)
    number = max(1, opened.sparkContext.defaultParallelism)
    size = max(1, -(-batches // number)) * stream.size
    bundle, data = recommender.bundle, recommender.data
    places = bundle.directory.absolute(), data.directory.absolute(), bundle.version
    # The batches of one machine: scores may differ in the last bit between sizes.
    batch, count = stream.size, len(stream.ids)

    def write(number: int, path: pathlib.Path) -> None:
        from ytdnn.run.pipeline import recommender as run_recommender

        loaded = bulk_answers.stream(
            run_recommender.Recommender.load(*places), **arguments
        )
        last = min((number + 1) * size, count)
        starts = range(number * size, last, batch)
        frames = [loaded.make(slice(s, min(s + batch, last))) for s in starts]
        pl.concat([pl.DataFrame(schema=loaded.schema), *frames]).write_parquet(path)

    files = write_parts(opened, -(-count // size), write, scratch)
    return dataclasses.replace(
        stream,
        make=lambda users: pl.read_parquet(files[users.start // size]),
        size=size,
    )


@registries.HOOKS.register("spark")
def machines(given: command.Arguments) -> SparkMachines:
    """Returns the machines that the flags name: the engine `spark` of commands.

    Raises:
      errors.UserError: A setting is malformed, or a package is missing.
    """
    master = given.values.get("spark_master", LOCAL)
    conf = parse_conf(given.values.get("conf", ""))
    require()
    return SparkMachines(master, conf)


def parse_conf(text: str) -> dict[str, str]:
    """Returns the Spark settings in a text.

    >>> parse_conf("spark.executor.memory=4g,spark.task.cpus=1")
    {'spark.executor.memory': '4g', 'spark.task.cpus': '1'}

    Raises:
      errors.UserError: An entry is malformed.
    """
    settings = {}
    for entry in filter(None, text.split(",")):
        key, equals, value = (part.strip() for part in entry.partition("="))
        if not equals or not key.startswith("spark."):
            raise errors.UserError(
                f"expected --conf as spark.KEY=VALUE,…, received {entry!r}: write for "
                f"example --conf=spark.executor.memory=4g"
            )
        settings[key] = value
    return settings


def require() -> None:
    """Checks that the packages of Spark are installed.

    Raises:
      errors.UserError: One is missing.
    """
    for package in ("pyspark", "pyarrow"):
        if importlib.util.find_spec(package) is None:
            raise errors.UserError(
                f"expected the package {package} for --engine=spark, found none: "
                f"pip install -c constraints.txt '.[spark]' in the checkout, or use "
                f"--engine=polars"
            )


@contextlib.contextmanager
def open_session(spark: SparkMachines) -> Iterator["pyspark.sql.SparkSession"]:
    """Context with a session, which is stopped at the end.

    Raises:
      errors.UserError: Spark cannot run here, or the master is not reached.
    """
    require()
    _require_master(spark.master)
    from py4j import protocol
    from pyspark import errors as spark_errors
    from pyspark import sql

    # Of pandas' third version, of which nothing here makes use.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    of_spark = (spark_errors.PySparkException, protocol.Py4JError)
    builder = sql.SparkSession.builder.appName("ytdnn").master(spark.master)
    for key, value in _conf(spark).items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except (*of_spark, OSError) as error:
        raise errors.UserError(
            f"expected a Spark master at {spark.master}, could not start: "
            f"{_reason(error)}: check --spark_master and --conf, and that Java 17 or "
            f"newer is installed, or use --engine=polars"
        ) from None
    try:
        yield session
    except of_spark as error:
        raise errors.UserError(
            f"expected Spark at {spark.master} to do its work, it failed: "
            f"{_reason(error)}: see the logs of its workers, or use --engine=polars"
        ) from None
    finally:
        session.stop()


def _require_master(master: str) -> None:
    """Checks that one of the hosts of spark://HOST:PORT,… takes a connection.

    Spark itself tries again for minutes, and says nothing.

    Raises:
      errors.UserError: None does.
    """
    reasons = []
    hosts = master.removeprefix("spark://")
    for address in hosts.split(",") if hosts != master else ():
        host, _, port = address.partition(":")
        try:
            place = host, int(port or _PORT)
            socket.create_connection(place, _SECONDS_TO_CONNECT).close()
        except (OSError, OverflowError, ValueError) as error:
            reasons.append(errors.one_line(str(error)))
        else:
            return
    if reasons:
        raise errors.UserError(
            f"expected a Spark master at {master}, could not connect "
            f"({'; '.join(reasons)}): start it, correct --spark_master, or use "
            f"--engine=polars"
        )


def _conf(spark: SparkMachines) -> dict[str, str]:
    """Returns all settings of a session; its Python is this one, ytdnn included."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    root = str(pathlib.Path(ytdnn.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    variables = {"PYTHONPATH": paths, **_threads()}
    conf = _DEFAULTS | {
        f"spark.executorEnv.{name}": value for name, value in variables.items()
    }
    if spark.master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
        conf |= _OF_LOCAL
    return conf | dict(spark.conf)


def _threads() -> dict[str, str]:
    """Returns the variables that give Spark's Python the driver's number of threads.

    The threads that share a product decide how its sums are rounded. Spark would set
    one thread, and a slate's order then differed for one user of MovieLens-100K.
    """
    number = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        number = len(os.sched_getaffinity(0))
    named = {name: os.environ.get(name, str(number)) for name in (_OMP, _TENSORFLOW)}
    others = {name: os.environ.get(name, "") for name in _OTHER_THREADS}
    return named | {name: value for name, value in others.items() if value}


def _reason(error: Exception) -> str:
    """Returns the line with the cause of a failure, preferring Python's."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    of_python = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
    of_java = [line.removeprefix(": ") for line in lines if line.startswith(": ")]
    reasons = of_python[-1:] or of_java or lines or [type(error).__name__]
    return errors.one_line(reasons[0])[:200]
