"""Vectors of videos or users, such as those of an image or a sentence encoder.

A vector column of `videos` or `users` has lists of floats, or arrays of one size. It is
no column of the prepared set's tables but a separate file: rows of unit length as
float16, memory-mapped, so that a few rows can be read. A million vectors of 512 numbers
are 1.02 GB.

A row of zeros is a missing vector. Vectors of length zero count as missing, since they
have no direction.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import errors, ragged, schema, whole_files
from ytdnn.log import events, raw_log, shard_index

FACT = "vectors"
DIRECTORY = "vectors"
DTYPE = pl.List(pl.Float32())
ROWS_A_PART = 1 << 14
_MOST_NUMBERS = 1 << 12  # of a row that are read at a time
_LEAST_WIDTH = 16  # that a column counts as: each is an open file
_UNIT_ERROR = 1e-3

Rows = npt.NDArray[np.float16]


def is_vector(dtype: pl.DataType) -> bool:
    """Whether a type is that of vectors.

    >>> is_vector(pl.List(pl.Float64())), is_vector(pl.List(pl.Int64()))
    (True, False)
    """
    if isinstance(dtype, pl.Array):
        return dtype.inner.is_numeric() and len(dtype.shape) == 1
    return isinstance(dtype, pl.List) and dtype.inner.is_float()


def columns(table_schema: pl.Schema) -> list[str]:
    """Returns the vector columns of a table."""
    return [name for name, dtype in table_schema.items() if is_vector(dtype)]


def normalised(values: pl.Series, width: int, place: str) -> Rows:
    """Returns vectors at length one, `[n, width] float16`; missing ones are zeros.

    Args:
      values: Lists of floats.
      width: Number of coordinates.
      place: Column and file, for messages.

    Raises:
      errors.UserError: A vector has another width.
    """
    lists = values.cast(DTYPE)
    sizes = lists.list.len().fill_null(0)
    is_there = (sizes > 0).to_numpy()
    flat = lists.filter(pl.Series(is_there)).explode().to_numpy()
    wrong = is_there & (sizes != width).to_numpy()
    if wrong.any():
        raise errors.UserError(
            f"expected {place} to hold vectors of {width} numbers, received one of "
            f"{sizes[int(wrong.argmax())]} in row {int(wrong.argmax()) + 1}: make all "
            f"of them with one encoder"
        )
    vectors = flat.reshape(-1, width).astype(np.float32)
    # By powers of two, which round nothing: squares of 1e38 or 1e-45 are no float32.
    power = np.frexp(np.abs(vectors).max(axis=1, keepdims=True))[1]
    vectors = np.ldexp(vectors, -power)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Of length one in float16, as a prepared set has them: they stay as they are.
    is_unit = np.abs(np.ldexp(norms, power, dtype=np.float64) - 1.0) < _UNIT_ERROR
    unit = np.ldexp(np.float32(1.0), np.where(is_unit, -power, 0))
    vectors /= np.where(is_unit, unit, norms + (norms == 0))
    rows = np.zeros((len(values), width), np.float16)
    rows[is_there] = vectors
    return rows


@dataclasses.dataclass(frozen=True)
class StoredColumn:
    """A column of vectors on disk.

    Attributes:
      file: Path in the artefact.
      width: Number of coordinates.
      missing: Number of users or videos without a vector.
    """

    file: str
    width: int
    missing: int


class Vectors:
    """The vectors of a prepared set, by column such as "videos.clip".

    Attributes:
      widths: Number of coordinates of each column.
      missing: Number of users, or videos, without a vector.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        facts: Mapping[str, Any],
        added: Mapping[str, Rows] | None = None,
    ) -> None:
        """Stores the directory; vectors are mapped on first use.

        Args:
          directory: Directory of the prepared set.
          facts: Facts of its manifest.
          added: Vectors of videos that were added after the catalogue.
        """
        self._directory = directory
        self._added = dict(added or {})
        known = facts.get(FACT, {})
        self._columns = {name: StoredColumn(**values) for name, values in known.items()}
        self.widths = {name: column.width for name, column in self._columns.items()}
        self.missing = {name: column.missing for name, column in self._columns.items()}
        self._read = functools.cache(self._rows)

    def in_table(self, table: str) -> list[str]:
        """Returns the columns of a table, such as "videos.clip"."""
        return [name for name in self.widths if name.startswith(f"{table}.")]

    def rows(self, column: str) -> Rows:
        """Returns the vectors of a column at unit length, zeros for missing ones.

        Videos: `[num_videos + 1, width] float16` by catalogue index; users:
        `[num_users, width]`. They are memory-mapped unless videos were added.
        """
        return self._read(column)

    def file(self, column: str) -> pathlib.Path:
        """Returns the file of a column, without videos that were added."""
        return self._directory / self._columns[column].file

    def extended(self, added: pl.DataFrame) -> dict[str, Rows]:
        """Returns the vectors of all added videos, earlier and new ones.

        Args:
          added: Rows of the new videos.
        """
        extended = {}
        for column in self.in_table(schema.VIDEOS):
            name = column.partition(".")[2]
            width = self.widths[column]
            new = np.zeros((added.height, width), np.float16)
            if name in added.columns:
                new = normalised(added[name], width, f"{column} of added videos")
            old = self._added.get(column, new[:0])
            extended[column] = np.concatenate([old, new])
        return extended

    def _rows(self, column: str) -> Rows:
        stored: Rows = np.load(self.file(column), mmap_mode="r")
        added = self._added.get(column)
        if added is not None and len(added):
            return np.concatenate([stored, added])
        return stored

    def write_ordered(
        self, order: npt.NDArray[np.integer], directory: pathlib.Path
    ) -> None:
        """Writes the files of a set with the same users, and videos in another order.

        Args:
          order: `[num_videos]`, the old place of each video, from 0.
          directory: Directory of the new set.
        """
        if not self.widths:
            return
        (directory / DIRECTORY).mkdir()
        for column, stored in self._columns.items():
            if column in self.in_table(schema.USERS):
                whole_files.link(str(self.file(column)), str(directory / stored.file))
                continue
            places = np.append(0, np.asarray(order) + 1)
            _save(self.rows(column), places, directory / stored.file)

    @property
    def served(self) -> dict[str, Any]:
        """The fact of a bundle's manifest: the columns of videos."""
        names = self.in_table(schema.VIDEOS)
        return {name: vars(self._columns[name]) for name in names}

    def write_served(self, directory: pathlib.Path) -> None:
        """Writes the vectors of videos for a bundle; links if nothing was added.

        Args:
          directory: Directory of the new version.
        """
        for column in self.in_table(schema.VIDEOS):
            stored = self._columns[column]
            (directory / DIRECTORY).mkdir(exist_ok=True)
            rows = self.rows(column)
            if isinstance(rows, np.memmap):
                whole_files.link(str(self.file(column)), str(directory / stored.file))
            else:
                events.save(directory / stored.file, rows)


