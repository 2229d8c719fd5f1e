"""Traces of requests by OpenTelemetry, of the extra `telemetry`; off by default.

The exporter is OTLP over HTTP, set by OpenTelemetry's own environment variables, such
as OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_SERVICE_NAME. A request continues the trace that
its header `traceparent` names.
"""

import time
from collections.abc import Mapping
from typing import Any

from ytdnn.base import errors
from ytdnn.ops.server import records

_SERVICE = "ytdnn"
_FAILED = 500


class Tracing:
    """Writes a span for each request, with child spans for the parts of its time."""

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
        self._trace, self._propagate = trace, propagate
        self._tracer = self._provider.get_tracer("ytdnn.ops.server")

    def write(
        self,
        record: records.Record,
        method: str,
        route: str,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        """Writes the spans of an answered request.

        Args:
          record: Record of the request.
          method: HTTP method.
          route: Route of the path, without names of models.
          status: HTTP status of the answer.
          headers: Headers of the request, names in lower case.
        """
        clock = time.time_ns() - int(1e9 * time.perf_counter())

        def at(seconds: float) -> int:
            return clock + int(1e9 * seconds)

        span = self._tracer.start_span(
            f"{method} {route}",
            context=self._propagate.extract(dict(headers)),
            kind=self._trace.SpanKind.SERVER,
            start_time=at(record.started),
            attributes={
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "ytdnn.request_id": record.request_id,
                **{f"ytdnn.{name}": value for name, value in record.facts.items()},
            },
        )
        if status >= _FAILED:
            span.set_status(self._trace.StatusCode.ERROR)
        within = self._trace.set_span_in_context(span)
        for stage in record.stages:
            part = self._tracer.start_span(
                stage.name, context=within, start_time=at(stage.started)
            )
            part.end(at(stage.started + stage.seconds))
        span.end(at(time.perf_counter()))

    def close(self) -> None:
        """Exports the remaining spans."""
        self._provider.shutdown()


def _exporting() -> Any:
    """Returns a provider that exports by OTLP over HTTP, from a thread of its own."""
    from opentelemetry.exporter.otlp.proto.http import trace_exporter
    from opentelemetry.sdk import resources, trace
    from opentelemetry.sdk.trace import export

    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES of the environment come first.
    of_environment = resources.OTELResourceDetector().detect()
    resource = resources.Resource.create({"service.name": _SERVICE})
    found = trace.TracerProvider(resource=resource.merge(of_environment))
    exporter = trace_exporter.OTLPSpanExporter()
    found.add_span_processor(export.BatchSpanProcessor(exporter))
    return found
