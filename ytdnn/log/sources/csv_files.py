"""Lazy frames of CSV files with row numbers.

A header and commas are required; blank lines, and comment lines above the header, are
left out and counted.
"""

import csv
import dataclasses
import gzip
import io
import itertools
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

import polars as pl

from ytdnn.base import errors
from ytdnn.log import event_log

_COMMENT = "#"
_HEAD_BYTES = 2**20


@dataclasses.dataclass(frozen=True)
class Layout:
    """Comment lines and blank rows of a CSV file.

    Attributes:
      num_comments: Number of lines above the header that begin with `#` or are blank.
      num_blank: Number of rows without a value, which are left out.
    """

    num_comments: int = 0
    num_blank: int = 0

    def notes(self) -> Iterator[str]:
        """Yields notes on the lines that were left out."""
        if self.num_comments:
            yield f"lines above the header, left out: {self.num_comments}"
        if self.num_blank:
            yield f"blank rows, left out: {self.num_blank:,}"


def scan_csv(
    path: pathlib.Path,
    id_columns: Sequence[str] = (),
    layout: Layout | None = None,
    **options: Any,
) -> pl.LazyFrame:
    """Returns the rows of a CSV file, numbered in ROW; see `scan_csvs`."""
    return scan_csvs([path], id_columns, layout, **options)


def scan_csvs(
    paths: Sequence[pathlib.Path],
    id_columns: Sequence[str] = (),
    layout: Layout | None = None,
    **options: Any,
) -> pl.LazyFrame:
    """Returns the rows of CSV files one after the other, numbered in ROW.

    A column's type fits every value of the file, so a single wrong value makes the
    column text, and the casts name it. A column of ids is text unless each id equals
    the text of its integer (unlike "007").

    Args:
      paths: The files, of the same columns.
      id_columns: Columns of ids.
      layout: Layout of all files together; see `require_rows`.
      **options: Further arguments of `polars.scan_csv`.

    Raises:
      errors.UserError: A file is empty or not text, or has other columns than the
        first.
    """
    layout = Layout() if layout is None else layout
    options["skip_lines"] = layout.num_comments
    for path in paths:
        _refuse_binary(path)
    _require_same_columns(paths, options)
    with event_log.readable(_place(paths)):
        text = pl.scan_csv(list(paths), infer_schema=False, **options)
        dtypes = _infer(text, id_columns)
    options.pop("new_columns", None)
    dtypes.pop(options.get("include_file_paths", ""), None)
    frame = pl.scan_csv(
        list(paths), schema=dtypes, row_index_name=event_log.ROW, **options
    )
    if layout.num_blank:
        values = pl.exclude(event_log.ROW).is_not_null()
        frame = frame.filter(pl.any_horizontal(values))
    return frame


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
                f"{event_log.brief(', '.join(found))}: write all parts with the same "
                f"columns"
            )


def require_rows(paths: Sequence[pathlib.Path]) -> Layout:
    """Checks that CSV files have commas, and each row as many fields as the header.

    Returns:
      The comment lines and blank rows of all files.

    Raises:
      errors.UserError: A file fails the check; the message names the row.
    """
    found = [_require_rows(path) for path in paths]
    for path, layout in zip(paths, found, strict=True):
        if layout.num_comments != found[0].num_comments:
            raise errors.UserError(
                f"expected in {path} {found[0].num_comments} comment lines above the "
                f"header, as in {paths[0].name}, found {layout.num_comments}: write "
                f"all parts with the same comment lines"
            )
    num_blank = sum(layout.num_blank for layout in found)
    return dataclasses.replace(found[0], num_blank=num_blank)


