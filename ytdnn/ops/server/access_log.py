"""The access log: one line of JSON for each request that was answered or refused.

Lines are appended atomically, so several processes can share a file. A file that is
moved away, as by logrotate, is created again. No line has a user's id or history.
"""

import datetime
import json
import logging
import logging.handlers
import os
import sys
import time
from typing import Any

from ytdnn.ops.server import records

STDOUT = "-"


class AccessLog:
    """Writes a line for each answered request."""

    def __init__(self, place: str) -> None:
        """Opens the log.

        Args:
          place: Path of the file, `-` for the standard output.

        Raises:
          OSError: The file cannot be written.
        """
        self._handler: logging.Handler = (
            logging.StreamHandler(sys.stdout)
            if place == STDOUT
            else logging.handlers.WatchedFileHandler(place, encoding="utf-8")
        )
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    def write(
        self, record: records.Record, method: str, path: str, status: int, size: int
    ) -> None:
        """Appends the line of a request.

        Args:
          record: Record of the request.
          method: HTTP method.
          path: Path, without the query.
          status: HTTP status of the answer; 0: the client disconnected before it.
          size: Bytes of the answer's body.
        """
        line = json.dumps(_line(record, method, path, status, size))
        self._handler.handle(
            logging.LogRecord("access", logging.INFO, "", 0, line, None, None)
        )

    def close(self) -> None:
        """Closes the file."""
        self._handler.close()


def _line(
    record: records.Record, method: str, path: str, status: int, size: int
) -> dict[str, Any]:
    seconds = time.perf_counter() - record.started
    began = datetime.datetime.fromtimestamp(time.time() - seconds, datetime.UTC)
    stages: dict[str, float] = {}
    for stage in record.stages:
        stages[stage.name] = stages.get(stage.name, 0.0) + stage.seconds
    return {
        "time": began.isoformat(timespec="milliseconds"),
        "request_id": record.request_id,
        "method": method,
        "path": path[:200],
        "status": status,
        "bytes": size,
        "milliseconds": round(1e3 * seconds, 3),
        "stages": {name: round(1e3 * value, 3) for name, value in stages.items()},
        "process": os.getpid(),
        **record.facts,
    }
