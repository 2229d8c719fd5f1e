"""Rows of a log's tables inside Spark: read, cast and filtered by Polars.

A task reads a range of a table's rows with the same Polars plan as on one machine, so
that types, units, filters and row numbers do not depend on the engine. All tasks must
reach the files by the driver's paths.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator

import polars as pl
import pyarrow as pa
import pyspark.sql

from ytdnn.log import event_log

ROWS_A_TASK = 2_000_000
_VALUES_A_TASK = 4_000_000

Make = Callable[[pl.LazyFrame], pl.LazyFrame]
_KINDS = {
    pl.Int64: "bigint",
    pl.UInt64: "bigint",
    pl.UInt32: "bigint",
    pl.Int32: "bigint",
    pl.Float64: "double",
    pl.Boolean: "boolean",
    pl.String: "string",
}
_ARROW = {
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
}


@dataclasses.dataclass(frozen=True)
class TableRows:
    """The rows of a table.

    Attributes:
      frame: Rows with `event_log.ROW`.
      num_rows: Number of rows of the file, an upper bound of row numbers.
      is_filtered: Whether some rows are left out of `frame`.
    """

    frame: pl.LazyFrame
    num_rows: int
    is_filtered: bool

    def part(self, first: int, size: int) -> pl.LazyFrame:
        """Returns the rows of a range of the file."""
        if not self.is_filtered:
            return self.frame.slice(first, size)
        row = pl.col(event_log.ROW)
        return self.frame.filter(row.is_between(first, first + size, closed="left"))


def mapped(
    session: pyspark.sql.SparkSession, rows: TableRows, make: Make
) -> pyspark.sql.DataFrame:
    """Returns the results of `make` for each range of rows, concatenated.

    Args:
      session: Session of Spark.
      rows: Rows of a table.
      make: Function that is run on each range separately.
    """
    found = make(rows.frame).collect_schema()
    kinds = {name: _KINDS[dtype.base_type()] for name, dtype in found.items()}
    ddl = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
    types = pa.schema([(name, _ARROW[kind]) for name, kind in kinds.items()])
    number = max(1, -(-rows.num_rows // ROWS_A_TASK))
    here = pathlib.Path.cwd()

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.chdir(here)  # paths that were given relative are the driver's
        for batch in batches:
            for place in batch.column(0).to_pylist():
                part = make(rows.part(place * ROWS_A_TASK, ROWS_A_TASK)).collect()
                yield from to_arrow(part, types).to_batches(100_000)

    return session.range(0, number, 1, number).mapInArrow(read, ddl)


def num_distinct(values: pyspark.sql.DataFrame, num_rows: int) -> int:
    """Returns the number of distinct values, counted in tasks of bounded size.

    Polars counts: Spark's own aggregation takes several times the time and memory if
    most values are distinct.

    Args:
      values: One column of hashes, so that ranges of them are similar in size.
      num_rows: Number of rows.
    """
    (column,) = values.columns

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = pa.chunked_array((b.column(0) for b in batches), pa.int64())
        number = pl.Series(found).n_unique()
        yield pa.record_batch([pa.array([number], pa.int64())], [column])

    parts = max(1, -(-num_rows // _VALUES_A_TASK))
    counted = values.repartition(parts, column).mapInArrow(count, f"{column} bigint")
    return int(to_polars(counted)[column].sum())


def to_arrow(frame: pl.DataFrame, types: pa.Schema) -> pa.Table:
    """Returns a frame as a table of plain types; unsigned hashes wrap around."""
    wrapped = frame.with_columns(pl.col(pl.UInt64).reinterpret(signed=True))
    table = wrapped.to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.cast(types)


def to_polars(frame: pyspark.sql.DataFrame) -> pl.DataFrame:
    """Returns a small Spark table on the driver."""
    return pl.DataFrame(pl.from_arrow(frame.toArrow()))
