"""Lazy frames of CSV files with row numbers.

A header is required; semicolons, tabs or pipes may stand for its commas. Blank lines,
columns without a name, and comment lines above the header, are left out and counted.
"""

import collections
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
from ytdnn.log import raw_log
from ytdnn.log.sources import parquet_files

_INFERRED: tuple[pl.DataType, ...] = (pl.Int64(), pl.Float64(), pl.Boolean())
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}

# Arguments of Polars that read each line of a file as one text.
_AS_LINES: dict[str, Any] = {
    "has_header": False,
    "separator": "\x1f",
    "quote_char": None,
    "infer_schema": False,
    "new_columns": ["line"],
}


_MISSING = ["NULL", "null", "\\N"]  # as databases write them


@dataclasses.dataclass(frozen=True)
class Layout:
    """Lines and columns of a CSV file that are left out.

    Attributes:
      num_comments: Number of lines above the header that begin with `#` or are blank.
      num_blank: Number of rows without a value, which are left out.
      num_unnamed: Number of columns without a name: pandas' index, or commas at the
        end of each row.
      separator: Mark between the columns.
    """

    num_comments: int = 0
    num_blank: int = 0
    num_unnamed: int = 0
    separator: str = ","

    def options(self) -> dict[str, Any]:
        """Returns the arguments of `polars.scan_csv` that read such a file."""
        return {
            "skip_lines": self.num_comments,
            "separator": self.separator,
            "null_values": _MISSING,
        }

    def notes(self) -> Iterator[str]:
        """Yields notes on the separator, and on lines and columns that are left out."""
        if self.separator != ",":
            yield f"{_SEPARATORS[self.separator]} between the columns, read as such"
        if self.num_comments:
            yield f"lines above the header, left out: {self.num_comments}"
        if self.num_blank:
            yield f"blank rows, left out: {self.num_blank:,}"
        if self.num_unnamed:
            yield f"columns without a name, left out: {self.num_unnamed}"


