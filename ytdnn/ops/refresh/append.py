"""Appends new events to a prepared set without preparing the old ones again.

The new events are prepared by themselves, as any log, and each user's new events are
put after the earlier ones. A log may hold only the new events, or all of them: then its
events up to the end of the old set must equal those the old set was made from.
"""

import dataclasses
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import polars as pl

from ytdnn.base import artifacts, configs, errors, formats, schema, table_schemas
from ytdnn.log import catalogues, event_log, joined_sets, prepare, prepared

_FAR = 2**32 - 2  # a row of no file
_EVENTS = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)


def append(
    old: prepared.PreparedData,
    log: event_log.EventLog,
    directory: pathlib.Path,
    inputs: Mapping[str, str],
    bad_rows: str = "",
) -> prepared.PreparedData:
    """Writes a prepared set of old and new events, with all watches as context.

    Its splits belong to no protocol: `later_sets` makes training sets from it.

    Args:
      old: The prepared set.
      log: New events, or all of them; its users and videos replace the old ones.
      directory: Directory of the new artefact.
      inputs: Fingerprints of what it is made from.
      bad_rows: `stop` or `drop`; empty: as for the old set.

    Raises:
      errors.UserError: The log contradicts the old set, lacks columns of it, is bad,
        or has no new watches.
    """
    _require_no_minimums(old)
    log = _as_columns(old.catalogue, log)
    _require_one_log(old, log)
    log = _since(log, old.windows.end_of_log)
    _require_new(old, log)
    config = dataclasses.replace(
        old.config,
        protocol="leave_one_out",
        vocabulary="all",
        order_by="time",
        bad_rows=bad_rows or old.config.bad_rows,  # type: ignore[arg-type]
    )
    facts: dict[str, object] = {}
    with artifacts.publish(
        directory, prepared.KIND, configs.to_dict(old.config), inputs, facts
    ) as partial:
        part = partial.with_name(f".{directory.name}.new")
        new = prepare.from_log(config, _with_entities(old, log), part, {})
        facts |= joined_sets.JoinedSets(old, new).write(partial)
        shutil.rmtree(part)
    return prepared.load(directory)


def lacking_tables(old: prepared.PreparedData, log: event_log.EventLog) -> list[str]:
    """Returns the tables of events that the old set has and a log lacks."""
    known = {column.partition(".")[0] for column in old.catalogue.columns}
    return [table for table in _EVENTS if table in known - log.tables.keys()]


def _require_no_minimums(old: prepared.PreparedData) -> None:
    least = max(old.config.min_item_count, old.config.min_user_count)
    if least > 1 or old.config.protocol != "temporal":
        raise errors.UserError(
            f"expected a run with data.protocol=temporal and without minimums of "
            f"watches to refresh, found data.protocol={old.config.protocol}, "
            f"data.min_item_count={old.config.min_item_count} and "
            f"data.min_user_count={old.config.min_user_count}: prepare the grown log"
        )


def _as_columns(
    catalogue: catalogues.Catalogue, log: event_log.EventLog
) -> event_log.EventLog:
    """Returns the log in the tables and columns of the old one.

    Raises:
      errors.UserError: A table of events lacks a column.
    """
    origins = {}
    for table in log.tables:
        origin = log.origin(table)
        prefix = f"{table}."
        wanted = [
            c.removeprefix(prefix) for c in catalogue.columns if c.startswith(prefix)
        ]
        columns = event_log.table_columns(table, origin.rows.collect_schema())
        lacking = sorted(set(wanted) - set(columns))
        if table in _EVENTS and lacking:
            raise errors.UserError(
                f"expected {table}.{lacking[0]} in {origin.file}, as in the log that "
                f"{catalogue.directory} was made from, found "
                f"{', '.join(sorted(columns))}"
            )
        left_out = [name for name in columns if name not in wanted]
        rows = origin.rows.drop(left_out)
        if wanted:
            origins[table] = dataclasses.replace(origin, rows=rows)
    return event_log.from_origins(origins, log.facts)


