"""The record of a request: its id, its deadline, and where its time went.

It is kept in a context variable, so that the queue and the handlers add to the record
of the request that they work for.
"""

import contextvars
import dataclasses
import math
import re
import time
import uuid
from collections.abc import Mapping

from ytdnn.ops.server import problems

ID_HEADER = "x-request-id"
TIMEOUT_HEADER = "x-timeout-ms"
_ID = re.compile(r"[!-~]{1,128}")  # printable ASCII without spaces
_MILLISECONDS = re.compile(r"\d{1,9}(\.\d{1,6})?")


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the time of a request.

    Attributes:
      name: Name of the part: `body`, `queue`, `run`, `candidates`, `ranking`.
      started: When it began, by `time.perf_counter`.
      seconds: Its duration.
    """

    name: str
    started: float
    seconds: float


@dataclasses.dataclass
class Record:
    """The facts about a request.

    Attributes:
      request_id: The client's id of it, or one made here.
      started: When its head was read, by `time.perf_counter`.
      timeout_seconds: How long its client waits, infinite where it does not say so.
      stages: Parts of its time.
      facts: What handlers add: the version, the rows of its run, the id of its answer.
    """

    request_id: str
    started: float = dataclasses.field(default_factory=time.perf_counter)
    timeout_seconds: float = math.inf
    stages: list[Stage] = dataclasses.field(default_factory=list)
    facts: dict[str, str | int | float] = dataclasses.field(default_factory=dict)

    @property
    def left_seconds(self) -> float:
        """Time until its client waits no longer."""
        return self.timeout_seconds - (time.perf_counter() - self.started)

    def add(self, name: str, started: float, seconds: float) -> None:
        """Adds a part of its time."""
        self.stages.append(Stage(name, started, seconds))


_CURRENT: contextvars.ContextVar[Record] = contextvars.ContextVar("record")


def begin(headers: Mapping[str, str]) -> Record:
    """Starts the record of a request; `current` returns it from here on.

    Args:
      headers: Headers of the request, names in lower case.

    Raises:
      problems.Problem: The deadline is no number of milliseconds.
    """
    given = headers.get(ID_HEADER, "")
    found = Record(given if _ID.fullmatch(given) else uuid.uuid4().hex)
    _CURRENT.set(found)
    timeout = headers.get(TIMEOUT_HEADER)
    if timeout is not None:
        if not _MILLISECONDS.fullmatch(timeout):
            raise problems.bad(
                f"expected the header X-Timeout-Ms to be a number of milliseconds, "
                f"received {timeout[:40]!r}"
            )
        found.timeout_seconds = float(timeout) / 1e3
    return found


def current() -> Record:
    """Returns the record of the request that is at work, a new one outside of any."""
    found = _CURRENT.get(None)
    return Record("") if found is None else found
