"""The events of a state since the log of a run, as tables of an event log.

They are written once, so that a refresh that was killed resumes with the same events.
Those of the last seconds are left for the next refresh: a batch may still be on its way
to the disk.
"""

import pathlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from ytdnn.base import artifacts, errors, schema, table_schemas
from ytdnn.bundle import added_videos
from ytdnn.log import prepared
from ytdnn.ops.refresh import tables_of_prepared_set
from ytdnn.ops.state import histories, opening, posted_events, store

_KIND = "state_events"
_COUNT = prepared.TRAIN_COUNT
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_YOUNG_SECONDS = 5.0

Rows = dict[str, list[dict[str, Any]]]


def write(
    place: str,
    old: prepared.PreparedData,
    workdir: pathlib.Path,
    directory: pathlib.Path,
    say: Callable[[str], None],
) -> float:
    """Writes the events of a state that a log has not, unless they are written.

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
        tables = _tables(_with_typed_ids(later, old, say), old)
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


def _with_typed_ids(
    later: Iterator[posted_events.Event],
    old: prepared.PreparedData,
    say: Callable[[str], None],
) -> Iterator[posted_events.Event]:
    """Yields the events of users whose ids have the type of the log's."""
    is_integer, number = old.users.schema[schema.USER_ID].is_integer(), 0
    for event in later:
        if is_integer and event.user and not _INTEGER.fullmatch(event.user):
            number += 1
        else:
            yield event
    if number:
        say(f"note: {number:,} events are of users whose ids are no integers, left out")


def _tables(
    later: Iterator[posted_events.Event], old: prepared.PreparedData
) -> dict[str, pl.DataFrame]:
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
    tables: dict[str, pl.DataFrame],
    old: prepared.PreparedData,
    workdir: pathlib.Path,
    say: Callable[[str], None],
) -> None:
    """Adds the added videos to the tables, and leaves out events of unknown ones."""
    known = added_videos.extended(old, workdir).videos.drop(_COUNT, strict=False)
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