def _since(log: event_log.EventLog, end: int) -> event_log.EventLog:
    """Returns the log with the events after a second; no time is a fault."""
    time = pl.col(schema.TIME)
    for table in (table for table in _EVENTS if table in log.tables):
        rows = log.origin(table).rows.filter((time > end) | time.is_null())
        log = log.with_rows(table, rows)
    return log


def _require_new(old: prepared.PreparedData, log: event_log.EventLog) -> None:
    """Checks that there are watches after the end of the old set.

    Raises:
      errors.UserError: There are none.
    """
    origin = log.origin(schema.WATCHES)
    with event_log.readable(origin.file):
        some = log.tables[schema.WATCHES].head(1).collect(engine="streaming").height
    if not some:
        raise errors.UserError(
            f"expected watches after {formats.utc(old.windows.end_of_log)}, where the "
            f"log of {old.directory} ends, found none in {origin.file}: give a log of "
            f"later events, or leave the run as it is"
        )


def _require_one_log(old: prepared.PreparedData, log: event_log.EventLog) -> None:
    """Checks that the log begins after the old set, or holds all events of it.

    Raises:
      errors.UserError: It holds other events up to the end of the set.
    """
    end = old.windows.end_of_log
    tables = [] if old.config.clicks_are_watches else [schema.WATCHES]
    tables += [schema.IMPRESSIONS] if old.log.has_impressions else []
    for table in (table for table in tables if table in log.tables):
        with event_log.readable(log.origin(table).file):
            early = _digest([log.tables[table].filter(pl.col(schema.TIME) <= end)])
        if early[0] and early != _digest(_stored(old, table)):
            raise errors.UserError(
                f"expected in {log.origin(table).file} only events after "
                f"{formats.utc(end)}, the end of {old.directory}, or its "
                f"{old.manifest.facts[table]:,} {table} too, found {early[0]:,} up to "
                f"then, not the same: give the grown log that it was made from, or the "
                f"new events"
            )


def _stored(data: prepared.PreparedData, table: str) -> Iterator[pl.LazyFrame]:
    """Yields the events of a prepared set, with the ids of users and videos."""
    videos = data.videos[schema.VIDEO_ID]
    for shard in data.log.each_shard():
        events = getattr(shard, table)
        columns = {
            schema.USER_ID: shard.users[schema.USER_ID].gather(events.users),
            schema.VIDEO_ID: videos.gather(np.asarray(events.videos) - 1),
            schema.TIME: np.asarray(events.times),
        }
        yield pl.LazyFrame(columns)


def _digest(parts: Iterable[pl.LazyFrame]) -> list[int]:
    """Returns the number of events, and a sum over them that their order leaves."""
    ids = pl.col(schema.USER_ID, schema.VIDEO_ID).cast(pl.String)
    row = pl.struct(ids, pl.col(schema.TIME).cast(pl.Int64)).hash() % (1 << 31)
    counts = (part.select(pl.len(), row.sum().alias("sum")) for part in parts)
    rows = (query.collect(engine="streaming").row(0) for query in counts)
    return [sum(column) for column in zip(*rows, strict=True)]


def _with_entities(
    old: prepared.PreparedData, log: event_log.EventLog
) -> event_log.EventLog:
    """Returns the log with the old users and videos that its own tables lack."""
    origins = {table: log.origin(table) for table in log.tables}
    known = {schema.USERS: old.users, schema.VIDEOS: old.videos}
    for table, frame in known.items():
        key = str(table_schemas.TABLES[table].key)
        if f"{table}.{key}" not in old.catalogue.columns:
            continue
        rows = frame.drop(catalogues.TRAIN_COUNT, strict=False).lazy()
        rows = rows.with_columns(pl.lit(_FAR, pl.UInt32).alias(event_log.ROW))
        if table in origins:
            new_rows = origins[table].rows
            rest = rows.join(new_rows.select(key), on=key, how="anti")
            both = pl.concat([new_rows, rest], how="diagonal_relaxed")
            origins[table] = dataclasses.replace(origins[table], rows=both)
        else:
            origins[table] = event_log.Origin(rows, f"{old.directory}/{table}")
    return event_log.from_origins(origins, log.facts)
