"""The record of a request: its id, deadline and times; its log line and its trace.

The record is in a context variable, so that the queue and the handlers add to the
record of their request.
"""

import contextlib
import contextvars
import dataclasses
import datetime
import json
import logging
import logging.handlers
import math
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from starlette import requests as http
from starlette import responses

from ytdnn.base import errors
from ytdnn.ops.server import problems

ID_HEADER = "x-request-id"
TIMEOUT_HEADER = "x-timeout-ms"
_ID = re.compile(r"[!-~]{1,128}")  # printable ASCII without spaces
_MILLISECONDS = re.compile(r"\d{1,9}(\.\d{1,6})?")
_STDOUT = "-"


@dataclasses.dataclass
class Record:
    """The facts about a request.

    Attributes:
      request_id: Id given by the client, or a new one.
      started: Time when the head was read, by `time.perf_counter`.
      timeout_seconds: Time that the client waits; infinite if not given.
      stages: Seconds of each part: `queue`, `run`, `candidates`, `ranking`.
      facts: Facts from handlers: version, rows of the run, id of the answer.
      status: Status code of the answer; 0: it is not answered.
    """

    request_id: str = ""
    started: float = dataclasses.field(default_factory=time.perf_counter)
    timeout_seconds: float = math.inf
    stages: dict[str, float] = dataclasses.field(default_factory=dict)
    facts: dict[str, str | int] = dataclasses.field(default_factory=dict)
    status: int = 0

    @property
    def seconds(self) -> float:
        """Time since the request came."""
        return time.perf_counter() - self.started

    def read_timeout(self, headers: Mapping[str, str]) -> None:
        """Reads the client's timeout from the headers.

        Raises:
          problems.Problem: It is no number of milliseconds.
        """
        text = headers.get(TIMEOUT_HEADER)
        if text is None:
            return
        if not _MILLISECONDS.fullmatch(text):
            raise problems.bad(
                f"expected the header X-Timeout-Ms to be a number of milliseconds, "
                f"received {text[:40]!r}"
            )
        self.timeout_seconds = float(text) / 1e3


_CURRENT: contextvars.ContextVar[Record] = contextvars.ContextVar("record")


def begin(headers: Mapping[str, str]) -> Record:
    """Starts the record of a request; `current` returns it from here on."""
    given = headers.get(ID_HEADER, "")
    record = Record(given if _ID.fullmatch(given) else uuid.uuid4().hex)
    _CURRENT.set(record)
    return record


def current() -> Record:
    """Returns the record of the current request; outside of requests, a new one."""
    return _CURRENT.get(None) or Record()


class AccessLog:
    """Writes a line of JSON for each request, without the user's history.

    Several processes can share a file. A file that is moved away, as by logrotate, is
    created again.
    """

    def __init__(self, place: str) -> None:
        """Opens the log.

        Args:
          place: Path of the file, `-` for the standard output.

        Raises:
          OSError: The file cannot be written.
        """
        self._handler: logging.Handler = logging.StreamHandler(sys.stdout)
        if place != _STDOUT:
            self._handler = logging.handlers.WatchedFileHandler(place, encoding="utf-8")

    def write(
        self, record: Record, request: http.Request, response: responses.Response
    ) -> None:
        """Appends the line of an answered request, without its query."""
        now = datetime.datetime.now(datetime.UTC)
        line = {
            "time": now.isoformat(timespec="milliseconds"),
            "request_id": record.request_id,
            "method": request.method,
            "path": re.sub("^/users/.*", "/users/ID", request.url.path[:200]),
            "status": response.status_code,
            "bytes": len(response.body),
            "milliseconds": round(1e3 * record.seconds, 3),
            "stages": {n: round(1e3 * value, 3) for n, value in record.stages.items()},
            "process": os.getpid(),
            **record.facts,
        }
        self._handler.handle(logging.makeLogRecord({"msg": json.dumps(line)}))

    def close(self) -> None:
        """Closes the file."""
        self._handler.close()


class Tracing:
    """Writes a span of OpenTelemetry for each request, of the extra `telemetry`.

    The exporter is OTLP over HTTP, set by OpenTelemetry's own environment variables. A
    request continues the trace that its header `traceparent` names.
    """

    def __init__(self, provider: Any = None) -> None:
        """Creates the tracer.

        Args:
          provider: An OpenTelemetry `TracerProvider`; None: one that exports by OTLP.

        Raises:
          errors.UserError: The extra `telemetry` is not installed.
        """
        try:
            from opentelemetry import propagate, trace

            self._provider = provider or _exporting()
        except ImportError as error:
            raise errors.UserError(
                f"--traces=on needs OpenTelemetry ({error}): pip install -c "
                f"constraints.txt '.[telemetry]' in the checkout"
            ) from None
        self._extract, self._kind = propagate.extract, trace.SpanKind.SERVER
        self._tracer = self._provider.get_tracer("ytdnn.ops.server")

    @contextlib.contextmanager
    def span(
        self, record: Record, name: str, headers: Mapping[str, str]
    ) -> Iterator[None]:
        """Context of the span of a request, with the record as attributes."""
        with self._tracer.start_as_current_span(
            name, context=self._extract(dict(headers)), kind=self._kind
        ) as span:
            yield
            stages = {f"{name}_seconds": s for name, s in record.stages.items()}
            facts = {"request_id": record.request_id, **record.facts, **stages}
            span.set_attributes({f"ytdnn.{n}": value for n, value in facts.items()})
            span.set_attribute("http.response.status_code", record.status)

    def close(self) -> None:
        """Exports the remaining spans."""
        self._provider.shutdown()


def _exporting() -> Any:
    """Returns a provider that exports by OTLP over HTTP, from a thread of its own."""
    from opentelemetry.exporter.otlp.proto.http import trace_exporter
    from opentelemetry.sdk import resources, trace
    from opentelemetry.sdk.trace import export

    os.environ.setdefault("OTEL_SERVICE_NAME", "ytdnn")
    provider = trace.TracerProvider(resource=resources.Resource.create())
    exporter = trace_exporter.OTLPSpanExporter()
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return provider
