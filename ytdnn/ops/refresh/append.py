"""Adds new events to those of a prepared set, and prepares all of them.

The result depends on the events only, not on the files or refreshes that they came in:
it is, byte for byte, the set that `prepare` makes of a log with all of them. An event
is known by its content, and counts once. New events are a log's, or those of a state.
"""

import dataclasses
import functools
import itertools
import pathlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import polars as pl

from ytdnn.base import artifacts, errors, schema, table_schemas, whole_files
from ytdnn.bundle import added_videos_table
from ytdnn.log import event_rows, log_checks, prepare, prepared, raw_log
from ytdnn.ops.refresh import tables_of_prepared_set
from ytdnn.ops.state import histories, opening, posted_events, store

PreparedData = prepared.PreparedData
EventLog = raw_log.EventLog
Events = Iterator[posted_events.Event]

_EVENTS = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)
_BY_TIME = (schema.TIME, schema.USER_ID)
_STORED = "__stored__"
_NOT_KEPT = (prepared.REFIT, opening.RECEIVED_TO)
_KIND = "state_events"
_COUNT = prepared.TRAIN_COUNT
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_YOUNG_SECONDS = 5.0

Rows = dict[str, list[dict[str, Any]]]
Tables = dict[str, pl.DataFrame]
Say = Callable[[str], None]


def append(
    old: PreparedData,
    log: EventLog,
    directory: pathlib.Path,
    inputs: Mapping[str, str],
    bad_rows: str = "",
    received_to: float | None = None,
) -> PreparedData:
    """Writes a prepared set of old and new events.

    Its split is that of the old set's settings; `later_sets` makes training sets of it.

    Args:
      old: The prepared set.
      log: New events, perhaps with known ones; users and videos that it has replace the
        old ones, value by value.
      directory: Directory of the new artefact.
      inputs: Fingerprints of what it is made from.
      bad_rows: `stop` or `drop`; empty: as for the old set.
      received_to: Second up to which the state was read; None: they are from files.

    Raises:
      errors.UserError: The log lacks columns of the old set, is bad, or has no new
        watches.
    """
    _require_no_minimums(old)
    settings = old.config
    bad_rows = bad_rows or settings.bad_rows
    log = _with_entities(old, _as_columns(old, log), bad_rows)
    log, _ = log_checks.validate(log, bad_rows)
    if settings.clicks_are_watches:  # those of the old set are watches already
        log = event_rows.with_clicks(log)
        settings = dataclasses.replace(settings, clicks_are_watches=False)
    facts = {k: v for k, v in old.manifest.facts.items() if k not in _NOT_KEPT}
    if received_to is not None:
        facts[opening.RECEIVED_TO] = received_to
    with whole_files.scratch(directory, "events") as scratch:
        origins = {
            table: log.origin(table) for table in log.tables if table not in _EVENTS
        }
        if not _write(old, log, scratch):
            raise errors.UserError(
                f"expected watches that {old.directory} has not, found none in "
                f"{log.origin(schema.WATCHES).file}: give later events, or leave the "
                f"run as it is"
            )
        for table in tables_of_prepared_set.event_types(old):
            rows = _in_order(sorted((scratch / table).iterdir()))
            origins[table] = raw_log.Origin(rows, f"{old.directory}/{table}")
        whole = raw_log.from_origins(origins, facts)
        return prepare.from_log(settings, whole, directory, inputs)


def lacking_tables(old: PreparedData, log: EventLog) -> list[str]:
    """Returns the tables of events that the old set has and a log lacks."""
    known = {column.partition(".")[0] for column in old.catalogue.columns}
    return [table for table in _EVENTS if table in known - log.tables.keys()]


