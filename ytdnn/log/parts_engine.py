"""Prepares a log of days with Polars, and reads each file of events once.

The typed and sorted rows of each file are kept (`ytdnn/log/parts.py`). A survey adds up
the facts of the files; then each shard is made from the kept rows of its users, by the
functions of any engine. So the bytes are those of a log that is read as a whole.
"""

import pathlib
from collections.abc import Sequence

import polars as pl

from ytdnn.base import configs, errors, schema
from ytdnn.log import (
    engines,
    entities,
    event_log,
    event_rows,
    kept_tables,
    log_warnings,
    matching,
    polars_engine,
    shard_tasks,
    shards,
    validation,
    windows,
)

_AFTER_WATCHES = 1 << 62  # rows of impressions, which are seen later


class PartsEngine(polars_engine.PolarsEngine):
    """Polars on kept parts; see `ytdnn.log.engines.Engine`."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Reads nothing yet.

        Args:
          directory: Directory of the parts, which later logs share.
        """
        super().__init__()
        self._directory = directory
        self._survey: engines.Survey | None = None

    def survey(
        self, log: event_log.EventLog, config: configs.DataConfig
    ) -> engines.Survey:
        """Checks the log and collects the facts that the shards need."""
        _require(log, config)
        given = kept_tables.KeptTables(self._directory, log, config)
        log, bad_rows = validation.validate(log, config.bad_rows, given)
        tables = [table for table in kept_tables.EVENTS if table in given.parts]
        unmatched = matching.unmatched(log, given.ids)
        users = _users(given)
        entities.require_watches(users, log, config)
        times = given.times(schema.WATCHES)
        shown = None
        if schema.IMPRESSIONS in tables:
            shown = given.times(schema.IMPRESSIONS)
        self._events = {table: given.rows(table) for table in tables}
        watches = event_rows.with_completed(self._events[schema.WATCHES], log, config)
        self._events[schema.WATCHES] = watches
        self._survey = engines.Survey(
            log=log,
            bad_rows=bad_rows,
            unmatched=unmatched,
            rows={table: given.num_rows(table) for table in tables},
            users=users,
            videos=entities.catalogue_of(_seen(given), log),
            vocabularies=event_rows.vocabularies_of(tables, given.texts),
            chosen=windows.choose(config, times, None, _no_splits, shown),
            doubts=log_warnings.of_times(times, given.median_seconds()),
            watch_columns=watches.collect_schema().names(),
        )
        return self._survey

    def _divide(
        self, scratch: pathlib.Path, parts: Sequence[shard_tasks.ShardUsers]
    ) -> None:
        """Reads the events of one shard into memory; of several each for itself."""
        self._folders = scratch
        if len(parts) == 1:
            self._kept = self._indexed(parts[0])

    def _read(self, table: str, users: shard_tasks.ShardUsers) -> pl.DataFrame:
        """Returns the events of a shard, which are made once and read again."""
        place = pathlib.Path(self._folders or "") / f"{users.number:05d}"
        if not place.exists():
            place.mkdir()
            for name, frame in self._indexed(users).items():
                frame.write_ipc(place / f"{name}.arrow")
        return pl.read_ipc(place / f"{table}.arrow")

    def _indexed(self, users: shard_tasks.ShardUsers) -> dict[str, pl.DataFrame]:
        """Returns the events of a shard from the kept rows."""
        if self._survey is None:
            raise ValueError("expected a survey, found none")
        own = self._survey.users.slice(users.first, users.size)
        ids = own[schema.USER_ID]
        inside = pl.col(schema.USER_ID).is_between(pl.lit(ids[0]), pl.lit(ids[-1]))
        return {
            table: event_rows.indexed(
                table,
                rows.filter(inside),
                own,
                self._survey.videos,
                self._survey.vocabularies,
            ).collect(engine="streaming")
            for table, rows in self._events.items()
        }


def _require(log: event_log.EventLog, config: configs.DataConfig) -> None:
    """Checks that the facts of a log are sums of those of its files.

    Raises:
      errors.UserError: They are not, or the log is not in files.
    """
    found = ""
    if config.source != "log" or "://" in config.dir:
        found = f"data.source={config.source}, data.dir={config.dir}"
    elif config.where:
        found = f"--where={config.where}"
    elif max(config.min_item_count, config.min_user_count) > 1:
        found = (
            f"data.min_item_count={config.min_item_count}, "
            f"data.min_user_count={config.min_user_count}"
        )
    elif config.clicks_are_watches:
        found = "data.clicks_are_watches"
    elif schema.SPLIT in log.tables[schema.WATCHES].collect_schema():
        found = f"the column {schema.WATCHES}.{schema.SPLIT}"
    if found:
        raise errors.UserError(
            f"expected a log of own files for --parts, without --where, minimums of "
            f"watches, clicks as watches and a split of its own, received {found}: "
            f"leave --parts out"
        )


def _users(given: kept_tables.KeptTables) -> pl.DataFrame:
    """Returns users sorted by id; see `entities.all_users`."""
    counts = given.users(schema.WATCHES, entities.COUNT)
    others = [
        given.users(table, entities.EVENTS)
        for table in (schema.IMPRESSIONS, schema.SEARCHES)
        if table in given.parts
    ]
    return entities.all_users_of(counts, others, counts.select(schema.USER_ID))


def _seen(given: kept_tables.KeptTables) -> pl.LazyFrame:
    """Returns where each video is seen first in watches, and in impressions."""
    found, start = [], 0
    for table in (schema.WATCHES, schema.IMPRESSIONS):
        if table in given.parts:
            is_watched = pl.lit(table == schema.WATCHES).alias(entities.IN_WATCHES)
            row = pl.col(shards.ROW) + start
            found.append(given.videos(table).select(schema.VIDEO_ID, is_watched, row))
            start = _AFTER_WATCHES
    return pl.concat(found)


def _no_splits(split: str, start: int) -> int:
    del split, start
    raise ValueError("expected no split column, found one")