def created(path: pathlib.Path, shape: tuple[int, int]) -> np.memmap:
    """Returns a new file of zeros, mapped for writing.

    Disk space is allocated first: a write to a mapped file on a full disk kills the
    process.
    """
    target = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    with open(path, "r+b") as file:
        if hasattr(os, "posix_fallocate") and os.fstat(file.fileno()).st_size:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    return target


def _save(rows: Rows, places: npt.NDArray[np.integer], path: pathlib.Path) -> None:
    """Writes some rows of a table, a part at a time."""
    shape = (len(places), rows.shape[1])
    target = created(path, shape)
    for part in ragged.slices(len(places), ROWS_A_PART):
        target[part] = rows[places[part]]
    target.flush()


def lines(facts: Mapping[str, Any], sizes: Mapping[str, int]) -> list[str]:
    """Returns a line for each column: width, bytes, share without a vector.

    Args:
      facts: Facts of a manifest.
      sizes: Number of users and of videos, by table.
    """
    texts = []
    for name, stored in facts.get(FACT, {}).items():
        size = sizes[name.partition(".")[0]]
        share = stored["missing"] / max(1, size)
        megabytes = 2 * size * stored["width"] / 1e6
        texts.append(
            f"vectors: {name}: {stored['width']:,} numbers each, {share:.1%} missing, "
            f"{megabytes:,.1f} MB"
        )
    return texts


