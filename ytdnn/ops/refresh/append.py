"""Appends new events to a prepared set without preparing the old ones again.

The new events are prepared by themselves, as any log, and each user's new events are
put after the earlier ones. A log may hold only the new events, or all of them: then its
events up to the end of the old set must equal those the old set was made from.
"""

import dataclasses
import datetime
import pathlib
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import artifacts, configs, errors, formats, schema, table_schemas
from ytdnn.log import (
    catalogues,
    event_log,
    joined_sets,
    prepare,
    prepared,
    split_windows,
)

if TYPE_CHECKING:
    from ytdnn.run.pipeline import machines as machines_room

_FAR = 2**32 - 2  # a row of no file
_EVENTS = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)

Integers = npt.NDArray[np.integer]


def append(
    old: prepared.PreparedData,
    log: event_log.EventLog,
    directory: pathlib.Path,
    inputs: Mapping[str, str],
    bad_rows: str = "",
    machines: "machines_room.Machines | None" = None,
) -> prepared.PreparedData:
    """Writes a prepared set of old and new events, with all watches as context.

    Its splits belong to no protocol: `ytdnn.ops.refit.refit` makes training sets from
    it.

    Args:
      old: The prepared set.
      log: New events, or all of them; its users and videos replace the old ones.
      directory: Directory of the new artefact.
      inputs: Fingerprints of what it is made from.
      bad_rows: `stop` or `drop`; empty: as for the old set.
      machines: Machines that write the shards; None: this machine.

    Raises:
      errors.UserError: The log contradicts the old set, lacks columns of it, is bad,
        or has no new watches.
    """
    _require_no_minimums(old)
    log = _as_columns(old.catalogue, log)
    _require_one_log(old, log)
    log = _since(log, old.windows.end_of_log)
    _require_new(old.windows, log)
    config = dataclasses.replace(
        old.config,
        protocol="leave_one_out",
        vocabulary="all",
        order_by="time",
        **({"bad_rows": bad_rows} if bad_rows else {}),  # type: ignore[arg-type]
    )
    facts: dict[str, object] = {}
    with artifacts.publish(
        directory, prepared.KIND, configs.to_dict(old.config), inputs, facts
    ) as partial:
        part = partial.with_name(f".{directory.name}.new")
        new = prepare.of_log(config, _with_entities(old, log), part, {})
        both = joined_sets.JoinedSets(old, new)
        if machines is None:
            facts |= both.write(partial)
        else:
            with machines.shards(old, new) as work:
                facts |= both.write(partial, work)
        shutil.rmtree(part)
    return prepared.load(directory)


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
        wanted = [c for t, c in _split(catalogue.columns) if t == table]
        found = event_log.table_columns(table, origin.rows.collect_schema())
        lacking = sorted(set(wanted) - set(found))
        if table in _EVENTS and lacking:
            raise errors.UserError(
                f"expected {table}.{lacking[0]} in {origin.file}, as in the log that "
                f"{catalogue.directory} was made from, found {', '.join(sorted(found))}"
            )
        left_out = [name for name in found if name not in wanted]
        rows = origin.rows.drop(left_out)
        if wanted:
            origins[table] = dataclasses.replace(origin, rows=rows)
    return event_log.from_origins(origins, log.facts)


def _split(columns: frozenset[str]) -> list[tuple[str, str]]:
    return [(table, name) for table, _, name in (c.partition(".") for c in columns)]


def _since(log: event_log.EventLog, end: int) -> event_log.EventLog:
    """Returns the log with the events after a second; no time is a fault."""
    origins = {}
    for table in log.tables:
        origin = log.origin(table)
        if table in _EVENTS:
            is_new = (pl.col(schema.TIME) > end) | pl.col(schema.TIME).is_null()
            origin = dataclasses.replace(origin, rows=origin.rows.filter(is_new))
        origins[table] = origin
    return event_log.from_origins(origins, log.facts)


def _require_new(windows: split_windows.SplitWindows, log: event_log.EventLog) -> None:
    """Checks that there are watches after the end of the old set.

    Raises:
      errors.UserError: There are none.
    """
    origin = log.origin(schema.WATCHES)
    with event_log.readable(origin.file):
        some = log.tables[schema.WATCHES].head(1).collect(engine="streaming").height
    if not some:
        raise errors.UserError(
            f"expected watches after {_moment(windows.end_of_log)}, where the log "
            f"of {windows.log.directory} ends, found none in {origin.file}: give a log "
            f"of later events, or leave the run as it is"
        )


def _moment(seconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _require_one_log(old: prepared.PreparedData, log: event_log.EventLog) -> None:
    """Checks that the log begins after the old set, or begins as it does.

    Raises:
      errors.UserError: It does neither.
    """
    theirs = {
        table: _digest(
            log.tables[table].filter(pl.col(schema.TIME) <= old.windows.end_of_log)
        )
        for table in _compared(old)
        if table in log.tables
    }
    if not any(count for count, _ in theirs.values()):
        return
    ours = _of_set(old)
    if theirs != ours:
        table = next(t for t in ours if theirs.get(t) != ours[t])
        raise errors.UserError(
            f"expected in {log.origin(table).file} only events after "
            f"{formats.utc(old.windows.end_of_log)}, the end of {old.directory}, or "
            f"its events too, found {theirs.get(table, (0, 0))[0]:,} {table} up to "
            f"then where it has {ours[table][0]:,}, or different ones: give the grown "
            f"log that it was made from, or the new events"
        )


def _compared(data: prepared.PreparedData) -> dict[str, str]:
    """Returns the tables that both logs must agree in, and the set's name of each."""
    tables = {}
    if not data.config.clicks_are_watches:
        tables[schema.WATCHES] = "watches"
    if data.log.has_impressions:
        tables[schema.IMPRESSIONS] = "impressions"
    return tables


def _of_set(data: prepared.PreparedData) -> dict[str, tuple[int, int]]:
    """Returns number and digest of the watches and impressions of a set."""
    found = dict.fromkeys(_compared(data), (0, 0))
    videos = data.videos[schema.VIDEO_ID]
    for own in data.log.each_shard():
        for table, name in _compared(data).items():
            events = getattr(own, name)
            frame = pl.DataFrame(
                {
                    schema.USER_ID: own.users[schema.USER_ID].gather(events.users),
                    schema.VIDEO_ID: videos.gather(np.asarray(events.videos) - 1),
                    schema.TIME: np.asarray(events.times),
                }
            )
            number, total = _digest(frame.lazy())
            found[table] = (found[table][0] + number, found[table][1] + total)
    return found


def _digest(rows: pl.LazyFrame) -> tuple[int, int]:
    """Returns the number of events, and a sum over them that their order leaves."""
    row = pl.struct(
        pl.col(schema.USER_ID).cast(pl.String),
        pl.col(schema.VIDEO_ID).cast(pl.String),
        pl.col(schema.TIME).cast(pl.Int64),
    )
    query = rows.select(pl.len(), (row.hash() % (1 << 31)).sum().alias("sum"))
    number, total = query.collect(engine="streaming").row(0)
    return int(number), int(total)


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
            own = origins[table].rows
            rest = rows.join(own.select(key), on=key, how="anti")
            both = pl.concat([own, rest], how="diagonal_relaxed")
            origins[table] = dataclasses.replace(origins[table], rows=both)
        else:
            origins[table] = event_log.Origin(rows, f"{old.directory}/{table}")
    return event_log.from_origins(origins, log.facts)