def _require_no_minimums(old: PreparedData) -> None:
    least = max(old.config.min_item_count, old.config.min_user_count)
    if least > 1 or old.config.protocol != "temporal":
        raise errors.UserError(
            f"expected a run with data.protocol=temporal and without minimums of "
            f"watches to refresh, found data.protocol={old.config.protocol}, "
            f"data.min_item_count={old.config.min_item_count} and "
            f"data.min_user_count={old.config.min_user_count}: prepare the grown log"
        )


def _as_columns(old: PreparedData, log: EventLog) -> EventLog:
    """Returns the log in the tables and columns of the old one.

    Raises:
      errors.UserError: A table of events lacks a column.
    """
    origins, wanted = {}, old.catalogue.columns
    kept = tables_of_prepared_set.event_types(old)
    for table in log.tables:
        origin, prefix = log.origin(table), f"{table}."
        columns = raw_log.table_columns(table, origin.rows.collect_schema())
        names = {c.removeprefix(prefix) for c in wanted if c.startswith(prefix)}
        if table in _EVENTS:
            names = {*kept.get(table, ())}
        if table in _EVENTS and (lacking := sorted(names - set(columns))):
            raise errors.UserError(
                f"expected {table}.{lacking[0]} in {origin.file}, as in the log that "
                f"{old.directory} was made from, found {', '.join(sorted(columns))}"
            )
        if names:
            names |= {schema.ORDER} if table == schema.WATCHES else set()
            rows = origin.rows.drop([name for name in columns if name not in names])
            origins[table] = dataclasses.replace(origin, rows=rows)
    return raw_log.from_origins(origins, log.facts)


def _with_entities(old: PreparedData, log: EventLog, bad_rows: str) -> EventLog:
    """Returns the log with all users and videos, in order of their ids.

    Raises:
      errors.UserError: New rows are bad, or their vectors have another width.
    """
    origins = {table: log.origin(table) for table in log.tables}
    for table in (schema.USERS, schema.VIDEOS):
        key = str(table_schemas.TABLES[table].key)
        if f"{table}.{key}" not in old.catalogue.columns:
            continue
        known = tables_of_prepared_set.entities(old, table)
        if table in log.tables:
            names = log.tables[table].collect_schema().names()
            once = log.origin(table).rows.unique(names, keep="first")
            given = log.with_rows(table, once.sort(raw_log.ROW))
            given, _ = log_checks.check_entities(given, table, bad_rows)
            new = given.tables[table].collect(engine="streaming")
            _require_widths(old, table, new, log.origin(table).file)
            both = pl.concat([known, new], how="diagonal_relaxed")
            known = both.group_by(key).agg(pl.all().drop_nulls().last())
        rows = known.select(known.columns).sort(key).with_row_index(raw_log.ROW)
        origins[table] = raw_log.Origin(rows.lazy(), f"{old.directory}/{table}")
    return raw_log.from_origins(origins, log.facts)


def _require_widths(
    old: PreparedData, table: str, rows: pl.DataFrame, file: str
) -> None:
    """Checks that new vectors are as wide as those of the old set."""
    for column in old.catalogue.vectors.in_table(table):
        name, width = column.partition(".")[2], old.catalogue.vectors.widths[column]
        if name in rows.columns:
            sizes = rows[name].list.len()
            other = sizes.filter((sizes > 0) & (sizes != width))
            if len(other):
                raise errors.UserError(
                    f"expected {column} in {file} to hold vectors of {width} numbers "
                    f"as before, received {other[0]}: make them with the same encoder, "
                    f"or prepare the grown log"
                )


