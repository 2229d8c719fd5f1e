"""Prepares a log with Polars on this machine, streaming, in bounded memory.

One pass writes the events of each shard into a folder; then shards are read one at a
time.
"""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from ytdnn.base import configs, progress, schema
from ytdnn.log import (
    engines,
    entities,
    event_log,
    event_rows,
    log_warnings,
    matching,
    shard_tasks,
    shards,
    validation,
    windows,
)

_SHARD = "shard"
_TABLES = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)


class PolarsEngine:
    """Polars; see `ytdnn.log.engines.Engine`."""

    def __init__(self) -> None:
        """Reads nothing yet."""
        self._events: dict[str, pl.LazyFrame] = {}
        self._kept: dict[str, pl.DataFrame] | None = None
        self._folders: pathlib.Path | None = None

    def survey(
        self, log: event_log.EventLog, config: configs.DataConfig
    ) -> engines.Survey:
        """Checks the log and collects the facts that the shards need."""
        log, bad_rows = validation.validate(log, config.bad_rows)
        if config.clicks_are_watches:
            log = event_rows.with_clicks(log)
        unmatched = matching.unmatched(log)
        watches = entities.core(log.tables[schema.WATCHES], config)
        users = entities.all_users(log, watches)
        entities.require_watches(users, log, config)
        watches = event_rows.with_completed(watches, log, config)
        videos = entities.catalogue(log, watches)
        tables = log.tables | {schema.WATCHES: watches}
        vocabularies = event_rows.vocabularies(tables)
        self._events = {
            table: event_rows.indexed(table, tables[table], users, videos, vocabularies)
            for table in _TABLES
            if table in tables
        }
        return engines.Survey(
            log=log,
            bad_rows=bad_rows,
            unmatched=unmatched,
            rows={name: event_log.num_rows(log.tables[name]) for name in self._events},
            users=users,
            videos=videos,
            vocabularies=vocabularies,
            chosen=windows.of_frames(
                config, watches, log.tables.get(schema.IMPRESSIONS)
            ),
            doubts=log_warnings.of_watches(watches),
            watch_columns=watches.collect_schema().names(),
        )

    def count(
        self, rules: shard_tasks.Rules, shards: Sequence[shard_tasks.ShardUsers]
    ) -> list[shard_tasks.Counted]:
        """Counts every shard."""
        self._divide(rules.scratch, shards)
        return [
            shard_tasks.count(rules, users, self._frames(users))
            for users in _shown(shards, "users' events, counted")
        ]

    def write(
        self,
        rules: shard_tasks.Rules,
        shards: Sequence[shard_tasks.ShardUsers],
        new_index: np.ndarray,
        tokens: pl.DataFrame,
    ) -> list[dict[str, int]]:
        """Writes every shard."""
        return [
            shard_tasks.write(rules, users, self._frames(users), new_index, tokens)
            for users in _shown(shards, "users' events, written")
        ]

    def _divide(
        self, scratch: pathlib.Path, parts: Sequence[shard_tasks.ShardUsers]
    ) -> None:
        """Divides the events into shards on disk; a single shard stays in memory."""
        if len(parts) == 1:
            self._kept = {
                table: rows.collect(engine="streaming")
                for table, rows in self._events.items()
            }
            return
        firsts = np.array([part.first for part in parts])
        number = pl.col(shards.USER).map_batches(
            lambda users: pl.Series(np.searchsorted(firsts, users, "right") - 1),
            return_dtype=pl.Int64,
            is_elementwise=True,
        )
        self._folders = scratch
        for table, rows in self._events.items():
            target = pl.PartitionBy(scratch / table, key=_SHARD, include_key=False)
            rows.with_columns(number.alias(_SHARD)).sink_parquet(target, mkdir=True)

    def _frames(self, users: shard_tasks.ShardUsers) -> dict[str, pl.DataFrame]:
        """Returns the events of a shard."""
        if self._kept is not None:
            return self._kept
        return {table: self._read(table, users) for table in self._events}

    def _read(self, table: str, users: shard_tasks.ShardUsers) -> pl.DataFrame:
        folder = pathlib.Path(self._folders or "") / table / f"{_SHARD}={users.number}"
        files = sorted(folder.glob("*.parquet"))
        if not files:
            return pl.DataFrame(schema=self._events[table].collect_schema())
        return pl.read_parquet(files)


def _shown(
    shards: Sequence[shard_tasks.ShardUsers], name: str
) -> Iterator[shard_tasks.ShardUsers]:
    sizes = [users.size for users in shards]
    return progress.through(list(shards), name, "users", sizes)
