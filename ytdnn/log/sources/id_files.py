"""Files of ids: users to recommend for, videos to leave out.

They are Parquet or CSV with columns named as in the event log, or text with an id in
each line.
"""

import pathlib

import polars as pl

from ytdnn.base import errors, user_paths
from ytdnn.log import raw_log
from ytdnn.log.sources import csv_files, found_files, parquet_files


def read(path: pathlib.Path, column: str, others: tuple[str, ...] = ()) -> pl.DataFrame:
    """Returns the ids of a file; see `from_frame`.

    Args:
      path: The file.
      column: Required column; the only one of a text file.
      others: Optional columns.

    Raises:
      errors.UserError: The file cannot be read, or `from_frame` refuses its table.
    """
    path = user_paths.expanded(path)
    is_table = found_files.is_table(path.name)
    if path.is_dir() or not path.exists() or (is_table and not path.is_file()):
        raise errors.UserError(
            f"expected a file of ids in {path}, found {user_paths.kind(path)}"
        )
    frame = _read_table(path) if is_table else _read_lines(path, column)
    return from_frame(frame, str(path), column, others)


def from_frame(
    frame: pl.DataFrame, place: str, column: str, others: tuple[str, ...] = ()
) -> pl.DataFrame:
    """Returns the ids of a frame, in its order, without rows that lack an id.

    Whole floats are read as integers: pandas turns integers into floats if one is
    missing.

    Args:
      frame: The frame.
      place: Name of the frame in messages.
      column: Required column.
      others: Optional columns.

    Raises:
      errors.UserError: The frame lacks the column, or has no id.
    """
    if column not in frame.columns:
        raise errors.UserError(
            f"expected a column {column} in {place}, found "
            f"{raw_log.brief(', '.join(frame.columns)) or 'none'}: rename yours"
        )
    names = [column, *(name for name in others if name in frame.columns)]
    ids = pl.DataFrame([_ids(frame[name], place) for name in names]).drop_nulls()
    if not ids.height:
        raise errors.UserError(f"expected ids in {place}, found none")
    return ids


def _ids(column: pl.Series, place: str) -> pl.Series:
    """Returns a column of ids, as integers or text."""
    if column.dtype.is_float():
        whole = column.fill_nan(None).cast(pl.Int64, strict=False)
        if (whole.cast(column.dtype) != column.fill_nan(None)).any():
            raise _no_ids(column, place)
        return whole
    if not (column.dtype.is_integer() or column.dtype in _TEXTS):
        raise _no_ids(column, place)
    return column


_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Null)


def _no_ids(column: pl.Series, place: str) -> errors.UserError:
    return errors.UserError(
        f"expected ids, integers or text, in {column.name} of {place}, found "
        f"{column.dtype}, such as "
        f"{raw_log.brief(column.drop_nulls().head(1).to_list())}: write them as "
        f"integers or text"
    )


def _read_table(path: pathlib.Path) -> pl.DataFrame:
    if not found_files.is_csv(path):
        with raw_log.readable(str(path)):
            return parquet_files.scan_parquet([path]).drop(raw_log.ROW).collect()
    layout = csv_files.require_rows([path])
    header = pl.scan_csv(path, infer_schema=False, **layout.options())
    with raw_log.readable(str(path)):
        names = header.collect_schema().names()
        return csv_files.scan_csv([path], names, layout).drop(raw_log.ROW).collect()


def _read_lines(path: pathlib.Path, column: str) -> pl.DataFrame:
    try:
        with raw_log.readable(str(path)):
            text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise errors.UserError(
            f"expected text with an id a line in {path}, found bytes that are not "
            f"UTF-8: rename it to .parquet or .csv if it is one"
        ) from None
    lines = [line.strip() for line in text.splitlines()]
    return pl.DataFrame({column: pl.Series([x for x in lines if x], dtype=pl.String)})