def _write(old: PreparedData, log: EventLog, directory: pathlib.Path) -> int:
    """Writes all events in order of time, users of a shard at a time.

    Returns:
      The number of new watches.
    """
    types = tables_of_prepared_set.event_types(old)
    given = {
        table: tables_of_prepared_set.canonical(log.tables[table], columns)
        for table, columns in types.items()
        if table in log.tables
    }
    number, unknown = 0, (old.users[schema.USER_ID], None)
    parts = itertools.chain(tables_of_prepared_set.each_shard(old), [unknown])
    for place, (users, stored) in enumerate(parts):
        how: Literal["anti", "semi"] = "anti" if stored is None else "semi"
        for table, columns in types.items():
            rows = (stored or {}).get(table, pl.DataFrame(schema=columns))
            if table in given:
                keys = users.to_frame().lazy()
                own = given[table].join(keys, on=schema.USER_ID, how=how)
                new = _new_events(rows, own.collect(engine="streaming"))
                number += new.height if table == schema.WATCHES else 0
                rows = pl.concat([rows, new.select(rows.columns)])
            (directory / table).mkdir(exist_ok=True)
            rows = rows.sort(_BY_TIME, maintain_order=True)
            rows.write_parquet(directory / table / f"{place:05d}.parquet")
    return number


