"""Prepares logs, and makes the lists of many users, on Apache Spark.

Shards of a log, and users, are divided among the cores of Spark's machines, which open
all files by the driver's paths; prepared sets and lists equal those of one machine. A
log is read and checked by the driver.
"""

import contextlib
import dataclasses
import os
import pathlib
import pickle
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ytdnn.base import progress, registries, whole_files
from ytdnn.ops.spark import session
from ytdnn.run.cli import command
from ytdnn.run.pipeline import bulk_answers

if TYPE_CHECKING:
    import pyarrow as pa
    import pyspark.sql

    from ytdnn.bundle import answer_files
    from ytdnn.log import shard_tasks
    from ytdnn.run.pipeline import recommender as run_recommender

Write = Callable[[int, pathlib.Path], None]


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
    """The machines of a Spark master, see `shared_work.Machines`.

    Attributes:
      settings: Address of the master, and settings of the session.
    """

    settings: session.SparkSettings

    @contextlib.contextmanager
    def tasks(self, directory: pathlib.Path) -> Iterator[SparkTasks]:
        """Context that runs the tasks of preparing a log into a directory."""
        with (
            session.opened(self.settings) as opened,
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
            session.opened(self.settings) as opened,
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
    master = given.values.get("spark_master", session.LOCAL)
    conf = session.parse_conf(given.values.get("conf", ""))
    session.require()
    return SparkMachines(session.SparkSettings(master, conf))
