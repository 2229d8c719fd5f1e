"""New videos, read from a table of their own, in the columns of a catalogue.

The table has the columns of `videos`, own ones included, with the user's column names
that the run was prepared with. Columns that the catalogue lacks are not read; columns
that the table lacks are missing values.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import polars as pl

from ytdnn.base import errors, schema, user_paths
from ytdnn.log import log_checks, prepared, raw_log, vectors
from ytdnn.log.sources import frames, mappings, own_tables

_NAME = "videos="  # what messages call a frame


@dataclasses.dataclass(frozen=True)
class NewVideos:
    """Rows for a catalogue.

    Attributes:
      table: Rows in the columns and types of the catalogue's `videos`.
      unread: Columns that the catalogue lacks.
      dropped: Bad rows that were left out, by reason.
    """

    table: pl.DataFrame
    unread: list[str]
    dropped: dict[str, int]


def read(
    given: Any,
    data: prepared.PreparedData,
    columns: Sequence[str] = (),
    bad_rows: str = "stop",
) -> NewVideos:
    """Reads and checks a table of videos.

    Args:
      given: A path of a Parquet or CSV file, or a frame of Polars or pandas.
      data: Prepared set with the catalogue to extend.
      columns: Own column names, as in `configs.DataConfig.columns`; they have
        precedence over those that the catalogue was prepared with.
      bad_rows: `stop`, or `drop` to leave bad rows out.

    Raises:
      errors.UserError: The table cannot be read, a row is bad, or a column has another
        type than in the catalogue.
    """
    mapped = [c for c in data.config.columns if c.startswith(f"{schema.VIDEOS}.")]
    mapped_here = mappings.parse_columns(columns)
    mappings.require_mapped(mapped_here, [schema.VIDEOS], "new videos")
    names = {
        **mappings.parse_columns(mapped).get(schema.VIDEOS, {}),
        **mapped_here.get(schema.VIDEOS, {}),
    }
    if isinstance(given, str | pathlib.Path):
        origin = own_tables.read_file(schema.VIDEOS, user_paths.expanded(given), names)
    else:
        rows = frames.to_polars(given, _NAME).with_row_index(raw_log.ROW)
        origin = own_tables.origin(schema.VIDEOS, rows, _NAME, names, "")
    read = raw_log.from_origins({schema.VIDEOS: origin}, {})
    read, dropped = log_checks.check_entities(read, schema.VIDEOS, bad_rows)
    with raw_log.readable(origin.file):
        table = read.tables[schema.VIDEOS].collect()
    by_words = own_tables.FOUND_BY_WORDS - {*names, *data.videos.columns}
    table = table.rename({n: own for n, own in origin.names.items() if n in by_words})
    wanted = dict(data.videos.drop(prepared.TRAIN_COUNT, strict=False).schema)
    of_videos = data.catalogue.vectors.in_table(schema.VIDEOS)
    wanted |= {name.partition(".")[2]: vectors.DTYPE for name in of_videos}
    unread = [*origin.unused, *(name for name in table.columns if name not in wanted)]
    made_columns = [
        _cast(table[name], dtype, origin.file)
        if name in table.columns
        else pl.Series(name, [None] * table.height, dtype)
        for name, dtype in wanted.items()
    ]
    rows_of_set = pl.DataFrame(made_columns)
    data.catalogue.vectors.extended(rows_of_set)  # refuses those of another width
    return NewVideos(rows_of_set, unread, dropped)


def _cast(values: pl.Series, dtype: pl.DataType, file: str) -> pl.Series:
    try:
        return values.cast(dtype)
    except pl.exceptions.PolarsError:
        raise errors.UserError(
            f"expected {schema.VIDEOS}.{values.name} in {file} of type {dtype} as in "
            f"the catalogue, found {values.dtype}, which does not convert: write it "
            f"with that type"
        ) from None


def added_to(data: prepared.PreparedData, table: pl.DataFrame) -> prepared.PreparedData:
    """Returns a prepared set with a table's new videos at the end of its catalogue.

    Args:
      data: The prepared set.
      table: See `NewVideos`; columns may differ if the set was prepared again since.
    """
    ids = table[schema.VIDEO_ID].cast(data.videos.schema[schema.VIDEO_ID])
    known = data.videos[schema.VIDEO_ID]
    new = table.with_columns(ids).filter(~ids.is_in(known.implode()))
    if not new.height:
        return data
    columns = [
        pl.col(name).cast(dtype, strict=False)
        if name in new.columns
        else pl.lit(0 if name == prepared.TRAIN_COUNT else None, dtype).alias(name)
        for name, dtype in data.videos.schema.items()
    ]
    of_videos = [
        n.partition(".")[2] for n in data.catalogue.vectors.in_table(schema.VIDEOS)
    ]
    columns += [pl.col(name) for name in of_videos if name in new.columns]
    return data.with_videos(new.select(columns))
