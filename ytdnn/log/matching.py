"""Matches the ids of a log's other tables with those of its watches."""

import dataclasses
import functools
from collections.abc import Callable

import polars as pl

from ytdnn.base import errors, schema
from ytdnn.log import event_log

Ids = Callable[[str, str], pl.LazyFrame]
# The columns of each table whose ids are looked for among those of the watches.
_COLUMNS = {
    schema.USERS: (schema.USER_ID,),
    schema.VIDEOS: (schema.VIDEO_ID,),
    schema.SEARCHES: (schema.USER_ID,),
    schema.IMPRESSIONS: (schema.USER_ID, schema.VIDEO_ID),
}


@dataclasses.dataclass(frozen=True)
class Unmatched:
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


def unmatched(log: event_log.EventLog, ids: Ids | None = None) -> list[Unmatched]:
    """Returns the ids without a watch of each table and column, if any.

    Args:
      log: A valid log.
      ids: Function that returns the distinct ids of a table and column; None: they are
        read from the log.

    Raises:
      errors.UserError: A table has ids, but none of them has a watch.
    """
    read = ids or functools.partial(_ids, log)
    found = []
    for table, columns in _COLUMNS.items():
        for column in columns if table in log.tables else ():
            own, watched = read(table, column), read(schema.WATCHES, column)
            number = event_log.num_rows(own.join(watched, on=column, how="anti"))
            of = event_log.num_rows(own) if number else 0
            if number and number == of:
                raise _error(log, table, column, of)
            if number:
                found.append(Unmatched(table, column, number, of))
    return found


def _ids(log: event_log.EventLog, table: str, column: str) -> pl.LazyFrame:
    return log.tables[table].select(column).drop_nulls().unique()


def _error(
    log: event_log.EventLog, table: str, column: str, of: int
) -> errors.UserError:
    first, watched = (
        log.tables[name].select(column).drop_nulls().head(1).collect().item()
        for name in (table, schema.WATCHES)
    )
    return errors.UserError(
        f"expected {table}.{column} in {log.origin(table).file} to hold ids that "
        f"{schema.WATCHES} has, found none among its {of:,} (as {first!r}; "
        f"{schema.WATCHES} has {watched!r}): write the ids alike, or leave the table "
        f"out"
    )
