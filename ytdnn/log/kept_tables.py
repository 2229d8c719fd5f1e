"""The tables of events of a log as sums over kept parts (`ytdnn/log/parts.py`)."""

import itertools
import pathlib
from collections.abc import Collection, Iterator

import numpy as np
import polars as pl

from ytdnn.base import configs, progress, schema
from ytdnn.log import event_log, order_statistics, parts, shards, validation

EVENTS = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)


class KeptTables(validation.Streaming):
    """The tables of events of a log in parts; see `validation.Scan`.

    Attributes:
      parts: Parts of each table, in order of their files.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        log: event_log.EventLog,
        config: configs.DataConfig,
    ) -> None:
        """Reads nothing yet.

        Args:
          directory: Directory of the parts, made if missing.
          log: As a source gives it.
          config: Settings of the source.
        """
        self._directory, self._log, self._config = directory, log, config
        self.parts: dict[str, list[parts.KeptPart]] = {}

    def bad_rows(
        self,
        table: str,
        rows: pl.LazyFrame,
        fault: pl.Expr,
        known: pl.Series | None = None,
    ) -> list[tuple[int, int, int]]:
        """Returns each value of `fault`, its number of rows, and its first `ROW`."""
        if table not in EVENTS:
            return super().bad_rows(table, rows, fault)
        self.parts[table] = self._kept(table, rows, fault, known)
        numbers: dict[int, int] = {}
        firsts: dict[int, int] = {}
        for part in self.parts[table]:
            for number, size, first in part.facts["bad"]:
                numbers[number] = numbers.get(number, 0) + size
                firsts.setdefault(number, first + part.first)
        return [(number, numbers[number], firsts[number]) for number in numbers]

    def size(self, table: str, rows: pl.LazyFrame) -> tuple[int, int, list[int]]:
        """Returns how many rows there are and differ, and the nulls of each column."""
        if table not in EVENTS:
            return super().size(table, rows)
        names = rows.collect_schema().names()
        facts = [part.facts for part in self.parts[table]]
        nulls = [sum(one["nulls"][name] for one in facts) for name in names]
        distinct = parts.num_distinct(self.parts[table], names)
        return self.num_rows(table), distinct, nulls

    def num_rows(self, table: str) -> int:
        """Returns the number of good rows of a table."""
        return sum(part.facts["rows"] for part in self.parts[table])

    def rows(self, table: str) -> pl.LazyFrame:
        """Returns the good rows; those of each user are in the order of the files."""
        return pl.concat([part.rows for part in self.parts[table]]).drop(parts.ROW)

    def users(self, table: str, name: str) -> pl.LazyFrame:
        """Returns each user and the number of their rows.

        Args:
          table: Name of a table of events.
          name: Name of the column of numbers.
        """
        every = pl.concat([p.counted(parts.USERS) for p in self.parts[table]])
        total = pl.col(parts.COUNT).sum().cast(pl.UInt32).alias(name)
        return every.group_by(schema.USER_ID).agg(total)

    def videos(self, table: str) -> pl.LazyFrame:
        """Returns each video of good rows and the number of its first row."""
        first = pl.col(parts.FIRST)
        every = pl.concat(
            part.counted(parts.VIDEOS).drop_nulls().with_columns(first + part.first)
            for part in self.parts[table]
        )
        return every.group_by(schema.VIDEO_ID).agg(first.min().alias(shards.ROW))

    def ids(self, table: str, column: str) -> pl.LazyFrame:
        """Returns the distinct ids of a table, for `matching.unmatched`."""
        if table not in EVENTS:
            return self._log.tables[table].select(column).drop_nulls().unique()
        if column == schema.USER_ID:
            return self.users(table, parts.COUNT).select(column)
        return self.videos(table).select(column)

    def texts(self, column: str, table: str) -> list[str]:
        """Returns the distinct texts of a column, in order; none without the column."""
        of_parts = (part.facts["texts"].get(column, ()) for part in self.parts[table])
        values = list(dict.fromkeys(itertools.chain.from_iterable(of_parts)))
        return pl.Series(values, dtype=pl.String).sort().to_list()

    def times(self, table: str) -> order_statistics.Counts:
        """Returns the counts of the times of events."""
        every = pl.concat([p.counted(parts.TIMES) for p in self.parts[table]])
        wide: dict[int, tuple[order_statistics.Integers, order_statistics.Integers]]
        wide = {}  # counts of all buckets by width, which are asked for again

        def counts(
            width: int, buckets: Collection[int] | None
        ) -> tuple[order_statistics.Integers, order_statistics.Integers]:
            time, chosen = pl.col(schema.TIME), every
            if buckets is None and width in wide:
                return wide[width]
            if buckets is not None:
                inside = (time // order_statistics.BUCKET).is_in(list(buckets))
                chosen = every.filter(inside)
            grouped = chosen.group_by(time // width).agg(pl.col(parts.COUNT).sum())
            sorted_counts = grouped.collect(engine="streaming").sort(schema.TIME)
            found = (
                sorted_counts[schema.TIME].to_numpy().astype(np.int64),
                sorted_counts[parts.COUNT].to_numpy().astype(np.int64),
            )
            return wide.setdefault(width, found) if buckets is None else found

        return counts

    def median_seconds(self) -> float | None:
        """Returns the median of watch seconds, or 0 where it is below all warnings."""
        facts = [part.facts for part in self.parts[schema.WATCHES]]
        if not any("seconds" in one for one in facts):
            return None
        if 2 * sum(one["long"] for one in facts) < sum(one["seconds"] for one in facts):
            return 0.0
        seconds = self.rows(schema.WATCHES).select(pl.col(schema.WATCH_SECONDS))
        median: float | None = seconds.median().collect(engine="streaming").item()
        return median

    def _kept(
        self,
        table: str,
        rows: pl.LazyFrame,
        fault: pl.Expr,
        known: pl.Series | None,
    ) -> list[parts.KeptPart]:
        """Returns the parts of a table, and reads the files that are new."""
        origin = self._log.origin(table)
        reading = {
            "names": origin.names,
            "notes": origin.notes,
            "outcomes": self._config.outcomes,
        }
        found, num_new = [], 0
        files = list(_files(origin, rows))
        for file in progress.through(files, f"{table}, read", "files"):
            part, is_new = parts.kept(
                self._directory / table, table, file, reading, fault, known
            )
            found.append(part)
            num_new += is_new
        progress.say(
            f"parts: {table}: {num_new:,} of {len(files):,} files read, "
            f"{len(files) - num_new:,} kept"
        )
        return found


def _files(origin: event_log.Origin, rows: pl.LazyFrame) -> Iterator[parts.EventFile]:
    """Yields the files of a table in order."""
    places = origin.parts or ((0, origin.file),)
    stops = [first for first, _ in places[1:]]
    for (first, path), stop in itertools.zip_longest(places, stops):
        size = None if stop is None else stop - first
        yield parts.EventFile(pathlib.Path(path), first, rows, size)
