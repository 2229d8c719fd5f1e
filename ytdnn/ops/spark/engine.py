"""Prepares a log on Apache Spark: surveyed by aggregations, one task for each shard.

The work on a shard is the same pure function as on one machine, run by `applyInArrow`
on the machine with the shard's events. It writes the shard's files: the prepared set
and the scratch directory must be on a file system that all machines reach.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyspark.sql
from pyspark.sql import functions

from ytdnn.base import configs, schema
from ytdnn.log import engines, event_log, event_rows, shard_tasks
from ytdnn.ops.spark import reading, surveying

_SHARD, _TABLE = "__shard__", "__table__"
_TABLES = (schema.WATCHES, schema.SEARCHES, schema.IMPRESSIONS)
_VIDEO, _NUMBER = "video", "number"
_LEFT_OUT = -1  # stands for a video: searches without a word

Work = Callable[[shard_tasks.ShardUsers, dict[str, pl.DataFrame]], pa.Table]


@dataclasses.dataclass(frozen=True)
class _Frames:
    """Builds the events of a shard from the rows that Spark has grouped.

    Attributes:
      columns: Columns of each table of events, in order.
      users: A Parquet file, see `entities.all_users`.
      videos: A Parquet file, see `entities.catalogue`.
      vocabularies: Values of text columns.
    """

    columns: dict[str, list[str]]
    users: pathlib.Path
    videos: pathlib.Path
    vocabularies: dict[str, list[str]]

    def __call__(
        self, users: shard_tasks.ShardUsers, rows: pl.DataFrame
    ) -> dict[str, pl.DataFrame]:
        """Returns each table, equal to that of Polars on one machine."""
        own = pl.scan_parquet(self.users).slice(users.first, users.size).collect()
        videos = pl.read_parquet(self.videos)
        return {
            table: event_rows.indexed(
                table,
                rows.lazy()
                .filter(pl.col(_TABLE) == _TABLES.index(table))
                .sort(event_log.ROW)
                .select(names),
                own,
                videos,
                self.vocabularies,
            ).collect()
            for table, names in self.columns.items()
        }


class SparkEngine:
    """Apache Spark; see `ytdnn.log.engines.Engine`."""

    def __init__(
        self, session: pyspark.sql.SparkSession, scratch: pathlib.Path
    ) -> None:
        """Stores the session.

        Args:
          session: Spark's session.
          scratch: An empty directory that all machines reach; the caller removes it.
        """
        self._session, self._scratch = session, scratch
        self._surveyed: surveying.Surveyed | None = None

    def survey(
        self, log: event_log.EventLog, config: configs.DataConfig
    ) -> engines.Survey:
        """Checks the log and collects the facts that the shards need."""
        if config.source != "log":
            log = _staged(log, self._scratch)
        found = surveying.survey(self._session, log, config, self._scratch)
        self._surveyed = found
        found.survey.users.write_parquet(self._scratch / "users.parquet")
        found.survey.videos.write_parquet(self._scratch / "videos.parquet")
        return found.survey

    def count(
        self, rules: shard_tasks.Rules, shards: Sequence[shard_tasks.ShardUsers]
    ) -> list[shard_tasks.Counted]:
        """Counts every shard."""

        def work(
            users: shard_tasks.ShardUsers, frames: dict[str, pl.DataFrame]
        ) -> pa.Table:
            found = shard_tasks.count(rules, users, frames)
            videos = np.append(found.videos, _LEFT_OUT).astype(np.int64)
            numbers = np.append(found.labels, found.searches_left_out)
            return pa.table({_VIDEO: videos, _NUMBER: numbers.astype(np.int64)})

        counted = self._applied(shards, work, f"{_VIDEO} bigint, {_NUMBER} bigint")
        total = functions.sum(_NUMBER).alias(_NUMBER)
        found = reading.to_polars(counted.groupBy(_VIDEO).agg(total))
        is_video = pl.col(_VIDEO) != _LEFT_OUT
        of_videos, left_out = found.filter(is_video), found.filter(~is_video)
        return [
            shard_tasks.Counted(
                videos=of_videos[_VIDEO].to_numpy(),
                labels=of_videos[_NUMBER].to_numpy(),
                searches_left_out=int(left_out[_NUMBER].sum()),
            )
        ]

    def write(
        self,
        rules: shard_tasks.Rules,
        shards: Sequence[shard_tasks.ShardUsers],
        new_index: np.ndarray,
        tokens: pl.DataFrame,
    ) -> list[dict[str, int]]:
        """Writes every shard."""
        of_videos, of_tokens = (
            self._scratch / name for name in ("new_index.npy", "known.parquet")
        )
        np.save(of_videos, new_index)
        tokens.write_parquet(of_tokens)

        def work(
            users: shard_tasks.ShardUsers, frames: dict[str, pl.DataFrame]
        ) -> pa.Table:
            index, known = np.load(of_videos), pl.read_parquet(of_tokens)
            rows = shard_tasks.write(rules, users, frames, index, known)
            return pa.table({table: pa.array([rows[table]]) for table in rows})

        names = [table for table in _TABLES if table in self._columns]
        ddl = ", ".join(f"{name} bigint" for name in names)
        written = self._applied(shards, work, ddl)
        return reading.to_polars(written).rows(named=True)

    @property
    def _columns(self) -> dict[str, list[str]]:
        """The columns of each table of events."""
        events = {} if self._surveyed is None else self._surveyed.events
        return {
            table: [name for name in frame.columns if name != event_log.ROW]
            for table, frame in events.items()
        }

    def _applied(
        self, parts: Sequence[shard_tasks.ShardUsers], work: Work, ddl: str
    ) -> pyspark.sql.DataFrame:
        """Returns the rows that `work` returns for each shard."""
        surveyed = self._surveyed
        if surveyed is None:
            raise ValueError("expected a log that was surveyed, received none")
        make = _Frames(
            self._columns,
            self._scratch / "users.parquet",
            self._scratch / "videos.parquet",
            surveyed.survey.vocabularies,
        )

        # Both hints are needed: Spark tells the kind of function by them.
        def run(key: tuple[pa.Scalar, ...], table: pa.Table) -> pa.Table:
            users = parts[key[0].as_py()]
            rows = pl.DataFrame(pl.from_arrow(table))
            return work(users, make(users, rows))

        grouped = self._divided(parts, surveyed.events).groupBy(_SHARD)
        return grouped.applyInArrow(run, ddl)

    def _divided(
        self,
        parts: Sequence[shard_tasks.ShardUsers],
        events: dict[str, pyspark.sql.DataFrame],
    ) -> pyspark.sql.DataFrame:
        """Returns the events of all tables, each with its shard."""
        path = self._scratch / "shards.parquet"
        if not path.exists():
            number = np.repeat(
                np.arange(len(parts)), [part.size for part in parts]
            ).astype(np.int32)
            users = pl.read_parquet(self._scratch / "users.parquet")
            users.select(schema.USER_ID, pl.Series(_SHARD, number)).write_parquet(path)
        of_users = self._session.read.parquet(str(path))
        frames = [
            frame.join(of_users, schema.USER_ID).withColumn(
                _TABLE, functions.lit(_TABLES.index(table))
            )
            for table, frame in events.items()
        ]
        every = frames[0]
        for frame in frames[1:]:
            every = every.unionByName(frame, allowMissingColumns=True)
        return every


def _staged(log: event_log.EventLog, scratch: pathlib.Path) -> event_log.EventLog:
    """Returns the log with its tables in files, which other machines reach.

    Only the driver can generate a world, or read an archive.
    """
    origins = {}
    for table in log.tables:
        origin = log.origin(table)
        path = scratch / f"{table}.staged"
        with event_log.readable(origin.file):
            origin.rows.sink_parquet(path)
        origins[table] = dataclasses.replace(origin, rows=pl.scan_parquet(path))
    return event_log.from_origins(origins, log.facts)
