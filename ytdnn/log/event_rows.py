"""Tables of events with indices instead of ids and texts, in file order."""

import dataclasses
from collections.abc import Mapping

import polars as pl

from ytdnn.base import configs, errors, schema, table_schemas
from ytdnn.log import outcomes, raw_log, shard_arrays

_NEEDED = {
    schema.WATCHES: (
        schema.TIME,
        schema.ORDER,
        schema.WATCH_SECONDS,
        schema.LOGGED_IN,
        schema.SPLIT,
        shard_arrays.COMPLETED,
    ),
    schema.SEARCHES: (schema.TIME, schema.QUERY),
    schema.IMPRESSIONS: (
        schema.TIME,
        schema.CLICKED,
        schema.WATCH_SECONDS,
        schema.PAGE_ID,
        schema.POSITION,
        schema.SCORE,
        schema.PROPENSITY,
    ),
}
# Text columns whose values become places in a vocabulary.
_SEED, _SEED_INDEX = "__seed__", "__seed_index__"
_TEXTS = {
    schema.WATCHES: (schema.DEVICE,),
    schema.SEARCHES: (),
    schema.IMPRESSIONS: (schema.DEVICE, schema.SOURCE),
}


def indexed(
    table: str,
    rows: pl.LazyFrame,
    users: pl.DataFrame,
    videos: pl.DataFrame,
    vocabularies: Mapping[str, list[str]],
) -> pl.LazyFrame:
    """Returns a table's events in the columns that `ytdnn.log.shard_arrays` reads.

    Args:
      table: Name of a table of events.
      rows: The table.
      users: `user_id` and `shard_arrays.USER`; events of other users are left out.
      videos: `video_id` and `shard_arrays.VIDEO`; events of other videos are left out.
      vocabularies: Values of text columns from `vocabularies`.
    """
    names = rows.collect_schema().names()
    kept = [pl.col(name) for name in _NEEDED[table] if name in names]
    for column in _TEXTS[table]:
        if column in names and column in vocabularies:
            kept.append(text_index(column, vocabularies[column]).alias(column))
    if table == schema.IMPRESSIONS:
        for name in outcomes.names_of(names):
            of_impression = pl.col(name).cast(pl.Float32)
            kept.append(of_impression.alias(outcomes.prefixed(name)))
    rows = rows.with_row_index(shard_arrays.ROW).join(
        users.lazy().select(schema.USER_ID, shard_arrays.USER), on=schema.USER_ID
    )
    places = videos.lazy().select(schema.VIDEO_ID, shard_arrays.VIDEO)
    if schema.VIDEO_ID in names:
        rows = rows.join(places, on=schema.VIDEO_ID)
        kept.append(pl.col(shard_arrays.VIDEO))
    if schema.SEED_VIDEO_ID in names:
        ids = videos.schema[schema.VIDEO_ID]  # of seeds too, unless all are missing
        seeds = places.rename({schema.VIDEO_ID: _SEED, shard_arrays.VIDEO: _SEED_INDEX})
        rows = rows.join(
            seeds,
            left_on=pl.col(schema.SEED_VIDEO_ID).cast(ids),
            right_on=_SEED,
            how="left",
        )
        kept.append(pl.col(_SEED_INDEX).alias(schema.SEED_VIDEO_ID))
    return rows.select(shard_arrays.USER, shard_arrays.ROW, *kept)


def vocabularies(tables: Mapping[str, pl.LazyFrame]) -> dict[str, list[str]]:
    """Returns the values of each text column of events, in order.

    A column in several tables has the values of the watches, if these have it.
    """
    texts: dict[str, list[str]] = {}
    for table, columns in _TEXTS.items():
        for column in columns:
            rows = tables.get(table)
            if rows is None or column in texts or column not in rows.collect_schema():
                continue
            distinct = rows.select(pl.col(column).drop_nulls().unique().sort())
            values = distinct.collect(engine="streaming")[column].to_list()
            texts |= {column: values} if values else {}
    return texts


def text_index(column: str, values: list[str]) -> pl.Expr:
    """Returns the place of a text among `values`, from 1; 0 for any other text."""
    places = {value: place for place, value in enumerate(values, 1)}
    return pl.col(column).replace_strict(places, default=0, return_dtype=pl.Int32)


def with_clicks(log: raw_log.EventLog) -> raw_log.EventLog:
    """Returns the log with its clicked impressions among its watches.

    Columns of `watches` that impressions do not have are null in the clicks.

    Args:
      log: A valid log, with watches that do not include the clicks yet.

    Raises:
      errors.UserError: There are no impressions, or watches have a column `split`,
        which clicks lack.
    """
    if schema.IMPRESSIONS not in log.tables:
        raise errors.UserError(
            f"expected a table {schema.IMPRESSIONS} for data.clicks_are_watches, found "
            f"{', '.join(log.tables)}: add it, or leave the setting out"
        )
    watches, shown = log.tables[schema.WATCHES], log.tables[schema.IMPRESSIONS]
    if schema.SPLIT in watches.collect_schema():
        raise errors.UserError(
            f"expected no column {schema.WATCHES}.{schema.SPLIT} with "
            f"data.clicks_are_watches, found it: clicks have no split of their own; "
            f"add them to {schema.WATCHES} yourself, or leave the setting out"
        )
    known = table_schemas.TABLES[schema.WATCHES].names
    shared = [name for name in shown.collect_schema() if name in known]
    clicks = shown.filter(pl.col(schema.CLICKED)).select(shared)
    joined = pl.concat([watches, clicks], how="diagonal_relaxed")
    return dataclasses.replace(log, tables={**log.tables, schema.WATCHES: joined})


def with_completed(
    watches: pl.LazyFrame, log: raw_log.EventLog, config: configs.DataConfig
) -> pl.LazyFrame:
    """Adds `COMPLETED` if the configuration has a rule for it (PAPER §3.1).

    A watch of unknown seconds, or of a video of unknown duration, is not completed.

    Raises:
      errors.UserError: The log lacks a column of the rule.
    """
    if not (config.min_watch_seconds or config.min_watch_fraction):
        return watches
    _require(log, schema.WATCHES, schema.WATCH_SECONDS, "data.min_watch_seconds")
    seconds = pl.col(schema.WATCH_SECONDS).fill_null(0.0).fill_nan(0.0)
    completed = pl.lit(False)
    if config.min_watch_seconds:
        completed |= seconds >= config.min_watch_seconds
    if config.min_watch_fraction:
        _require(log, schema.VIDEOS, schema.DURATION_SECONDS, "data.min_watch_fraction")
        durations = log.tables[schema.VIDEOS].select(
            schema.VIDEO_ID, schema.DURATION_SECONDS
        )
        watches = watches.join(
            durations, on=schema.VIDEO_ID, how="left", maintain_order="left"
        )
        bound = config.min_watch_fraction * pl.col(schema.DURATION_SECONDS)
        completed |= (seconds >= bound).fill_null(False)
    return watches.with_columns(completed.alias(shard_arrays.COMPLETED))


def _require(log: raw_log.EventLog, table: str, column: str, setting: str) -> None:
    has_column = table in log.tables and column in log.tables[table].collect_schema()
    if not has_column:
        raise errors.UserError(
            f"expected a column {table}.{column} for {setting}, found none: add it to "
            f"the log, or set {setting} to 0"
        )
