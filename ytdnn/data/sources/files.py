"""Lazy frames of Parquet and CSV files with the row's number kept."""

import pathlib
from collections.abc import Sequence
from typing import Any

import polars as pl

from ytdnn import errors
from ytdnn.data import event_log

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz")


def scan_parquet(paths: Sequence[pathlib.Path]) -> pl.LazyFrame:
    """Returns the rows of the files one after the other, numbered in ROW.

    Raises:
      errors.UserError: One of them is no Parquet file.
    """
    for path in paths:
        with event_log.readable(str(path)):
            pl.scan_parquet(path).collect_schema()
    with event_log.readable(str(paths[0].parent)):
        frame = pl.scan_parquet(list(paths), row_index_name=event_log.ROW)
        frame.collect_schema()
    return frame


def part_starts(paths: Sequence[pathlib.Path]) -> tuple[tuple[int, str], ...]:
    """Returns the first row of each Parquet or CSV file in their concatenation."""
    starts, start = [], 0
    for path in paths:
        starts.append((start, str(path)))
        is_parquet = path.suffix in PARQUET
        with event_log.readable(str(path)):
            rows = (
                pl.scan_parquet(path)
                if is_parquet
                else pl.scan_csv(path, infer_schema=False)
            )
            start += rows.select(pl.len()).collect(engine="streaming").item()
    return tuple(starts)


def scan_csv(
    path: pathlib.Path, id_columns: Sequence[str] = (), **options: Any
) -> pl.LazyFrame:
    """Returns the rows of a CSV file, numbered in ROW; see `scan_csvs`."""
    return scan_csvs([path], id_columns, **options)


def scan_csvs(
    paths: Sequence[pathlib.Path], id_columns: Sequence[str] = (), **options: Any
) -> pl.LazyFrame:
    """Returns the rows of CSV files one after the other, numbered in ROW.

    A column's type is one that every value of the file fits, so a single value that
    is out of place makes its column text, for the casts to name. A column of ids is
    text unless each would read back from an integer as it was written (not "007").

    Args:
      paths: The files, of the same columns.
      id_columns: Columns of ids.
      **options: Further arguments of `polars.scan_csv`.

    Raises:
      errors.UserError: A file is empty or not text, or has other columns than the
        first.
    """
    for path in paths:
        _refuse_binary(path)
    _require_same_columns(paths, options)
    with event_log.readable(_place(paths)):
        text = pl.scan_csv(list(paths), infer_schema=False, **options)
        dtypes = _infer(text, id_columns)
    options.pop("new_columns", None)
    return pl.scan_csv(
        list(paths), schema=dtypes, row_index_name=event_log.ROW, **options
    )


def _place(paths: Sequence[pathlib.Path]) -> str:
    return str(paths[0] if len(paths) == 1 else paths[0].parent)


def _require_same_columns(
    paths: Sequence[pathlib.Path], options: dict[str, Any]
) -> None:
    columns: list[str] = []
    for path in paths if len(paths) > 1 else []:
        with event_log.readable(str(path)):
            text = pl.scan_csv(path, infer_schema=False, **options)
            found = text.collect_schema().names()
        columns = columns or found
        if found != columns:
            raise errors.UserError(
                f"expected in {path} the columns of {paths[0].name} "
                f"({event_log.brief(', '.join(columns))}), found "
                f"{event_log.brief(', '.join(found))}: fetch the files again"
            )


def _infer(text: pl.LazyFrame, id_columns: Sequence[str]) -> dict[str, pl.DataType]:
    """Returns the narrowest type that all values of each column of text fit.

    One streaming pass over the whole file; Polars' own inference would hold it in
    memory.
    """
    names = text.collect_schema().names()
    checks = [
        expression.alias(f"{kind} {name}")
        for name in names
        for kind, expression in _fits(pl.col(name), name in id_columns).items()
    ]
    fits = text.select(checks).collect(engine="streaming").row(0, named=True)
    return {
        name: next((t for t in _INFERRED if fits[f"{t} {name}"]), pl.String())
        for name in names
    }


_INFERRED: tuple[pl.DataType, ...] = (pl.Int64(), pl.Float64(), pl.Boolean())


def _fits(value: pl.Expr, is_id: bool) -> dict[pl.DataType, pl.Expr]:
    """Returns for each type whether all values that are there fit it."""
    if is_id:
        integer = value.str.contains(r"^(0|-?[1-9]\d{0,17})$")
        never = pl.lit(False)
        fits = dict(zip(_INFERRED, (integer, never, never), strict=True))
    else:
        number = (value.cast(t, strict=False).is_not_null() for t in _INFERRED[:2])
        boolean = value.is_in(["true", "false"])
        fits = dict(zip(_INFERRED, (*number, boolean), strict=True))
    return {dtype: (fit | value.is_null()).all() for dtype, fit in fits.items()}


def _refuse_binary(path: pathlib.Path) -> None:
    with event_log.readable(str(path)), open(path, "rb") as file:
        head = file.read(65_536)
    if not head.strip():
        raise errors.UserError(
            f"expected a table in {path}, found an empty file: export it again"
        )
    if b"\0" in head and not head.startswith(b"\x1f\x8b"):
        raise errors.UserError(
            f"expected text in {path}, found binary data: export the table as UTF-8 "
            f"CSV or as Parquet"
        )


def filter_rows(frame: pl.LazyFrame, where: str, file: str) -> pl.LazyFrame:
    """Keeps the rows for which the Polars SQL expression `where` is true.

    Raises:
      errors.UserError: It is no expression, names a column that `frame` lacks, or is
        not true or false.
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
