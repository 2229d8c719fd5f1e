"""The users and videos of a log, their order and their columns."""

import dataclasses

import polars as pl

from ytdnn.base import configs, errors, schema
from ytdnn.log import raw_log, shard_arrays, vectors

COUNT = "count"  # of watches
EVENTS = "events"  # of all tables
IN_WATCHES = "in_watches"
# The columns of each table whose ids are looked for among those of the watches.
_COLUMNS = {
    schema.USERS: (schema.USER_ID,),
    schema.VIDEOS: (schema.VIDEO_ID,),
    schema.SEARCHES: (schema.USER_ID,),
    schema.IMPRESSIONS: (schema.USER_ID, schema.VIDEO_ID),
}


def core(watches: pl.LazyFrame, config: configs.DataConfig) -> pl.LazyFrame:
    """Drops videos and users with too few watches, until all have enough.

    With both minimums at 5 this is the 5-core of published benchmarks.
    """
    bounds = {
        schema.VIDEO_ID: config.min_item_count,
        schema.USER_ID: config.min_user_count,
    }
    if max(bounds.values()) <= 1:
        return watches
    pairs = watches.select(*bounds).collect(engine="streaming")
    before = -1
    while pairs.height != before:
        before = pairs.height
        for column, least in bounds.items():
            pairs = pairs.filter(pl.len().over(column) >= least)
    for column in bounds:
        watches = watches.join(
            pairs.select(column).unique().lazy(),
            on=column,
            how="semi",
            maintain_order="left",
        )
    return watches


def catalogue(log: raw_log.EventLog, watches: pl.LazyFrame) -> pl.DataFrame:
    """Returns every video of the log: `video_id`, `shard_arrays.VIDEO`, `IN_WATCHES`.

    The order is that of the file of `videos`, if there is one, else of first appearance
    in `watches`, then `impressions`; videos of the kept watches are marked.
    """
    ids = pl.col(schema.VIDEO_ID)
    seen = [watches.select(ids, pl.lit(True).alias(IN_WATCHES))]
    for table in (schema.IMPRESSIONS, schema.VIDEOS):
        if table in log.tables:
            seen.append(log.tables[table].select(ids, pl.lit(False).alias(IN_WATCHES)))
    videos = (
        pl.concat(seen)
        .with_row_index(shard_arrays.ROW)
        .group_by(schema.VIDEO_ID)
        .agg(pl.col(shard_arrays.ROW).min(), pl.col(IN_WATCHES).any())
    )
    order = [shard_arrays.ROW]
    if schema.VIDEOS in log.tables:
        listed = log.tables[schema.VIDEOS].select(ids).with_row_index("place")
        videos = videos.join(listed, on=schema.VIDEO_ID, how="left")
        order = ["place", shard_arrays.ROW]
    return (
        videos.sort(order, nulls_last=True)
        .select(schema.VIDEO_ID, IN_WATCHES)
        .with_row_index(shard_arrays.VIDEO, offset=1)
        .collect(engine="streaming")
    )


def all_users(log: raw_log.EventLog, watches: pl.LazyFrame) -> pl.DataFrame:
    """Returns users sorted by id: `user_id`, `shard_arrays.USER`, `COUNT` and `EVENTS`.

    Users without a watch are included if they have impressions or searches, unless
    `core` dropped them.
    """
    parts = [watches.select(schema.USER_ID, pl.lit(1, pl.UInt32).alias(COUNT))]
    for table in (schema.IMPRESSIONS, schema.SEARCHES):
        if table in log.tables:
            user = log.tables[table].select(schema.USER_ID)
            parts.append(user.with_columns(pl.lit(0, pl.UInt32).alias(COUNT)))
    watchers = log.tables[schema.WATCHES].select(schema.USER_ID).unique()
    dropped = watchers.join(watches, on=schema.USER_ID, how="anti")
    return (
        pl.concat(parts)
        .group_by(schema.USER_ID)
        .agg(pl.col(COUNT).sum(), pl.len().alias(EVENTS))
        .join(dropped, on=schema.USER_ID, how="anti")
        .sort(schema.USER_ID)
        .with_row_index(shard_arrays.USER)
        .collect(engine="streaming")
    )


def with_columns(log: raw_log.EventLog, table: str, ids: pl.Series) -> pl.DataFrame:
    """Returns ids, joined with the columns of an entity table except vectors.

    Args:
      log: The event log.
      table: `users` or `videos`.
      ids: Keys of that table, in its column of ids.
    """
    keys = ids.to_frame()
    if table not in log.tables:
        return keys
    frame = log.tables[table]
    frame = frame.drop(vectors.columns(frame.collect_schema()))
    rows = frame.collect(engine="streaming")
    return keys.join(rows, on=ids.name, how="left", maintain_order="left")


@dataclasses.dataclass(frozen=True)
class UnmatchedIds:
    """Ids of a table without a watch.

    Attributes:
      table: Name of the table.
      column: `user_id` or `video_id`.
      number: Number of distinct ids without a watch.
      of: Number of distinct ids.
    """

    table: str
    column: str
    number: int
    of: int


def unmatched(log: raw_log.EventLog) -> list[UnmatchedIds]:
    """Returns the ids without a watch of each table and column, if any.

    Args:
      log: A valid log.

    Raises:
      errors.UserError: A table has ids, but none of them has a watch.
    """
    unmatched_ids = []
    for table, columns in _COLUMNS.items():
        for column in columns if table in log.tables else ():
            ids, watched = (
                log.tables[name].select(column).drop_nulls().unique()
                for name in (table, schema.WATCHES)
            )
            number = raw_log.num_rows(ids.join(watched, on=column, how="anti"))
            of = raw_log.num_rows(ids) if number else 0
            if number and number == of:
                first, known = (rows.min().collect().item() for rows in (ids, watched))
                raise errors.UserError(
                    f"expected {table}.{column} in {log.origin(table).file} to hold "
                    f"ids that {schema.WATCHES} has, found none among its {of:,} (as "
                    f"{first!r}; {schema.WATCHES} has {known!r}): write the ids alike, "
                    f"or leave the table out"
                )
            if number:
                unmatched_ids.append(UnmatchedIds(table, column, number, of))
    return unmatched_ids
