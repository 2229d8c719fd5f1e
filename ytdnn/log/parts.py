"""Files of events that are read once: a log of days, kept typed and sorted.

A *part* is one file of a table of events. Its rows are kept in the types of the
schema, sorted by user, so that a range of users is read from a few row groups; and with
them the facts that a survey of the log adds up. A part is found again by the path, size
and time of change of its file, and by all that decides how the file is read. A file is
in memory as a whole once, while it is read.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import polars as pl

import ytdnn
from ytdnn.base import artifacts, errors, schema, whole_files
from ytdnn.log import event_log, log_warnings, validation

USERS, VIDEOS, TIMES = "users", "videos", "times"
COUNT, FIRST = "count", "first"
TEXTS = (schema.DEVICE, schema.SOURCE)
_ROWS_A_GROUP = 1 << 13  # a shard reads few more than its own
_FACTS = "facts.json"
ROW = event_log.ROW


@dataclasses.dataclass(frozen=True)
class EventFile:
    """A file of a table.

    Attributes:
      path: The file.
      first: Number of its first row in the table.
      rows: Rows of the table, as an origin has them.
      size: Number of its rows; None: all that are left.
    """

    path: pathlib.Path
    first: int
    rows: pl.LazyFrame
    size: int | None

    def key(self, reading: dict[str, Any]) -> str:
        """Returns the name of its part.

        Args:
          reading: Settings that decide how the file is read.
        """
        with event_log.readable(str(self.path)):
            status = self.path.stat()
        where = str(self.path.resolve()), status.st_size, status.st_mtime_ns
        types = {k: str(v) for k, v in self.rows.collect_schema().items()}
        return artifacts.fingerprint(
            [ytdnn.__version__, pl.__version__, *where, types, dict(reading)]
        )

    def read(self) -> pl.DataFrame:
        """Returns its rows, numbered from 0.

        Raises:
          errors.UserError: Some are left out, so that a range of rows is not the file.
        """
        with event_log.readable(str(self.path)):
            found = self.rows.slice(self.first, self.size).collect(engine="streaming")
        row = pl.col(ROW).cast(pl.Int64) - self.first
        found = found.with_columns(row.alias(ROW))
        is_whole = found.height == self.size if self.size is not None else True
        numbers = found[ROW]
        if not is_whole or (numbers != pl.int_range(found.height, eager=True)).any():
            raise errors.UserError(
                f"expected every row of {self.path} for --parts, found some left out "
                f"(blank rows of CSV, or --where): write the rows that count, or leave "
                f"--parts out"
            )
        return found


@dataclasses.dataclass(frozen=True)
class KeptPart:
    """A file of events as it is kept.

    Attributes:
      directory: Its files.
      first: Number of the file's first row in the table.
      facts: `rows`, `distinct`, `nulls` by column, `bad` (fault, rows, first row),
        `span` (first and last second), `texts` by column, and `long` of `seconds`.
    """

    directory: pathlib.Path
    first: int
    facts: dict[str, Any]

    @property
    def rows(self) -> pl.LazyFrame:
        """The good rows in the columns of the table, sorted by user; `ROW` from 0."""
        return pl.scan_parquet(self.directory / "rows.parquet")

    def counted(self, name: str) -> pl.LazyFrame:
        """Returns one of `USERS`, `VIDEOS` and `TIMES`."""
        return pl.scan_parquet(self.directory / f"{name}.parquet")

    def lists(self, known: pl.Series | None) -> bool:
        """Whether all its videos are among those of the log, as when it was kept."""
        if known is None:
            return True
        if self.facts["unlisted"]:
            return False
        videos = self.counted(VIDEOS).select(schema.VIDEO_ID).collect().to_series()
        return videos.is_in(known.implode()).all()


def kept(
    directory: pathlib.Path,
    table: str,
    file: EventFile,
    reading: dict[str, Any],
    fault: pl.Expr,
    known: pl.Series | None,
) -> tuple[KeptPart, bool]:
    """Returns the part of a file, and whether the file had to be read.

    Args:
      directory: Directory of all parts of the table.
      table: Name of the table.
      file: The file.
      reading: Settings that decide how it is read.
      fault: Number of each row's first fault, null where it has none.
      known: Ids of the videos in the log, None where it does not list them.
    """
    place = directory / file.key({**reading, "known": known is not None})
    if (place / _FACTS).exists():
        facts = json.loads((place / _FACTS).read_text())
        found = KeptPart(place, file.first, facts)
        if schema.VIDEO_ID not in file.rows.collect_schema() or found.lists(known):
            return found, False
    with whole_files.scratch(place, str(os.getpid())) as partial:
        facts = _write(partial, table, file.read(), fault, known)
        whole_files.replace(place, partial)
    return KeptPart(place, file.first, facts), True


def _write(
    directory: pathlib.Path,
    table: str,
    rows: pl.DataFrame,
    fault: pl.Expr,
    known: pl.Series | None,
) -> dict[str, Any]:
    """Writes the files of a part and returns its facts."""
    names = event_log.table_columns(table, rows.schema)
    rows = rows.with_columns(fault.alias(validation.FAULT))
    is_good = pl.col(validation.FAULT).is_null()
    good = rows.filter(is_good).select(*names, ROW)
    kept_rows = good.sort(schema.USER_ID, ROW)
    kept_rows.write_parquet(directory / "rows.parquet", row_group_size=_ROWS_A_GROUP)
    counts = pl.len().alias(COUNT)
    users = good.group_by(schema.USER_ID).agg(counts)
    users.write_parquet(directory / f"{USERS}.parquet")
    times = good.group_by(schema.TIME).agg(counts)
    times.write_parquet(directory / f"{TIMES}.parquet")
    unlisted = False
    if schema.VIDEO_ID in names:
        first = pl.col(ROW).filter(is_good).min().alias(FIRST)
        videos = rows.group_by(schema.VIDEO_ID).agg(first)
        videos.write_parquet(directory / f"{VIDEOS}.parquet")
        if known is not None:
            unlisted = not videos[schema.VIDEO_ID].is_in(known.implode()).all()
    facts = _facts(good.select(names), rows) | {"unlisted": unlisted}
    artifacts.write_json(directory / _FACTS, facts)
    return facts


def _facts(good: pl.DataFrame, rows: pl.DataFrame) -> dict[str, Any]:
    """Returns the facts about the good rows of a file, and about its bad ones."""
    bad = rows.filter(pl.col(validation.FAULT).is_not_null())
    by_fault = bad.group_by(validation.FAULT).agg(pl.len(), pl.col(ROW).min())
    found = {
        "rows": good.height,
        "nulls": {name: good[name].null_count() for name in good.columns},
        "distinct": good.select(validation.hashes()).n_unique() if good.height else 0,
        "bad": [list(row) for row in by_fault.rows()],
        "span": [good[schema.TIME].min(), good[schema.TIME].max()],
        "texts": {
            name: good[name].drop_nulls().unique().sort().to_list()
            for name in TEXTS
            if name in good.columns
        },
    }
    if schema.WATCH_SECONDS in good.columns:
        seconds = good[schema.WATCH_SECONDS].drop_nulls()
        found["seconds"] = len(seconds)
        found["long"] = int((seconds > log_warnings.MOST_MEDIAN_SECONDS).sum())
    return found


def num_distinct(parts: Sequence[KeptPart], names: Sequence[str]) -> int:
    """Returns how many rows of all parts differ.

    Rows of two parts can be equal only at times that both have.

    Args:
      parts: Parts of a table.
      names: Columns of the table.
    """
    total = sum(part.facts["distinct"] for part in parts)
    shared = _shared([part.facts["span"] for part in parts if part.facts["rows"]])
    if not shared:
        return total
    is_shared = pl.any_horizontal(
        pl.col(schema.TIME).is_between(first, last) for first, last in shared
    )
    hashed = [
        part.rows.select(names)
        .filter(is_shared)
        .select(validation.hashes(), pl.lit(number).alias("part"))
        for number, part in enumerate(parts)
    ]
    pairs = pl.concat(hashed).unique()
    counted = pairs.select(pl.len(), pl.col("hash").n_unique().alias("distinct"))
    number, distinct = counted.collect(engine="streaming").row(0)
    return total - int(number - distinct)


def _shared(spans: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Returns spans of time that two parts have.

    >>> _shared([(0, 5), (6, 9), (8, 12)])
    [(8, 9)]
    """
    found = []
    reached: int | None = None
    for first, last in sorted(tuple(span) for span in spans):
        if reached is not None and first <= reached:
            found.append((first, min(last, reached)))
        reached = last if reached is None else max(reached, last)
    return found
