"""The events and entities of a prepared set as tables of the event log again.

What a prepared set does not keep is lost: the device of a search, and the names of
slates, which get others.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import ragged, schema, table_schemas
from ytdnn.log import events, prepared, raw_log, vectors

_STORED, _GIVEN = "stored ", "given "  # begins of the names of slates
_FILES = {
    events.WATCH: schema.WATCHES,
    events.SEARCH: schema.SEARCHES,
    events.IMPRESSION: schema.IMPRESSIONS,
}
Frames = dict[str, pl.DataFrame]


def event_types(data: prepared.PreparedData) -> dict[str, pl.Schema]:
    """Returns the columns of each table of events that a set keeps, with their types.

    Args:
      data: The prepared set.
    """
    users = data.users.schema[schema.USER_ID]
    videos = data.videos.schema[schema.VIDEO_ID]
    ids = {schema.USER_ID: users, schema.VIDEO_ID: videos}
    ids |= {schema.SEED_VIDEO_ID: videos, schema.PAGE_ID: pl.String()}
    kept = {
        schema.WATCHES: [schema.WATCH_SECONDS, schema.DEVICE, schema.LOGGED_IN],
        schema.SEARCHES: [schema.QUERY],
        schema.IMPRESSIONS: [
            *(schema.CLICKED, schema.WATCH_SECONDS, schema.PAGE_ID, schema.POSITION),
            *(schema.SOURCE, schema.SCORE, schema.PROPENSITY, schema.SEED_VIDEO_ID),
            *(schema.DEVICE, *(outcome.name for outcome in data.catalogue.outcomes)),
        ],
    }
    types = {}
    for table, names in kept.items():
        known = [n for n in names if f"{table}.{n}" in data.catalogue.columns]
        if f"{table}.{schema.TIME}" in data.catalogue.columns:
            video = [] if table == schema.SEARCHES else [schema.VIDEO_ID]
            every = [schema.TIME, schema.USER_ID, *video, *known]
            types[table] = pl.Schema({n: ids.get(n) or _type(table, n) for n in every})
    return types


def _type(table: str, column: str) -> pl.DataType:
    kinds = {each.name: each.kind for each in table_schemas.TABLES[table].columns}
    return raw_log.DTYPES[kinds.get(column, "number")]  # own outcomes are numbers


def canonical(rows: pl.LazyFrame, types: pl.Schema) -> pl.LazyFrame:
    """Returns given events as they would be read back from a prepared set.

    Args:
      rows: Events of a table; missing columns are null.
      types: Its columns, from `event_types`.
    """
    given = rows.collect_schema().names()
    columns = []
    for name, dtype in types.items():
        value = pl.col(name) if name in given else pl.lit(None)
        if dtype == pl.Float64:
            value = value.cast(pl.Float32).fill_nan(None)
        if name == schema.WATCH_SECONDS:
            value = value.fill_null(0.0)
        value = value.cast(dtype)
        if name == schema.PAGE_ID:
            value = pl.lit(_GIVEN) + value
        columns.append(value.alias(name))
    if schema.ORDER in given:
        columns.append(pl.col(schema.ORDER))
    return rows.select(columns)


def each_shard(data: prepared.PreparedData) -> Iterator[tuple[pl.Series, Frames]]:
    """Yields the users of each shard, and their events in the order of the set.

    Args:
      data: The prepared set.
    """
    types = event_types(data)
    for number, part in enumerate(data.log.shards):
        users = data.users[schema.USER_ID][part.first_user :][: part.num_users]
        shard, frames = part.read(), {}
        for name, table in events.tables(shard).items():
            offsets = events.user_offsets(table, part.num_users)
            columns = _columns(data, dict(events.columns(table)))
            columns[schema.USER_ID] = users.gather(ragged.rows_of(offsets))
            if name == events.SEARCH:
                home = events.path(data.directory, number)
                texts = pl.read_parquet(home / events.QUERIES_FILE)
                columns[schema.QUERY] = texts[schema.QUERY]
            wanted = types[_FILES[name]]
            rows = pl.DataFrame({k: v for k, v in columns.items() if k in wanted})
            frames[_FILES[name]] = rows.select(
                pl.col(n).cast(t) if n in columns else pl.lit(None, t).alias(n)
                for n, t in wanted.items()
            )
        yield users, frames


def _columns(data: prepared.PreparedData, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns of events of one shard, but for users and queries."""
    videos, texts = data.videos[schema.VIDEO_ID], data.catalogue.vocabularies
    ids = pl.concat([videos.clear(1), videos])  # index 0 is none
    devices, sources = (
        pl.Series([None, *texts.get(name, ())], dtype=pl.String)
        for name in (schema.DEVICE, schema.SOURCE)
    )
    logged_in = pl.Series([False, True, None], dtype=pl.Boolean)
    readers: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "times": (schema.TIME, pl.Series),
        "videos": (schema.VIDEO_ID, ids.gather),
        "clicked": (schema.CLICKED, pl.Series),
        "seed_videos": (schema.SEED_VIDEO_ID, ids.gather),
        "devices": (schema.DEVICE, devices.gather),
        "sources": (schema.SOURCE, sources.gather),
        "logged_in": (schema.LOGGED_IN, lambda codes: logged_in.gather(codes % 3)),
        "seconds": (schema.WATCH_SECONDS, _number),
        "scores": (schema.SCORE, _number),
        "propensities": (schema.PROPENSITY, _number),
        "positions": (schema.POSITION, lambda n: _number(np.where(n < 0, np.nan, n))),
        "pages": (schema.PAGE_ID, lambda n: _STORED + pl.Series(n).cast(pl.String)),
    }
    columns = {
        column: read(np.asarray(arrays[name]))
        for name, (column, read) in readers.items()
        if name in arrays
    }
    of_impressions = data.catalogue.outcomes if "outcomes" in arrays else ()
    for number, outcome in enumerate(of_impressions):
        columns[outcome.name] = _number(np.asarray(arrays["outcomes"])[:, number])
    return columns


def _number(values: npt.NDArray[np.floating]) -> pl.Series:
    return pl.Series(values).fill_nan(None)


def entities(data: prepared.PreparedData, table: str) -> pl.DataFrame:
    """Returns the users or videos of a set with their columns and vectors.

    Args:
      data: The prepared set.
      table: `users` or `videos`.
    """
    is_video = table == schema.VIDEOS
    frame = data.videos if is_video else data.users
    frame = frame.drop(prepared.TRAIN_COUNT, strict=False)
    for column in data.catalogue.vectors.in_table(table):
        rows = data.catalogue.vectors.rows(column)[int(is_video) :]
        values = pl.Series(column.partition(".")[2], rows.astype(np.float32))
        lists = values.arr.to_list().cast(vectors.DTYPE)
        frame = frame.with_columns(lists.set(pl.Series(~rows.any(axis=1)), None))
    return frame
