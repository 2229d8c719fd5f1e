"""Lazy frames of Parquet files with row numbers, and filters of rows."""

import pathlib
import re
from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from ytdnn.base import errors
from ytdnn.log import event_log

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz")
_MOST_OFFSET_MINUTES = 14 * 60
_OFFSET = re.compile(r"[+-]\d{2}:?\d{2}")


def scan_parquet(paths: Sequence[pathlib.Path], **options: Any) -> pl.LazyFrame:
    """Returns the rows of the files one after the other, numbered in ROW.

    Datetimes with a fixed offset (`+05:30`, as written by pandas), which Polars does
    not support, are converted to UTC.

    Args:
      paths: The files, of the same columns and types.
      **options: Further arguments of `polars.scan_parquet`.

    Raises:
      errors.UserError: A file is not Parquet.
    """
    for path in paths:
        require_parquet(path)
    schemas = []
    for path in paths:
        with event_log.readable(str(path)):
            schemas.append(pl.scan_parquet(path).collect_schema())
        _require_like(path, schemas[-1], paths[0], schemas[0])
    if event_log.ROW in schemas[0]:
        raise errors.UserError(
            f"expected in {paths[0]} no column {event_log.ROW}, which ytdnn uses "
            f"itself, found one: rename it"
        )
    with event_log.readable(str(paths[0].parent)):
        frame = pl.scan_parquet(list(paths), row_index_name=event_log.ROW, **options)
        return in_utc(frame)


def in_utc(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Returns rows with datetimes of fixed offsets converted to UTC."""
    return frame.with_columns(
        pl.col(name).cast(pl.Datetime(dtype.time_unit, "UTC"))
        for name, dtype in frame.collect_schema().items()
        if isinstance(dtype, pl.Datetime) and _OFFSET.fullmatch(dtype.time_zone or "")
    )


def far_zones(paths: Sequence[pathlib.Path], columns: Collection[str]) -> list[str]:
    """Returns a note for each Parquet column with an implausible time zone.

    Args:
      paths: The files; other formats have no time zones.
      columns: Columns to check.
    """
    found = []
    for path in paths:
        if path.suffix.lower() not in PARQUET:
            continue
        for name, dtype in pl.scan_parquet(path).collect_schema().items():
            zone = (dtype.time_zone if isinstance(dtype, pl.Datetime) else "") or ""
            if name.strip() not in columns or not _OFFSET.fullmatch(zone):
                continue
            hours, minutes = int(zone[1:3]), int(zone[-2:])
            if hours * 60 + minutes > _MOST_OFFSET_MINUTES:
                found.append(
                    f"{name} has the zone {zone}, beyond 14 hours of UTC, which no "
                    f"place has: check the offset"
                )
    return list(dict.fromkeys(found))


def require_parquet(path: pathlib.Path) -> None:
    """Checks the first and last bytes of a file for Parquet's marks.

    Raises:
      errors.UserError: The file is not Parquet.
    """
    with event_log.readable(str(path)), open(path, "rb") as file:
        head = file.read(4)
        file.seek(-min(4, path.stat().st_size), 2)
        tail = file.read()
    if head != b"PAR1" or tail != b"PAR1":
        size = path.stat().st_size
        found = "the beginning of one" if head == b"PAR1" else f"{size:,} other bytes"
        raise errors.UserError(
            f"expected a Parquet file in {path}, found {found}: export it again, or "
            f"name it .csv if it is text"
        )


def _require_like(
    path: pathlib.Path, found: pl.Schema, first: pathlib.Path, wanted: pl.Schema
) -> None:
    """Checks that a part has the columns and types of the first one."""
    for name in {**wanted, **found}:
        if found.get(name) != wanted.get(name):
            raise errors.UserError(
                f"expected in {path} the columns and types of {first.name}, found "
                f"{name} of type {found.get(name, 'nothing')} instead of "
                f"{wanted.get(name, 'nothing')}: write all parts with the same columns"
            )


def part_starts(
    paths: Sequence[pathlib.Path], skip_lines: int = 0
) -> tuple[tuple[int, str], ...]:
    """Returns the first row of each Parquet or CSV file in their concatenation.

    Args:
      paths: The files.
      skip_lines: Lines above the header of each CSV file.
    """
    starts, start = [], 0
    for path in paths:
        starts.append((start, str(path)))
        is_parquet = path.suffix in PARQUET
        with event_log.readable(str(path)):
            rows = (
                pl.scan_parquet(path)
                if is_parquet
                else pl.scan_csv(path, infer_schema=False, skip_lines=skip_lines)
            )
            start += event_log.num_rows(rows)
    return tuple(starts)


def left_out(frame: pl.LazyFrame, where: str, file: str) -> str:
    """Returns the number of rows that `filter_rows` leaves out, as "3 of 10 rows"."""
    if not where:
        return ""
    kept = filter_rows(frame, where, file).select(pl.len())
    with event_log.readable(file):
        num_kept, number = (
            query.collect(engine="streaming").item()
            for query in (kept, frame.select(pl.len()))
        )
    return f"{number - num_kept:,} of {number:,} rows"


def filter_rows(frame: pl.LazyFrame, where: str, file: str) -> pl.LazyFrame:
    """Keeps the rows for which the Polars SQL expression `where` is true.

    Raises:
      errors.UserError: `where` is no expression, names an unknown column, or is not
        boolean.
    """
    if not where:
        return frame
    try:
        condition = pl.sql_expr(where)
        frame.drop(event_log.ROW).head(1).filter(condition).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        columns = [name for name in frame.collect_schema() if name != event_log.ROW]
        raise errors.UserError(
            f"expected in --where a Polars SQL condition over the columns of {file} "
            f"({event_log.brief(', '.join(columns))}), received {where!r}: "
            f"{event_log.brief(error)}"
        ) from None
    return frame.filter(condition)