def scan_csv(
    paths: Sequence[pathlib.Path],
    id_columns: Sequence[str] = (),
    layout: Layout | None = None,
    **options: Any,
) -> pl.LazyFrame:
    """Returns the rows of CSV files one after the other, numbered in ROW.

    A column's type fits every value of the file, so a single wrong value makes the
    column text, and the casts name it. A column of ids is text unless each id equals
    the text of its integer (unlike "007"). Between semicolons a comma is decimal. NULL
    and null are missing values, as is a backslash with N.

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
    options = layout.options() | options
    parquet_files.require_alike(
        paths, lambda part: pl.scan_csv(part, infer_schema=False, **options)
    )
    with raw_log.readable(str(paths[0] if len(paths) == 1 else paths[0].parent)):
        text = pl.scan_csv(list(paths), infer_schema=False, **options)
        dtypes = _infer(text, id_columns, layout.separator)
    options.pop("new_columns", None)
    dtypes.pop(options.get("include_file_paths", raw_log.ROW), None)
    numbers = [n for n, t in dtypes.items() if t.is_float() and layout.separator == ";"]
    as_read = dtypes | dict.fromkeys(numbers, pl.String())
    frame = pl.scan_csv(
        list(paths), schema=as_read, row_index_name=raw_log.ROW, **options
    )
    frame = frame.with_columns(_with_point(pl.col(numbers)).cast(pl.Float64))
    if layout.num_blank:
        values = pl.exclude(raw_log.ROW).is_not_null()
        frame = frame.filter(pl.any_horizontal(values))
    # As Polars names them.
    unnamed = ["", *(f"_duplicated_{i}" for i in range(layout.num_unnamed - 1))]
    return frame.drop(unnamed if layout.num_unnamed else [], strict=False)


def require_rows(paths: Sequence[pathlib.Path]) -> Layout:
    """Checks that each row of CSV files has as many fields as the header.

    Returns:
      The comment lines and blank rows of all files.

    Raises:
      errors.UserError: A file fails the check; the message names the row.
    """
    layouts = []
    for path in paths:
        with raw_log.readable(str(path)):
            layouts.append(_require_rows(path))
    num_comments = {layout.num_comments for layout in layouts}
    separators = {_SEPARATORS[layout.separator] for layout in layouts}
    if len(num_comments) > 1 or len(separators) > 1:
        raise errors.UserError(
            f"expected parts in {paths[0].parent} with one separator and equally many "
            f"comment lines above the header, found {', '.join(sorted(separators))} "
            f"and {', '.join(map(str, sorted(num_comments)))}: write all parts alike"
        )
    num_blank = sum(layout.num_blank for layout in layouts)
    return dataclasses.replace(layouts[0], num_blank=num_blank)


def _require_rows(path: pathlib.Path) -> Layout:
    num_comments, header, separator = _header(path)
    num_unnamed = _require_names(path, header, separator)
    num_expected = header.count(separator) + 1
    lines = pl.scan_csv(
        path, encoding="utf8-lossy", truncate_ragged_lines=True, **_AS_LINES
    ).slice(num_comments)
    line = pl.col("line").fill_null("").str.strip_chars_end("\r")
    is_blank = (line.str.strip_chars(separator) == "").sum()
    is_quoted = line.str.contains('"', literal=True).any()
    is_binary = line.str.contains("\0", literal=True)
    facts = (is_quoted, is_blank.alias("blank"), is_binary.any().alias("binary"))
    quoted, num_blank, binary = lines.select(facts).collect(engine="streaming").row(0)
    if binary:
        first = lines.with_row_index("row").filter(is_binary).head(1)
        row = first.collect(engine="streaming")["row"].item()
        raise errors.UserError(
            f"expected text in {path}, found a NUL byte in row {row}: mend the row"
        )
    if quoted:
        num_blank = _require_quoted_fields(path, num_comments, separator)
    else:
        fields = line.str.count_matches(separator, literal=True) + 1
        bad = (
            lines.select(fields.alias("fields"), (line != "").alias("is_text"))
            .with_row_index("row")
            .filter((pl.col("fields") != num_expected) & pl.col("is_text"))
            .head(1)
        )
        for row, number, _ in bad.collect(engine="streaming").rows():
            raise _ragged(path, row, number, num_expected)
    num_blank = num_blank if num_expected > 1 else 0
    return Layout(num_comments, num_blank, num_unnamed, separator)


def _require_names(path: pathlib.Path, header: str, separator: str) -> int:
    """Checks that no name is in a header twice, and returns the number of empty ones.

    Raises:
      errors.UserError: A name is there twice, or the line is Excel's of separators, or
        the names do not end in it.
    """
    if "\r" in header or header.count('"') % 2:
        raise errors.UserError(
            f"expected the names of columns of {path} in one line, found a carriage "
            f"return or an open quote in it: export it again"
        )
    names = collections.Counter(next(csv.reader([header], delimiter=separator), []))
    if header.startswith("sep="):
        raise errors.UserError(
            f"expected names of columns in the first line of {path}, found Excel's "
            f"{header.strip()}: delete the line"
        )
    repeated = [name for name, number in names.items() if name and number > 1]
    if repeated:
        raise errors.UserError(
            f"expected each column once in the header of {path}, found "
            f"{raw_log.brief(repeated[0])} {names[repeated[0]]} times: rename or "
            f"delete one"
        )
    return names[""]


def _header(path: pathlib.Path) -> tuple[int, str, str]:
    """Returns the number of comment lines at the top, the header, and its separator.

    A line that begins with `#` and has as many separators as the next is the header.

    Raises:
      errors.UserError: A line at the top is not text.
    """
    mark = ","
    above: list[str] = []
    with _opened(path) as file:
        for raw in file:
            line = raw.decode("utf-8", "replace").removeprefix("\ufeff")
            if "\0" in line:
                raise errors.UserError(
                    f"expected text in {path}, found binary data: export it again as "
                    f"UTF-8"
                )
            if not (line.startswith("#") or not line.strip()):
                mark = next((each for each in _SEPARATORS if each in line), mark)
                if above and above[-1].count(mark) == line.count(mark) > 0:
                    return len(above) - 1, above[-1].rstrip("\r\n"), mark
                return len(above), line.rstrip("\r\n"), mark
            above.append(line)
    return max(0, len(above) - 1), above[-1].rstrip("\r\n") if above else "", mark


def _require_quoted_fields(
    path: pathlib.Path, num_comments: int, separator: str
) -> int:
    """Checks rows with quoted marks or line ends, and returns the number of blanks."""
    csv.field_size_limit(sys.maxsize)
    num_blank = 0
    with _opened(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
        lines = itertools.islice(text, num_comments, None)
        rows = csv.reader(lines, delimiter=separator)
        num_expected = len(next(rows))
        for number, row in enumerate(rows, 1):
            num_blank += not any(row)
            if row and len(row) != num_expected:
                raise _ragged(path, number, len(row), num_expected)
    return num_blank


def _opened(path: pathlib.Path) -> IO[bytes]:
    """Opens a file; unpacks gzip and Zstandard, recognised by the first bytes."""
    with open(path, "rb") as file:
        first = file.read(4)
    if first == b"\x28\xb5\x2f\xfd":  # Polars unpacks it, Python 3.14 is the first to
        whole = pl.read_csv(path, **_AS_LINES)
        return io.BytesIO("\n".join(whole["line"].fill_null("")).encode())
    is_gzip = first.startswith(b"\x1f\x8b")
    return cast(IO[bytes], gzip.open(path)) if is_gzip else open(path, "rb")


def _ragged(
    path: pathlib.Path, row: int, num_fields: int, num_expected: int
) -> errors.UserError:
    return errors.UserError(
        f"expected {num_expected} fields in row {row} of {path}, as its header has, "
        f"found {num_fields}: mend the row; a separator inside a text needs quotes "
        f"around it, and none ends a row"
    )


def _infer(
    text: pl.LazyFrame, id_columns: Sequence[str], separator: str
) -> dict[str, pl.DataType]:
    """Returns the narrowest type that fits all values of each text column.

    This is one streaming pass over the whole file; Polars' own inference would need it
    in memory.
    """
    names = text.collect_schema().names()
    checks = [
        (fit | pl.col(name).is_null()).all().alias(f"{dtype} {name}")
        for name in names
        for dtype, fit in _fits(pl.col(name), name in id_columns, separator).items()
    ]
    fits = text.select(checks).collect(engine="streaming").row(0, named=True)
    return {
        name: next((t for t in _INFERRED if fits.get(f"{t} {name}")), pl.String())
        for name in names
    }


def _with_point(value: pl.Expr) -> pl.Expr:
    """Returns texts of numbers with a point for a decimal comma."""
    return value.str.replace(r"^(\s*[+-]?\d+),(\d+\s*)$", "$1.$2")


def _fits(value: pl.Expr, is_id: bool, separator: str) -> dict[pl.DataType, pl.Expr]:
    """Returns for each type whether a text is one of its values."""
    integer, number, boolean = _INFERRED
    if is_id:
        return {integer: value.str.contains(r"^(0|-?[1-9]\d{0,17})$")}
    point = _with_point(value) if separator == ";" else value
    fits = {t: point.cast(t, strict=False).is_not_null() for t in (integer, number)}
    return fits | {boolean: value.is_in(["true", "false"])}
