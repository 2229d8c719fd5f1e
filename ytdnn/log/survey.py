"""Surveys a log with Polars, and divides its events into shards of users.

A survey checks the log and determines its users, catalogue, vocabularies and windows.
Then one streaming pass writes the events of each shard into a folder, from which the
tasks on shards (`ytdnn/log/shard_tasks.py`) read them, one shard at a time.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from ytdnn.base import configs, errors, schema
from ytdnn.log import (
    entities,
    event_rows,
    log_checks,
    log_warnings,
    raw_log,
    shard_arrays,
    shard_tasks,
    window_choice,
)

_SHARD = "shard"
_TABLES = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)


@dataclasses.dataclass(frozen=True)
class Survey:
    """Facts about a whole log, collected before its first shard is processed.

    Attributes:
      log: The valid rows of the log, with clicks among its watches if configured.
      bad_rows: Number of bad rows by reason.
      unmatched: Ids without a watch.
      events: Rows of each table of events from `event_rows.indexed`.
      rows: Number of events of each table, before the minimum counts.
      users: Users from `entities.all_users`.
      videos: Catalogue from `entities.catalogue`.
      vocabularies: Values of text columns of events.
      chosen: Windows of the temporal protocol.
      warnings: Warnings about possible mistakes in the log.
      watch_columns: Columns of the prepared watches.
    """

    log: raw_log.EventLog
    bad_rows: dict[str, int]
    unmatched: list[entities.UnmatchedIds]
    events: dict[str, pl.LazyFrame]
    rows: dict[str, int]
    users: pl.DataFrame
    videos: pl.DataFrame
    vocabularies: dict[str, list[str]]
    chosen: window_choice.ChosenWindows
    warnings: list[str]
    watch_columns: list[str]


def survey(
    log: raw_log.EventLog,
    config: configs.DataConfig,
    mistakes: list[str] | None = None,
) -> Survey:
    """Checks a log and collects the facts that the shards need.

    Args:
      log: Log of a source.
      config: Settings of filters and protocol.
      mistakes: See `log_checks.validate`.

    Raises:
      errors.UserError: The log is malformed, or the filters leave nothing.
    """
    log, bad_rows = log_checks.validate(log, config.bad_rows, mistakes)
    if config.clicks_are_watches:
        log = event_rows.with_clicks(log)
    unmatched = entities.unmatched(log)
    watches = entities.core(log.tables[schema.WATCHES], config)
    users = entities.all_users(log, watches)
    if users[entities.COUNT].sum() == 0:
        raise errors.UserError(
            f"expected watches, found none of {log.facts['rows'][schema.WATCHES]:,} "
            f"left after data.min_item_count={config.min_item_count} and "
            f"data.min_user_count={config.min_user_count}: lower them"
        )
    watches = event_rows.with_completed(watches, log, config)
    videos = entities.catalogue(log, watches)
    tables = log.tables | {schema.WATCHES: watches}
    vocabularies = event_rows.vocabularies(tables)
    events = {
        table: event_rows.indexed(table, tables[table], users, videos, vocabularies)
        for table in _TABLES
        if table in tables
    }
    return Survey(
        log=log,
        bad_rows=bad_rows,
        unmatched=unmatched,
        events=events,
        rows={name: raw_log.num_rows(log.tables[name]) for name in events},
        users=users,
        videos=videos,
        vocabularies=vocabularies,
        chosen=window_choice.choose(
            config, watches, log.tables.get(schema.IMPRESSIONS)
        ),
        warnings=log_warnings.from_watches(watches, config) if config.has_times else [],
        watch_columns=watches.collect_schema().names(),
    )


def divide(
    events: dict[str, pl.LazyFrame],
    parts: Sequence[shard_tasks.ShardUsers],
    scratch: pathlib.Path,
) -> shard_tasks.ShardEvents:
    """Writes the events of each shard into a folder, in one streaming pass."""
    firsts = np.array([part.first for part in parts])
    number = pl.col(shard_arrays.USER).map_batches(
        lambda users: pl.Series(np.searchsorted(firsts, users, "right") - 1),
        return_dtype=pl.Int64,
        is_elementwise=True,
    )
    for table, rows in events.items():
        target = pl.PartitionBy(scratch / table, key=_SHARD, include_key=False)
        rows.with_columns(number.alias(_SHARD)).sink_parquet(target, mkdir=True)
    types = {table: rows.collect_schema() for table, rows in events.items()}
    return shard_tasks.ShardEvents(scratch, types)
