"""The record of a request: its id, its deadline, and the times of its parts.

It is in a context variable, so that the queue and the handlers add to the record of
their request.
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
      started: Time of its begin, by `time.perf_counter`.
      seconds: Duration.
    """

    name: str
    started: float
    seconds: float


@dataclasses.dataclass
class Record:
    """The facts about a request.

    Attributes:
      request_id: Id given by the client, or a new one.
      started: Time when the head was read, by `time.perf_counter`.
      timeout_seconds: Time that the client waits; infinite if not given.
      stages: Parts of the time.
      facts: Facts from handlers: version, rows of the run, id of the answer.
    """

    request_id: str
    started: float = dataclasses.field(default_factory=time.perf_counter)
    timeout_seconds: float = math.inf
    stages: list[Stage] = dataclasses.field(default_factory=list)
    facts: dict[str, str | int | float] = dataclasses.field(default_factory=dict)

    @property
    def left_seconds(self) -> float:
        """Remaining time of the client's timeout."""
        return self.timeout_seconds - (time.perf_counter() - self.started)

    def add(self, name: str, started: float, seconds: float) -> None:
        """Adds a part of the time."""
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
    """Returns the record of the current request; outside of requests, a new one."""
    found = _CURRENT.get(None)
    return Record("") if found is None else found
