"""Prepares and appends logs, evaluates, and makes users' lists, on Apache Spark.

Users are divided among the cores of Spark's machines, which open the artefacts by the
driver's paths; lists and reports equal those of one machine.
"""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ytdnn.base import whole_files
from ytdnn.ops.spark import session
from ytdnn.run.pipeline import bulk

if TYPE_CHECKING:
    from ytdnn.bundle import streams
    from ytdnn.log import engines, joined_sets, prepared
    from ytdnn.run.pipeline import recommender as recommender_room


@dataclasses.dataclass(frozen=True)
class SparkMachines:
    """The machines of a Spark master, see `machines.Machines`.

    Attributes:
      settings: Address of the master, and settings of the session.
    """

    settings: session.SparkSettings

    @contextlib.contextmanager
    def engine(self, directory: pathlib.Path) -> "Iterator[engines.Engine]":
        """Context with the engine that prepares a log into a directory."""
        with (
            session.opened(self.settings) as opened,
            whole_files.scratch(directory, "spark") as scratch,
        ):
            from ytdnn.ops.spark import engine

            yield engine.SparkEngine(opened, scratch)

    @contextlib.contextmanager
    def shards(
        self, old: "prepared.PreparedData", new: "prepared.PreparedData"
    ) -> "Iterator[joined_sets.ShardWork]":
        """Context with the work on the shards of two joined sets."""
        with (
            session.opened(self.settings) as opened,
            whole_files.scratch(new.directory, "spark") as scratch,
        ):
            from ytdnn.ops.spark import appending

            yield appending.SparkShards(opened, old, new, scratch)

    @contextlib.contextmanager
    def lists(
        self,
        recommender: "recommender_room.Recommender",
        arguments: dict[str, Any],
        path: pathlib.Path,
    ) -> "Iterator[streams.Stream]":
        """Context with the lists of many users, to be written into a file."""
        with (
            session.opened(self.settings) as opened,
            whole_files.scratch(path, "spark") as scratch,
        ):
            yield divided(opened, recommender, arguments, scratch)


@dataclasses.dataclass(frozen=True)
class _Part:
    """Makes the lists of a part of the users in a process of Spark.

    Attributes:
      here: Working directory of the driver, for relative paths.
      bundle: Directory of the bundle.
      version: Version of the bundle.
      data: Directory of the prepared set.
      arguments: Arguments of `bulk.stream`.
      size: Number of users of a part.
      batch: Number of users in a batch, the same as on one machine: scores may differ
        in the last bit between batches of other sizes.
    """

    here: pathlib.Path
    bundle: pathlib.Path
    version: int
    data: pathlib.Path
    arguments: dict[str, Any]
    size: int
    batch: int

    def __call__(self, number: int, path: pathlib.Path) -> None:
        """Writes the lists of a part as Parquet."""
        import polars as pl

        from ytdnn.run.pipeline import recommender as recommender_room

        os.chdir(self.here)
        opened = recommender_room.Recommender.load(self.bundle, self.data, self.version)
        stream = bulk.stream(opened, **self.arguments)
        first = number * self.size
        last = min(first + self.size, len(stream.ids))
        starts = range(first, last, self.batch)
        frames = [stream.make(slice(s, min(s + self.batch, last))) for s in starts]
        found = pl.concat([pl.DataFrame(schema=stream.schema), *frames])
        found.write_parquet(path)


def divided(
    opened: Any,
    recommender: "recommender_room.Recommender",
    arguments: dict[str, Any],
    scratch: pathlib.Path,
) -> "streams.Stream":
    """Returns the lists of many users, made on Spark and read part by part.

    Args:
      opened: Spark's session, a `pyspark.sql.SparkSession`.
      recommender: The bundle, with the log's users.
      arguments: Arguments of `bulk.stream`.
      scratch: A directory that all machines reach.
    """
    import polars as pl

    from ytdnn.ops.spark import parts

    stream = bulk.stream(recommender, **arguments)
    number = max(1, opened.sparkContext.defaultParallelism)
    batches = -(-len(stream.ids) // stream.size)
    size = max(1, -(-batches // number)) * stream.size
    part = _Part(
        here=pathlib.Path.cwd(),
        bundle=recommender.bundle.directory.absolute(),
        version=recommender.bundle.version,
        data=recommender.data.directory.absolute(),
        arguments=arguments,
        size=size,
        batch=stream.size,
    )
    number = -(-len(stream.ids) // size)
    files = parts.written(opened, number, part, scratch, ".parquet")
    return dataclasses.replace(
        stream,
        make=lambda users: pl.read_parquet(files[users.start // size]),
        size=size,
    )
