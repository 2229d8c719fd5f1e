"""Facts about a whole log before its first shard, by Spark's aggregations.

The good rows of each table of events are written once as Parquet, with their row number
in the user's file; all counts are computed from these. Tables with a row for each user
or video are collected on the driver, events never.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Collection

import numpy as np
import polars as pl
import pyspark.sql
from pyspark.sql import functions

from ytdnn.base import configs, schema
from ytdnn.log import (
    engines,
    entities,
    event_log,
    event_rows,
    log_warnings,
    matching,
    order_statistics,
    shards,
    validation,
    windows,
)
from ytdnn.ops.spark import reading, scan

ROW = event_log.ROW
_Frame = pyspark.sql.DataFrame


@dataclasses.dataclass(frozen=True)
class Surveyed:
    """A survey, with its events.

    Attributes:
      survey: Facts about the log.
      events: The good rows of each table of events, with `ROW`; watches after the
        minimum counts.
    """

    survey: engines.Survey
    events: dict[str, _Frame]


def survey(
    session: pyspark.sql.SparkSession,
    log: event_log.EventLog,
    config: configs.DataConfig,
    scratch: pathlib.Path,
) -> Surveyed:
    """Checks a log and collects the facts that the shards need.

    Args:
      session: Session of Spark.
      log: Log of a source, or a staged log.
      config: Settings of filters and protocol.
      scratch: A directory that all machines reach.
    """
    # Filters over rows of the files, which a range of rows cannot look through.
    is_filtered = {schema.WATCHES: config.source == "log" and bool(config.where)}
    scanned = scan.SparkScan(session, scan.events_of(log, is_filtered))
    log, bad_rows = validation.validate(log, config.bad_rows, scanned)
    read = log
    if config.clicks_are_watches:
        log = event_rows.with_clicks(log)
    events = _written(session, read, log, config, scanned.valid, scratch)
    unmatched = matching.unmatched(log, functools.partial(_ids, log, events))
    rows = {table: frame.count() for table, frame in events.items()}
    every = events[schema.WATCHES]
    watches = events[schema.WATCHES] = _core(every, config)
    users = _users(events, None if watches is every else every)
    entities.require_watches(users, log, config)
    found = engines.Survey(
        log=log,
        bad_rows=bad_rows,
        unmatched=unmatched,
        rows=rows,
        users=users,
        videos=entities.catalogue_of(_seen(events), log),
        vocabularies=_vocabularies(events),
        chosen=_windows(watches, events.get(schema.IMPRESSIONS), config),
        doubts=log_warnings.of_times(_counts(watches), _median(watches)),
        watch_columns=[name for name in watches.columns if name != ROW],
    )
    return Surveyed(found, events)


def _written(
    session: pyspark.sql.SparkSession,
    read: event_log.EventLog,
    log: event_log.EventLog,
    config: configs.DataConfig,
    valid: dict[str, scan.Valid],
    scratch: pathlib.Path,
) -> dict[str, _Frame]:
    """Writes the good rows of each table of events, and returns them."""
    found = {}
    for table, own in valid.items():
        wanted = dict(log.tables[table].collect_schema())
        complete = None
        if table == schema.WATCHES:
            complete = functools.partial(
                event_rows.with_completed, log=read, config=config
            )
        first = _Piece(own, wanted, 0, False, complete)
        frame = reading.mapped(session, own.rows, first)
        if table == schema.WATCHES and config.clicks_are_watches:
            clicks = valid[schema.IMPRESSIONS]
            piece = _Piece(clicks, wanted, own.rows.num_rows, True, complete)
            frame = frame.unionByName(reading.mapped(session, clicks.rows, piece))
        path = str(scratch / f"{table}.good")
        frame.write.mode("overwrite").parquet(path)
        found[table] = session.read.parquet(path)
    return found


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Builds the rows of a table of events from a range of a file.

    Attributes:
      valid: The file's rows.
      columns: Names and types of the table.
      first_row: Offset of row numbers.
      clicked: Whether only clicked rows are read.
      complete: Function that adds `shards.COMPLETED`, if there is a rule for it.
    """

    valid: scan.Valid
    columns: dict[str, pl.DataType]
    first_row: int
    clicked: bool
    complete: "functools.partial[pl.LazyFrame] | None"

    def __call__(self, part: pl.LazyFrame) -> pl.LazyFrame:
        """Returns the rows with their number in the file."""
        good = self.valid.good(part)
        if self.clicked:
            good = good.filter(pl.col(schema.CLICKED))
        names = good.collect_schema().names()
        columns = [
            (pl.col(name) if name in names else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in self.columns.items()
        ]
        row = (pl.col(ROW).cast(pl.Int64) + self.first_row).alias(ROW)
        found = good.select(*columns, row)
        return found if self.complete is None else self.complete(found)


def _core(watches: _Frame, config: configs.DataConfig) -> _Frame:
    """Drops videos and users with too few watches; see `entities.core`."""
    bounds = {
        schema.VIDEO_ID: config.min_item_count,
        schema.USER_ID: config.min_user_count,
    }
    if max(bounds.values()) <= 1:
        return watches
    pairs = watches.select(*bounds)
    before, number = -1, pairs.count()
    while number != before:
        before = number
        for column, least in bounds.items():
            counts = pairs.groupBy(column).count()
            kept = counts.filter(functions.col("count") >= least).select(column)
            pairs = pairs.join(kept, column, "leftsemi").localCheckpoint()
        number = pairs.count()
    for column in bounds:
        watches = watches.join(pairs.select(column).distinct(), column, "leftsemi")
    return watches.localCheckpoint()


def _users(events: dict[str, _Frame], every: _Frame | None) -> pl.DataFrame:
    """Returns users sorted by id; see `entities.all_users`.

    Args:
      events: Tables of events.
      every: The watches before the minimum counts; None: these left none out.
    """

    def counted(table: str, name: str) -> pl.LazyFrame:
        grouped = events[table].groupBy(schema.USER_ID).count()
        found = reading.to_polars(grouped.withColumnRenamed("count", name))
        return found.lazy().with_columns(pl.col(name).cast(pl.UInt32))

    others = [
        counted(table, entities.EVENTS)
        for table in (schema.IMPRESSIONS, schema.SEARCHES)
        if table in events
    ]
    counts = counted(schema.WATCHES, entities.COUNT)
    watchers = counts if every is None else _distinct(every, schema.USER_ID)
    return entities.all_users_of(counts, others, watchers.select(schema.USER_ID))


def _seen(events: dict[str, _Frame]) -> pl.LazyFrame:
    """Returns where each video is seen first in watches, and in impressions."""
    found, start = [], 0
    for table in (schema.WATCHES, schema.IMPRESSIONS):
        if table in events:
            first = functions.min(ROW).alias(shards.ROW)
            rows = reading.to_polars(events[table].groupBy(schema.VIDEO_ID).agg(first))
            is_watched = pl.lit(table == schema.WATCHES).alias(entities.IN_WATCHES)
            row = pl.col(shards.ROW) + start
            found.append(rows.lazy().select(schema.VIDEO_ID, is_watched, row))
            # Rows of impressions come after all rows of watches.
            start = 1 << 62
    return pl.concat(found)


def _vocabularies(events: dict[str, _Frame]) -> dict[str, list[str]]:
    """Returns the values of text columns; see `event_rows.vocabularies`."""

    def values(column: str, table: str) -> list[str]:
        if column not in events[table].columns:
            return []
        found = _distinct(events[table], column).collect()[column]
        return list(found.sort())

    return event_rows.vocabularies_of(events, values)


def _windows(
    watches: _Frame, impressions: _Frame | None, config: configs.DataConfig
) -> windows.Chosen:
    def spans() -> windows.Spans:
        time = functions.col(schema.TIME)
        grouped = watches.groupBy(schema.SPLIT)
        found = grouped.agg(functions.min(time), functions.max(time)).collect()
        return {row[0]: (row[1], row[2]) for row in found}

    def num_late(split: str, start: int) -> int:
        column, time = functions.col(schema.SPLIT), functions.col(schema.TIME)
        return watches.filter((column == split) & (time >= start)).count()

    has_split = schema.SPLIT in watches.columns
    given = spans if has_split else None
    shown = None if impressions is None else _counts(impressions)
    return windows.choose(config, _counts(watches), given, num_late, shown)


def _counts(watches: _Frame) -> order_statistics.Counts:
    """Returns the counts of the times of events."""
    time = functions.col(schema.TIME)

    def divided(width: int) -> pyspark.sql.Column:
        return functions.floor(time / width) if width > 1 else time

    def counts(
        width: int, buckets: Collection[int] | None
    ) -> tuple[order_statistics.Integers, order_statistics.Integers]:
        rows = watches
        if buckets is not None:
            inside = divided(order_statistics.BUCKET).isin(sorted(buckets))
            rows = rows.filter(inside)
        grouped = rows.groupBy(divided(width).cast("bigint").alias("value")).count()
        found = reading.to_polars(grouped).sort("value")
        return (
            found["value"].to_numpy().astype(np.int64),
            found["count"].to_numpy().astype(np.int64),
        )

    return counts


def _median(watches: _Frame) -> float | None:
    """Returns the median of watch seconds; None without any."""
    if schema.WATCH_SECONDS not in watches.columns:
        return None
    found = watches.agg(functions.median(schema.WATCH_SECONDS)).first()
    return None if found is None or found[0] is None else float(found[0])


def _distinct(frame: _Frame, column: str) -> pl.LazyFrame:
    chosen = frame.select(column).filter(functions.col(column).isNotNull())
    return reading.to_polars(chosen.distinct()).lazy()


def _ids(
    log: event_log.EventLog, events: dict[str, _Frame], table: str, column: str
) -> pl.LazyFrame:
    """Returns the distinct ids of a table, for `matching.unmatched`."""
    if table in events:
        return _distinct(events[table], column)
    return log.tables[table].select(column).drop_nulls().unique()
