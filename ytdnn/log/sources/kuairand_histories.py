"""Watches before KuaiRand's log, which have an order but no times.

Some editions have a table of each user's earlier watches: `user_id` and
`long_watch_seq`, the videos with long views, oldest first. They get times in the
seconds before the first day of the log (in China), the last of each user one second
before it. So they come first, in their order, and a window may begin with the log.
Their true times and durations are unknown.
"""

import pathlib

import polars as pl

from ytdnn.base import errors, schema
from ytdnn.log import event_log

_SEQUENCE = "long_watch_seq"
_DAY, _CHINA = 86_400, 8 * 3_600  # seconds
_PLACE, _LENGTH = "__place__", "__length__"


def read_before(watches: event_log.Origin, path: pathlib.Path) -> event_log.Origin:
    """Returns the watches of a log with those of a table of histories before them.

    Args:
      watches: Watches of the log.
      path: The Parquet file.

    Raises:
      errors.UserError: The file or one of its columns is missing.
    """
    if not path.is_file():
        raise errors.UserError(
            f"expected the file of data.histories, found none at {path}: name one in "
            f"the folder of the log, or leave data.histories out"
        )
    with event_log.readable(str(path)):
        table = pl.scan_parquet(path)
        found = table.collect_schema()
        size, start = (
            watches.rows.select(pl.len(), pl.col(schema.TIME).min())
            .collect(engine="streaming")
            .row(0)
        )
    day = (start + _CHINA) // _DAY * _DAY - _CHINA
    for column in (schema.USER_ID, _SEQUENCE):
        if column not in found:
            raise errors.UserError(
                f"expected column {column} in {path}, found "
                f"{event_log.brief(', '.join(found))}: give a file with each user's "
                f"watches in order"
            )
    dtypes = watches.rows.collect_schema()
    rows = (
        table.select(schema.USER_ID, _SEQUENCE)
        .filter(pl.col(_SEQUENCE).list.len() > 0)
        .with_columns(
            pl.col(_SEQUENCE).list.len().cast(pl.Int64).alias(_LENGTH),
            pl.int_ranges(pl.col(_SEQUENCE).list.len()).alias(_PLACE),
        )
        .explode(_SEQUENCE, _PLACE)
        .select(
            pl.col(schema.USER_ID).cast(dtypes[schema.USER_ID]),
            pl.col(_SEQUENCE).cast(dtypes[schema.VIDEO_ID]).alias(schema.VIDEO_ID),
            (day - pl.col(_LENGTH) + pl.col(_PLACE)).alias(schema.TIME),
            pl.col(_PLACE).alias(schema.ORDER),
        )
        .with_row_index(event_log.ROW, offset=size)
    )
    typed = rows.cast({name: dtypes[name] for name in rows.collect_schema()})
    parts = watches.parts or ((0, watches.file),)
    return event_log.Origin(
        pl.concat([watches.rows, typed], how="diagonal"),
        watches.file,
        watches.names,
        (*parts, (size, str(path))),
        watches.notes,
        watches.unused,
    )
