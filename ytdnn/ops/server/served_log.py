"""The served log: answers and their feedback, in parts of Parquet.

`ytdnn.ops.server.joined_log` joins the log. New rows are in memory until the next
flush, which writes a part under a temporary name and renames it: a part is complete or
absent. A server that is killed loses only the rows since its last flush.
"""

import datetime
import itertools
import logging
import os
import pathlib
import threading
import time
from collections.abc import Sequence
from typing import Any

import polars as pl

from ytdnn.base import whole_files
from ytdnn.ops.server import joined_log, metrics

_LOG = logging.getLogger("ytdnn.ops.server")
_MOST_ROWS = 100_000  # in memory, where the disk takes none

Names = Sequence[str]
Rows = list[dict[str, Any]]


class ServedLog:
    """Collects rows from any thread, and writes them in one.

    Attributes:
      directory: Directory of the log.
      problem: The reason why the last part could not be written; empty: it was.
    """

    def __init__(
        self, directory: pathlib.Path, id_type: pl.DataType, outcomes: Names = ()
    ) -> None:
        """Creates the directory.

        Args:
          directory: Directory of the log.
          id_type: Type of video ids.
          outcomes: Own outcomes of the log, outside the schema.

        Raises:
          OSError: The directory cannot be made.
        """
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.problem = ""
        self._columns = {
            joined_log.ANSWERS: joined_log.answers_schema(id_type),
            joined_log.FEEDBACK: joined_log.feedback_schema(id_type, outcomes),
        }
        self._rows: dict[str, Rows] = {joined_log.ANSWERS: [], joined_log.FEEDBACK: []}
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def add(self, kind: str, row: dict[str, Any]) -> None:
        """Adds a row of answers or feedback; beyond a limit the oldest are dropped."""
        with self._lock:
            self._rows[kind].append(row)
            self._shorten(kind)

    def flush(self) -> None:
        """Writes the rows since the last flush; keeps them if that fails."""
        for kind in self._rows:
            with self._lock:
                rows, self._rows[kind] = self._rows[kind], []
            if not rows:
                continue
            try:
                self._write(kind, rows)
                self.problem = ""
                metrics.LOGGED.inc(len(rows))
            except (OSError, pl.exceptions.PolarsError) as error:
                self.problem = str(error)
                _LOG.error("the served log cannot be written: %s", error)
                metrics.LOG_FAILURES.inc()
                with self._lock:
                    self._rows[kind] = rows + self._rows[kind]
                    self._shorten(kind)

    def _shorten(self, kind: str) -> None:
        """Drops the oldest rows beyond the limit, and counts them; needs the lock."""
        rows = self._rows[kind]
        if (surplus := len(rows) - _MOST_ROWS) > 0:
            del rows[:surplus]
            metrics.DROPPED.inc(surplus)

    def _write(self, kind: str, rows: Rows) -> None:
        now = time.time_ns()
        day = datetime.datetime.fromtimestamp(now / 1e9, datetime.UTC).date()
        place = self.directory / kind / day.isoformat()
        place.mkdir(parents=True, exist_ok=True)
        name = f"{now}-{os.getpid()}-{next(self._numbers)}.parquet"
        frame = pl.DataFrame(rows, schema=self._columns[kind])
        with whole_files.whole_file(place / name) as partial:
            frame.write_parquet(partial)
            whole_files.flush(partial)
