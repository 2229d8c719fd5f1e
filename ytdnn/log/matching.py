"""Matches the ids of a log's other tables with those of its watches."""

import dataclasses

from ytdnn.base import errors, schema
from ytdnn.log import event_log

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


def unmatched(log: event_log.EventLog) -> list[Unmatched]:
    """Returns the ids without a watch of each table and column, if any.

    Args:
      log: A valid log.

    Raises:
      errors.UserError: A table has ids, but none of them has a watch.
    """
    found = []
    for table, columns in _COLUMNS.items():
        for column in columns if table in log.tables else ():
            own, watched = (
                log.tables[name].select(column).drop_nulls().unique()
                for name in (table, schema.WATCHES)
            )
            number = event_log.num_rows(own.join(watched, on=column, how="anti"))
            of = event_log.num_rows(own) if number else 0
            if number and number == of:
                first, known = (
                    rows.head(1).collect().item() for rows in (own, watched)
                )
                raise errors.UserError(
                    f"expected {table}.{column} in {log.origin(table).file} to hold "
                    f"ids that {schema.WATCHES} has, found none among its {of:,} (as "
                    f"{first!r}; {schema.WATCHES} has {known!r}): write the ids alike, "
                    f"or leave the table out"
                )
            if number:
                found.append(Unmatched(table, column, number, of))
    return found