def write(
    log: raw_log.EventLog, table: str, ids: pl.Series, directory: pathlib.Path
) -> dict[str, Any]:
    """Writes the vectors of a table's rows, in bounded memory.

    Args:
      log: The event log, checked.
      table: `users` or `videos`.
      ids: Keys of that table, in its column of ids, in the order of the set.
      directory: Directory of the new set.

    Returns:
      Width, file and number of missing vectors of each column, such as "videos.clip".
    """
    if table not in log.tables:
        return {}
    widths = _widths(log, table)
    first = 1 if table == schema.VIDEOS else 0
    facts = {}
    for number, name in enumerate(widths):
        file = f"{DIRECTORY}/{table}_{number}.npy"
        facts[f"{table}.{name}"] = StoredColumn(file, widths[name], len(ids))
    for names in _passes(widths):
        (directory / DIRECTORY).mkdir(exist_ok=True)
        targets = {
            name: created(directory / stored.file, (len(ids) + first, stored.width))
            for name in names
            for stored in [facts[f"{table}.{name}"]]
        }
        wanted = {name: widths[name] for name in names}
        for name, places, rows in _parts(log, table, ids, wanted):
            targets[name][places + first] = rows
            stored = facts[f"{table}.{name}"]
            missing = stored.missing - int(rows.any(axis=1).sum())
            facts[f"{table}.{name}"] = dataclasses.replace(stored, missing=missing)
    return {name: vars(stored) for name, stored in facts.items()}


def _widths(log: raw_log.EventLog, table: str) -> dict[str, int]:
    """Returns the number of coordinates of each checked column that has a vector."""
    names = columns(log.tables[table].collect_schema())
    sizes = log.tables[table].select(pl.col(names).list.len().max())
    widths = raw_log.collected(sizes, log.origin(table).file).to_dicts()
    return {k: width for row in widths for k, width in row.items() if width}


def _passes(widths: Mapping[str, int]) -> list[list[str]]:
    """Returns columns to read together, so that memory and open files are bounded.

    A pass over the file for each of a thousand columns took 38 s, for thirty rows.
    """
    sizes = np.maximum(list(widths.values()), _LEAST_WIDTH)
    return [list(widths)[part] for part in shard_index.bounded(sizes, _MOST_NUMBERS)]


def _parts(
    log: raw_log.EventLog, table: str, ids: pl.Series, widths: Mapping[str, int]
) -> Iterator[tuple[str, npt.NDArray[np.int64], Rows]]:
    """Yields columns and places among the ids, with their vectors, part by part."""
    places = ids.to_frame().with_row_index("__place__")
    query, file = log.tables[table].select(ids.name, *widths), log.origin(table).file
    with raw_log.readable(file):
        size = ROWS_A_PART
        parts = query.collect_batches(chunk_size=size, maintain_order=True)
        for part in parts:
            matched = part.join(places, on=ids.name, how="inner", maintain_order="left")
            rows_of = matched["__place__"].to_numpy().astype(np.int64)
            for name, width in widths.items():
                is_there = matched[name].is_not_null()
                given = matched[name].filter(is_there)
                if len(given):
                    rows = normalised(given, width, f"{table}.{name} of {file}")
                    yield name, rows_of[is_there.to_numpy()], rows
