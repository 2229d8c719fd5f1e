"""Lazy frames of Parquet and CSV files with the row's number kept."""

import csv
import gzip
import io
import itertools
import pathlib
import sys
from collections.abc import Sequence
from typing import IO, Any, cast

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
        frame = pl.scan_parquet(list(paths), row_index_name=event_log.ROW)
        frame.collect_schema()
    return frame


def require_parquet(path: pathlib.Path) -> None:
    """Checks how a file begins and ends, where Parquet says what it is.

    Raises:
      errors.UserError: It is something else.
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
                f"{name} of type {found.get(name, 'nothing')}, there "
                f"{wanted.get(name, 'nothing')}: write the parts alike"
            )


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


def require_fields(path: pathlib.Path) -> None:
    """Checks that a CSV file has commas, and as many fields in a row as in its header.

    Raises:
      errors.UserError: It has not; names the row.
    """
    lines = pl.scan_csv(
        path,
        has_header=False,
        separator="\x1f",
        quote_char=None,
        infer_schema=False,
        encoding="utf8-lossy",
        new_columns=["line"],
        truncate_ragged_lines=True,
    )
    _refuse_binary(path)
    with event_log.readable(str(path)):
        header = lines.head(1).collect()["line"][0] or ""
        _refuse_separator(path, header)
        line = pl.col("line").str.strip_chars_end("\r")
        commas = line.str.count_matches(",", literal=True)
        wanted = header.count(",")
        bad = lines.with_row_index("row").filter((commas != wanted) & (line != ""))
        is_strange = pl.col("line").str.contains("\ufffd", literal=True)
        strange = lines.with_row_index("row").filter(is_strange).head(1)
        suspect = strange.collect(engine="streaming")["row"].to_list()
        quoted = lines.select(line.str.contains('"', literal=True).any())
        is_quoted = quoted.collect(engine="streaming").item()
        first = None if is_quoted else bad.head(1).collect(engine="streaming")
    for row in suspect:
        _require_utf8(path, row)
    if is_quoted:
        _require_quoted_fields(path)
    elif first is not None and first.height:
        row, text = first["row"][0], first["line"][0]
        raise _ragged(path, row, text.count(",") + 1, wanted + 1)


def _require_utf8(path: pathlib.Path, row: int) -> None:
    """Checks the bytes of one line, which were not all text when read."""
    with event_log.readable(str(path)), _opened(path) as file:
        line = next(itertools.islice(file, row, None), b"")
    try:
        line.decode()
    except UnicodeDecodeError:
        raise errors.UserError(
            f"expected UTF-8 text in row {row} of {path}, found another encoding "
            f"({event_log.brief(ascii(line), 60)}): export the table as UTF-8"
        ) from None


def _refuse_separator(path: pathlib.Path, header: str) -> None:
    for name, separator in (("semicolons", ";"), ("tabs", "\t"), ("bars", "|")):
        if separator in header and "," not in header:
            raise errors.UserError(
                f"expected commas between the columns of {path}, found {name}: write "
                f"commas, or Parquet"
            )


def _require_quoted_fields(path: pathlib.Path) -> None:
    """As `require_fields`, where commas and line ends may be quoted; slower."""
    csv.field_size_limit(sys.maxsize)
    with event_log.readable(str(path)), _opened(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
        rows = csv.reader(text)
        wanted = len(next(rows))
        for number, row in enumerate(rows, 1):
            if row and len(row) != wanted:
                raise _ragged(path, number, len(row), wanted)


def _opened(path: pathlib.Path) -> IO[bytes]:
    """Opens a file, unpacking gzip, which its first bytes tell."""
    with open(path, "rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if is_gzip else open(path, "rb")


def _ragged(path: pathlib.Path, row: int, found: int, wanted: int) -> errors.UserError:
    return errors.UserError(
        f"expected {wanted} fields in row {row} of {path}, as its header has, found "
        f"{found}: mend the row; a comma inside a text needs quotes around it"
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


def left_out(frame: pl.LazyFrame, where: str, file: str) -> str:
    """Returns how many of the rows `filter_rows` leaves out, as "3 of 10 rows"."""
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
