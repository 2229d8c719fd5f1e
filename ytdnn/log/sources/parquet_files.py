"""Lazy frames of Parquet and Arrow files with row numbers, and filters of rows."""

import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from ytdnn.base import errors
from ytdnn.log import raw_log

PARQUET = (".parquet", ".pq")
ARROW = (".feather", ".arrow", ".ipc")
CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst")
TABLES = (*PARQUET, *ARROW, *CSV)
_AGGREGATE = re.compile(r'"Agg":|"expr":"Len"|"Quantile":')  # in Polars' JSON
_OFFSET = re.compile(r"[+-]\d{2}:?\d{2}")


def scan_parquet(paths: Sequence[pathlib.Path], **options: Any) -> pl.LazyFrame:
    """Returns the rows of the files one after the other, numbered in ROW.

    Datetimes with a fixed offset (`+05:30`, as written by pandas), which Polars does
    not support, are converted to UTC.

    Args:
      paths: The files, of the same columns and types.
      **options: Further arguments of `polars.scan_parquet`.

    Raises:
      errors.UserError: A file is not of the format that its name says.
    """
    is_arrow = paths[0].name.lower().endswith(ARROW)
    for path in () if is_arrow else paths:
        require_parquet(path)
    scan: Callable[..., pl.LazyFrame] = pl.scan_ipc if is_arrow else pl.scan_parquet
    require_alike(paths, scan)
    with raw_log.readable(str(paths[0] if len(paths) == 1 else paths[0].parent)):
        frame = scan(list(paths), row_index_name=raw_log.ROW, **options)
        return frame.with_columns(
            pl.col(name).cast(pl.Datetime(dtype.time_unit, "UTC"))
            for name, dtype in frame.collect_schema().items()
            if isinstance(dtype, pl.Datetime)
            and _OFFSET.fullmatch(dtype.time_zone or "")
        )


def require_alike(
    paths: Sequence[pathlib.Path], scan: Callable[..., pl.LazyFrame]
) -> None:
    """Checks that parts have the same columns and types, those of CSV in one order.

    Args:
      paths: The parts.
      scan: Returns the rows of one.

    Raises:
      errors.UserError: A part differs from the first one.
    """
    first: dict[str, pl.DataType] = {}
    for path in paths if len(paths) > 1 else []:
        with raw_log.readable(str(path)):
            columns = dict(scan(path).collect_schema())
        first = first or columns
        is_csv = path.name.lower().endswith(CSV)
        if columns != first or (is_csv and [*columns] != [*first]):
            wanted, received = (
                [f"{n} {t}" for n, t in own.items() if other.get(n) != t] or [*own]
                for own, other in ((first, columns), (columns, first))
            )
            raise errors.UserError(
                f"expected in {path} the columns of {paths[0].name} "
                f"({raw_log.brief(', '.join(wanted))}), found "
                f"{raw_log.brief(', '.join(received))}: write all parts with the "
                f"same columns"
            )


def require_parquet(path: pathlib.Path) -> None:
    """Checks the first and last bytes of a file for Parquet's marks.

    Raises:
      errors.UserError: The file is not Parquet.
    """
    with raw_log.readable(str(path)), open(path, "rb") as file:
        head = file.read(4)
        file.seek(-min(4, path.stat().st_size), 2)
        tail = file.read()
    if head != b"PAR1" or tail != b"PAR1":
        size = path.stat().st_size
        content = "the beginning of one" if head == b"PAR1" else f"{size:,} other bytes"
        raise errors.UserError(
            f"expected a Parquet file in {path}, found {content}: export it again, or "
            f"name it .csv if it is text"
        )


def part_starts(
    paths: Sequence[pathlib.Path], **options: Any
) -> tuple[tuple[int, str], ...]:
    """Returns the first row of each file in their concatenation.

    Args:
      paths: The files.
      **options: Arguments of `polars.scan_csv`, for files of CSV.
    """
    starts, start = [], 0
    for path in paths:
        starts.append((start, str(path)))
        with raw_log.readable(str(path)):
            if path.name.lower().endswith(CSV):
                rows = pl.scan_csv(path, infer_schema=False, **options)
            else:
                rows = scan_parquet([path])
            start += raw_log.num_rows(rows)
    return tuple(starts)


def filter_rows(frame: pl.LazyFrame, where: str, file: str) -> pl.LazyFrame:
    """Keeps the rows for which the Polars SQL expression `where` is true.

    Raises:
      errors.UserError: `where` is no expression, names an unknown column, is not
        boolean, or has an aggregate, but for those of a window (`OVER`).
    """
    if not where:
        return frame
    try:
        condition = pl.sql_expr(where)
        parts = condition.meta.serialize(format="json")
        frame.drop(raw_log.ROW).head(1).filter(condition).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        columns = [name for name in frame.collect_schema() if name != raw_log.ROW]
        raise errors.UserError(
            f"expected in --where a Polars SQL condition over the columns of {file} "
            f"({raw_log.brief(', '.join(columns))}), received {where!r}: "
            f"{raw_log.brief(error)}"
        ) from None
    if _AGGREGATE.search(parts) and '"Over":' not in parts:
        raise errors.UserError(
            f"expected in --where a condition on each row of {file}, received "
            f"{where!r} with an aggregate, which is one value for all rows: write its "
            f"value, or add OVER (PARTITION BY …) for one of each group"
        )
    return frame.filter(condition)
