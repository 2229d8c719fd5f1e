"""Frames that are computed in parts on Spark's machines, and read in order."""

import pathlib
import uuid
from collections.abc import Callable, Iterator

import polars as pl
import pyarrow as pa
import pyspark.sql

Make = Callable[[int], pl.DataFrame]


def written(
    session: pyspark.sql.SparkSession,
    number: int,
    make: Make,
    directory: pathlib.Path,
) -> list[pathlib.Path]:
    """Returns the Parquet files of parts, each written by the machine that Spark chose.

    A part that is written again, such as after a failure, replaces the first.

    Args:
      session: Session of Spark.
      number: Number of parts.
      make: Function that builds a part from its number.
      directory: Directory that all machines reach.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch.column(0).to_pylist():
                target = _file(directory, part)
                own = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
                make(part).write_parquet(own)
                own.rename(target)
            yield batch

    session.range(0, number, 1, number).mapInArrow(run, "id bigint").count()
    return [_file(directory, part) for part in range(number)]


def _file(directory: pathlib.Path, part: int) -> pathlib.Path:
    return directory / f"part-{part:05d}.parquet"
