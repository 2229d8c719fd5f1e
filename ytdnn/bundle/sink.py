"""Writes frames one after the other into a Parquet or CSV file, in bounded memory.

The file is written under a temporary name and then renamed: a run that is killed leaves
the earlier file, and readers never see a part.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping

import polars as pl
from polars.io import plugins

from ytdnn.base import errors

PARQUET = (".parquet", ".pq")
CSV = (".csv",)


def require_path(path: pathlib.Path, formats: tuple[str, ...] = PARQUET + CSV) -> None:
    """Checks that a file can be written, before the work starts.

    Args:
      path: The file; missing directories above it are created.
      formats: Accepted suffixes.

    Raises:
      errors.UserError: The path has another suffix, is a directory, or cannot be
        written.
    """
    if path.suffix.lower() not in formats:
        shown = "a .parquet file" if formats == PARQUET else "a .parquet or .csv file"
        raise errors.UserError(f"expected {shown} to write, received {path}")
    if path.is_dir():
        raise errors.UserError(f"expected a file to write, found a directory: {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _partial(path).touch()
        _partial(path).unlink()
    except OSError as error:
        raise errors.UserError(
            f"could not write {path}: {error.strerror}: give a directory that may be "
            f"written to"
        ) from None


def write(
    path: pathlib.Path,
    frames: Iterator[pl.DataFrame],
    schema: Mapping[str, pl.DataType],
    meanings: Mapping[str, str],
) -> None:
    """Writes frames one after the other, in the order they come.

    Args:
      path: See `require_path`.
      frames: Frames with the same schema.
      schema: Schema of the frames.
      meanings: Meanings of columns by name, metadata of a Parquet file.
    """

    def source(*pushed_down: object) -> Iterator[pl.DataFrame]:
        del pushed_down  # a sink asks for all columns and rows
        return frames

    rows = plugins.register_io_source(source, schema=schema)
    with _replacing(path) as partial:
        if path.suffix.lower() in CSV:
            rows.sink_csv(partial)
        else:
            rows.sink_parquet(partial, metadata=dict(meanings))


@contextlib.contextmanager
def _replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary file, which replaces the target when the block succeeds."""
    partial = _partial(path)
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f".{path.name}.partial")
