"""Statistics over all rows of a table for `validation`, computed by Spark."""

import dataclasses
import functools
from collections.abc import Mapping

import polars as pl
import pyspark.sql
from pyspark.sql import functions

from ytdnn.base import schema
from ytdnn.log import event_log, validation
from ytdnn.ops.spark import reading

_KIND, _FIRST, _SIZE = "kind", "first", "size"
_ROWS, _NULLS = "rows", "nulls of "


@dataclasses.dataclass(frozen=True)
class Valid:
    """The rows of a table, with their faults.

    Attributes:
      rows: All rows.
      fault: Expression that is null for good rows.
    """

    rows: reading.TableRows
    fault: pl.Expr

    def good(self, part: pl.LazyFrame) -> pl.LazyFrame:
        """Returns the good rows of a part."""
        return part.filter(self.fault.is_null())


class SparkScan(validation.Streaming):
    """Events on Spark, entities on the driver; see `validation.Scan`.

    Attributes:
      valid: Checked tables of events.
    """

    def __init__(
        self, session: pyspark.sql.SparkSession, events: Mapping[str, reading.TableRows]
    ) -> None:
        """Stores the session and the rows.

        Args:
          session: Spark's session.
          events: Rows of the tables of events.
        """
        self._session, self._events = session, events
        self.valid: dict[str, Valid] = {}

    def bad_rows(
        self,
        table: str,
        rows: pl.LazyFrame,
        fault: pl.Expr,
        known: pl.Series | None = None,
    ) -> list[tuple[int, int, int]]:
        """Returns each value of `fault`, its number of rows, and its first `ROW`."""
        del known
        if table not in self._events:
            return super().bad_rows(table, rows, fault)
        valid = Valid(dataclasses.replace(self._events[table], frame=rows), fault)
        self.valid[table] = valid
        counted = reading.mapped(
            self._session, valid.rows, functools.partial(_faulty, fault)
        )
        grouped = counted.groupBy(validation.FAULT).agg(
            functions.sum(_SIZE).alias(_SIZE), functions.min(_FIRST).alias(_FIRST)
        )
        found = reading.to_polars(grouped)
        return found.select(validation.FAULT, _SIZE, _FIRST).rows()

    def size(self, table: str, rows: pl.LazyFrame) -> tuple[int, int, list[int]]:
        """Returns the numbers of rows and distinct rows, and each column's nulls."""
        if table not in self._events:
            return super().size(table, rows)
        valid, names = self.valid[table], rows.collect_schema().names()
        counted = reading.mapped(
            self._session, valid.rows, functools.partial(_sizes, valid, names)
        )
        sums = [functions.sum(name).alias(name) for name in counted.columns]
        number, *nulls = reading.to_polars(counted.agg(*sums)).row(0)
        hashes = reading.mapped(
            self._session, valid.rows, functools.partial(_hashes, valid, names)
        )
        return (
            int(number),
            reading.num_distinct(hashes, number),
            [int(n) for n in nulls],
        )


def _faulty(fault: pl.Expr, part: pl.LazyFrame) -> pl.LazyFrame:
    named = part.with_columns(fault.alias(validation.FAULT))
    bad = named.filter(pl.col(validation.FAULT).is_not_null())
    return bad.group_by(validation.FAULT).agg(
        pl.len().alias(_SIZE), pl.col(event_log.ROW).min().alias(_FIRST)
    )


def _sizes(valid: Valid, names: list[str], part: pl.LazyFrame) -> pl.LazyFrame:
    good = valid.good(part).select(names)
    return good.select(pl.len().alias("number of rows"), *validation.nulls(names))


def _hashes(valid: Valid, names: list[str], part: pl.LazyFrame) -> pl.LazyFrame:
    return valid.good(part).select(names).select(validation.hashes())


def events_of(
    log: event_log.EventLog, is_filtered: Mapping[str, bool]
) -> dict[str, reading.TableRows]:
    """Returns the rows of the tables of events of a log.

    Args:
      log: Log of a source.
      is_filtered: Whether a table leaves out rows of its file.
    """
    found = {}
    for table in (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS):
        if table in log.tables:
            origin = log.origin(table)
            number = pl.len()
            if is_filtered.get(table):
                number = pl.col(event_log.ROW).max().fill_null(0).cast(pl.Int64) + 1
            with event_log.readable(origin.file):
                size = origin.rows.select(number).collect(engine="streaming").item()
            found[table] = reading.TableRows(
                origin.rows, int(size), bool(is_filtered.get(table))
            )
    return found