def _new_events(stored: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Returns the given events that are not stored, each once, ordered by content.

    A slate of which some events are stored is that one.
    """
    names = [n for n in given.columns if n not in (schema.PAGE_ID, schema.ORDER)]
    first = [n for n in (*_BY_TIME, schema.ORDER) if n in given.columns]
    given = given.sort(*dict.fromkeys([*first, *given.columns]))
    given = given.unique(names, keep="first", maintain_order=True)
    new = given.join(
        stored, on=names, how="anti", nulls_equal=True, maintain_order="left"
    )
    if schema.PAGE_ID in given.columns:
        slate = [schema.USER_ID, schema.PAGE_ID]
        both = given.join(stored, on=names, nulls_equal=True, suffix=_STORED)
        names_of = both.select(*slate, schema.PAGE_ID + _STORED).unique(slate)
        new = new.join(names_of, on=slate, how="left", maintain_order="left")
        name = pl.coalesce(schema.PAGE_ID + _STORED, schema.PAGE_ID)
        new = new.with_columns(name.alias(schema.PAGE_ID))
    return new


def _in_order(paths: Sequence[pathlib.Path]) -> pl.LazyFrame:
    """Returns the rows of files, each in order of time, as one such table."""
    parts = [pl.scan_parquet(path) for path in paths]
    rows = functools.reduce(lambda a, b: a.merge_sorted(b, schema.TIME), parts)
    return rows.with_row_index(raw_log.ROW)


def write_state(
    place: str,
    old: PreparedData,
    workdir: pathlib.Path,
    directory: pathlib.Path,
    say: Say,
) -> float:
    """Writes the events of a state that a log has not, as tables of an event log.

    They are written once, so that a refresh that was killed resumes with the same
    events. Those of the last seconds are left for the next refresh: a batch may still
    be on its way to the disk.

    Args:
      place: Path or address of the state.
      old: The log.
      workdir: Directory of its run, with added videos.
      directory: Directory of the tables.
      say: Function that is called with each message.

    Returns:
      The time up to which the events were received, seconds since 1970.

    Raises:
      errors.UserError: There is no state, or nothing new in it.
    """
    if not (directory / artifacts.MANIFEST).exists():
        received = time.time() - _YOUNG_SECONDS
        state = opening.open_known(place)
        is_later = opening.log_end(old).is_before
        every = (event for _, event in state.every() if is_later(event))
        later = (event for event in every if event.received <= received)
        tables = _tables(_with_typed_ids(later, old, say), old, say)
        state.close()
        _add_videos(tables, old, workdir, say)
        if schema.WATCHES not in tables:
            raise errors.UserError(
                f"expected watches in the state at {store.named(place)} that "
                f"{old.directory} has not, found none: wait for some"
            )
        facts = {opening.RECEIVED_TO: received}
        with artifacts.publish(directory, _KIND, {}, {}, facts) as partial:
            for name, frame in tables.items():
                frame.write_parquet(partial / f"{name}.parquet")
    facts = artifacts.read_manifest(directory, _KIND).facts
    return float(facts[opening.RECEIVED_TO])


def _with_typed_ids(later: Events, old: PreparedData, say: Say) -> Events:
    """Yields the events of users whose ids have the type of the log's."""
    is_integer, number = old.users.schema[schema.USER_ID].is_integer(), 0
    for event in later:
        if is_integer and event.user and not _INTEGER.fullmatch(event.user):
            number += 1
        else:
            yield event
    if number:
        say(f"note: {number:,} events are of users whose ids are no integers, left out")


def _tables(later: Events, old: PreparedData, say: Say) -> Tables:
    """Returns events as tables, with all columns that a set keeps."""
    shown, slates = histories.Exposures(), {}
    entities: dict[str, dict[Any, dict[str, Any]]] = {}
    rows: Rows = {}
    for event in later:
        columns = event.columns
        table = posted_events.TABLES.get(event.kind, schema.IMPRESSIONS)
        key = table_schemas.TABLES[table].key
        if key is not None:
            entities.setdefault(table, {}).setdefault(columns[key], {}).update(columns)
        elif event.kind == posted_events.SEARCH:
            rows.setdefault(table, []).append(columns | {schema.TIME: event.time})
        else:
            shown.add(event, columns)
        if event.kind == posted_events.SLATE:
            slates[event.request] = columns
    for one in shown:
        _add(rows, one, slates.get(one.request, {}))
    if number := sum(one.shown is None and one.watched is None for one in shown):
        say(f"note: {number:,} videos were clicked or rated in no answer, left out")
    kept = tables_of_prepared_set.event_types(old)
    tables = {
        table: pl.DataFrame(of_table, kept[table], strict=False)
        for table, of_table in rows.items()
        if table in kept
    }
    for table, by_id in entities.items():
        types = dict((old.users if table == schema.USERS else old.videos).schema)
        types.pop(_COUNT, None)
        listed = [{n: row.get(n) for n in types} for row in by_id.values()]
        tables[table] = pl.DataFrame(listed, types, strict=False)
    return tables


def _add(rows: Rows, one: histories.Exposure, slate: dict[str, Any]) -> None:
    """Adds the impression and the watch that were told of a video."""
    row = {schema.DEVICE: slate.get(schema.DEVICE)} | one.columns | one.outcomes
    row |= {schema.USER_ID: one.user, schema.VIDEO_ID: one.video}
    row |= {schema.WATCH_SECONDS: one.seconds, schema.CLICKED: one.is_clicked}
    row[schema.PAGE_ID] = one.request or None
    videos = slate.get(schema.VIDEO_IDS, ())
    if one.video in videos:
        row[schema.POSITION] = videos.index(one.video)
    times = {schema.WATCHES: one.watch_time, schema.IMPRESSIONS: one.shown}
    for table, at in times.items():
        if at is not None:
            rows.setdefault(table, []).append(row | {schema.TIME: at})


def _add_videos(
    tables: Tables, old: PreparedData, workdir: pathlib.Path, say: Say
) -> None:
    """Adds the added videos to the tables, and leaves out events of unknown ones."""
    known = added_videos_table.extended(old, workdir).videos.drop(_COUNT, strict=False)
    parts = [known[old.num_videos :], tables.get(schema.VIDEOS, known.clear())]
    new = pl.concat(parts, how="diagonal_relaxed").unique(schema.VIDEO_ID, keep="last")
    if new.height:
        tables[schema.VIDEOS] = new.sort(schema.VIDEO_ID)
    ids = pl.concat([known[schema.VIDEO_ID], new[schema.VIDEO_ID]])
    for table in (schema.WATCHES, schema.IMPRESSIONS):
        if table in tables:
            frame = tables[table]
            tables[table] = frame.filter(pl.col(schema.VIDEO_ID).is_in(ids.implode()))
            if number := frame.height - tables[table].height:
                say(f"note: {number:,} {table} are of unknown videos, left out")
            if tables[table].is_empty():
                del tables[table]
