"""Keeps the counters and the live terms of the served version up to date."""

import asyncio
import logging
import pathlib
import threading
import time
from collections.abc import Callable
from typing import Any

from ytdnn.base import errors
from ytdnn.ops.server import loaded_version, served_state
from ytdnn.ops.state import continued_counts, counter_state, store

_LOG = logging.getLogger("ytdnn.ops.server")
_SHORTEST_SECONDS = 1.0  # between two counts
_PAUSE = 10  # times the processor time of a count: a tenth of a core at most
_OLDEST_SECONDS = 60.0  # of a count without new events: windows move on
_KNOWN_ERRORS = (errors.UserError, store.StateError, OSError)

Json = dict[str, Any]
State = served_state.ServedState
Version = loaded_version.Version


class LiveCounters:
    """Counts the state's events into the served version.

    Attributes:
      counted_to: The second before which the served counters count; None: they are
        those of the export.
      problem: The reason why they cannot be counted on; empty: they are.
    """

    def __init__(self, state: State, data: pathlib.Path | None) -> None:
        """Stores the arguments; the log is counted at the first event.

        Args:
          state: The state.
          data: The prepared set of the bundle, in the directory of its run; None: it is
            not known.
        """
        self._state, self._workdir = state, data and data.parent
        self._counted: continued_counts.LiveTables | None = None
        self._number = 0  # of the version that this is of
        self._lock = threading.Lock()
        self.counted_to: int | None = None
        self.problem = "" if data else "expected --workdir to read its log"

    async def watch(self, current: Callable[[], Version]) -> None:
        """Counts from time to time, until it is cancelled.

        Args:
          current: Function that returns the served version.
        """
        wait, counted = _SHORTEST_SECONDS, 0.0
        while self._workdir is not None:
            await asyncio.sleep(wait)
            is_old = time.monotonic() - counted > _OLDEST_SECONDS
            try:
                used = await asyncio.to_thread(self.count, current(), is_old)
                if used is not None:
                    counted = time.monotonic()
                    wait = max(_SHORTEST_SECONDS, _PAUSE * used)
            except Exception as error:
                self._stay(error)
                wait = _OLDEST_SECONDS

    def prepare(self, version: Version) -> None:
        """Counts into a version before it is served.

        Args:
          version: A version that is newer than the served one.
        """
        try:
            self.count(version)
        except Exception as error:
            self._stay(error)

    def _stay(self, error: Exception) -> None:
        """Tells why counters are not counted on."""
        is_known = isinstance(error, _KNOWN_ERRORS)
        _LOG.error("counters stay: %s", error, exc_info=not is_known)
        self.problem = errors.one_line(str(error))

    def status(self) -> Json:
        """Returns the place of the state, and up to when it is counted."""
        place, problem = self._state.place, self.problem or None
        return {"place": place, "counted_to": self.counted_to, "problem": problem}

    def count(self, version: Version, is_old: bool = True) -> float | None:
        """Counts, if there are new events or the last count is old.

        Args:
          version: The served version.
          is_old: Whether to count without new events.

        Returns:
          The processor time that it took; None: there was nothing to count.
        """
        with self._lock:
            moment = int(self._state.clock()) + 1
            is_new = version.number > self._number
            if is_new:
                self._open(version, moment)
            # Counts of an earlier version end while the next one is prepared.
            if version.number != self._number or self._counted is None:
                return None
            begin = time.thread_time()
            is_changed = self._counted.later.follow()
            if not is_changed and not (self.counted_to and (is_old or is_new)):
                return None
            version.assign(self._counted.at(moment))
            self.counted_to, self.problem = moment, ""
            return time.thread_time() - begin

    def _open(self, version: Version, moment: int) -> None:
        """Reads the log that a version was made from, if it counts anything."""
        self._number, self._counted = version.number, None
        if self._workdir is not None:
            state, end = self._state.store, self._state.log_end(version)
            asked = self._workdir, version.bundle, state, end, moment
            self._counted = counter_state.open_tables(*asked)