def _require_rows(path: pathlib.Path) -> Layout:
    _refuse_binary(path)
    lines = pl.scan_csv(
        path,
        has_header=False,
        separator="\x1f",
        quote_char=None,
        infer_schema=False,
        encoding="utf8-lossy",
        new_columns=["line"],
        truncate_ragged_lines=True,
    ).with_columns(pl.col("line").fill_null(""))
    with event_log.readable(str(path)):
        num_comments, header = _header(path)
        lines = lines.slice(num_comments)
        line = pl.col("line").str.strip_chars_end("\r")
        commas = line.str.count_matches(",", literal=True)
        wanted = header.count(",")
        is_blank = line.str.strip_chars(",") == ""
        bad = lines.with_row_index("row").filter((commas != wanted) & (line != ""))
        is_strange = pl.col("line").str.contains("\ufffd", literal=True)
        strange = lines.with_row_index("row").filter(is_strange).head(1)
        suspect = strange.collect(engine="streaming")["row"].to_list()
        quoted = line.str.contains('"', literal=True).any()
        counts = lines.select(quoted.alias("quoted"), is_blank.sum().alias("blank"))
        is_quoted, num_blank = counts.collect(engine="streaming").row(0)
        first = None if is_quoted else bad.head(1).collect(engine="streaming")
    for row in suspect:
        _require_utf8(path, row + num_comments)
    if is_quoted:
        num_blank = _require_quoted_fields(path, num_comments)
    elif first is not None and first.height:
        row, text = first["row"][0], first["line"][0]
        raise _ragged(path, row, text.count(",") + 1, wanted + 1)
    return Layout(num_comments, num_blank if wanted else 0)


def _header(path: pathlib.Path) -> tuple[int, str]:
    """Returns the number of comment lines at the top, and the header below them.

    A line that begins with `#` and has as many commas as the next is the header.

    Raises:
      errors.UserError: Columns or lines are parted by other characters.
    """
    with _opened(path) as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace").removeprefix("\ufeff")
    lines = head.split("\n")
    if "\r" in lines[0].rstrip("\r"):
        raise errors.UserError(
            f"expected lines of {path} to end with LF or CRLF, found only CR: convert "
            f"them, as by `tr '\\r' '\\n'`"
        )
    top = list(itertools.takewhile(_is_above, lines))
    below = lines[len(top)].rstrip("\r") if len(top) < len(lines) else ""
    if top and (not below or top[-1].count(",") == below.count(",") > 0):
        top, below = top[:-1], top[-1].rstrip("\r")
    _refuse_separator(path, below)
    return len(top), below


def _is_above(line: str) -> bool:
    return line.startswith(_COMMENT) or not line.strip()


def _require_utf8(path: pathlib.Path, row: int) -> None:
    """Checks the bytes of a line that could not be decoded."""
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


def _require_quoted_fields(path: pathlib.Path, num_comments: int) -> int:
    """Checks rows with quoted commas or line ends; slower.

    Returns:
      The number of rows without a value.
    """
    csv.field_size_limit(sys.maxsize)
    num_blank = 0
    with event_log.readable(str(path)), _opened(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
        for _ in range(num_comments):
            next(text)
        rows = csv.reader(text)
        wanted = len(next(rows))
        for number, row in enumerate(rows, 1):
            num_blank += not any(row)
            if row and len(row) != wanted:
                raise _ragged(path, number, len(row), wanted)
    return num_blank


def _opened(path: pathlib.Path) -> IO[bytes]:
    """Opens a file; unpacks gzip, recognised by the first bytes."""
    with open(path, "rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if is_gzip else open(path, "rb")


def _ragged(path: pathlib.Path, row: int, found: int, wanted: int) -> errors.UserError:
    return errors.UserError(
        f"expected {wanted} fields in row {row} of {path}, as its header has, found "
        f"{found}: mend the row; a comma inside a text needs quotes around it"
    )


def _infer(text: pl.LazyFrame, id_columns: Sequence[str]) -> dict[str, pl.DataType]:
    """Returns the narrowest type that fits all values of each text column.

    This is one streaming pass over the whole file; Polars' own inference would need it
    in memory.
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
    """Returns for each type whether it fits all values."""
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
