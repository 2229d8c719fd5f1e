"""Files that are computed in parts on Spark's machines, to be read in order."""

import pathlib
import uuid
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyspark.sql

Write = Callable[[int, pathlib.Path], None]


def written(
    session: pyspark.sql.SparkSession,
    number: int,
    write: Write,
    directory: pathlib.Path,
    suffix: str,
) -> list[pathlib.Path]:
    """Returns the files of parts, each written by the machine that Spark chose.

    A part that is written again, such as after a failure, replaces the first.

    Args:
      session: Session of Spark.
      number: Number of parts.
      write: Function of a part's number and a path, at which it writes the part.
      directory: Directory that all machines reach.
      suffix: Suffix of the files, such as ".parquet".
    """

    def file(part: int) -> pathlib.Path:
        return directory / f"part-{part:05d}{suffix}"

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch.column(0).to_pylist():
                target = file(part)
                own = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
                write(part, own)
                own.rename(target)
            yield batch

    session.range(0, number, 1, number).mapInArrow(run, "id bigint").count()
    return [file(part) for part in range(number)]
