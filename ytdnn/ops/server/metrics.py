"""Metrics for Prometheus."""

import os

import prometheus_client as prometheus
from prometheus_client import multiprocess

from ytdnn.ops.server import batching, shared_metrics

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters and histograms of one server."""

    def __init__(self) -> None:
        """Starts at zero."""
        self._registry = prometheus.CollectorRegistry()
        self._is_shared = shared_metrics.VARIABLE in os.environ
        self._add_requests(self._registry)
        self._add_versions(self._registry)
        self._add_log(self._registry)

    def _add_requests(self, of: prometheus.CollectorRegistry) -> None:
        self.requests = prometheus.Counter(
            "ytdnn_requests", "Requests answered.", ("endpoint", "status"), registry=of
        )
        self.seconds = prometheus.Histogram(
            "ytdnn_request_seconds",
            "Seconds from the head of a request to its answer.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=of,
        )
        self._queue = prometheus.Histogram(
            "ytdnn_queue_seconds",
            "Seconds that a request waited for its batch.",
            buckets=_SECONDS,
            registry=of,
        )
        self._runs = prometheus.Histogram(
            "ytdnn_run_seconds",
            "Seconds that the model took for a request's batch.",
            buckets=_SECONDS,
            registry=of,
        )
        self._sizes = prometheus.Histogram(
            "ytdnn_batch_size",
            "Rows of the batch that a request was in.",
            buckets=_SIZES,
            registry=of,
        )

    def _add_versions(self, of: prometheus.CollectorRegistry) -> None:
        self.version = prometheus.Gauge(
            "ytdnn_version",
            "Version of the bundle that is served.",
            registry=of,
            multiprocess_mode="livemax",
        )
        self.processes = prometheus.Gauge(
            "ytdnn_processes",
            "Server processes.",
            registry=of,
            multiprocess_mode="livesum",
        )
        self.processes.set(1)
        self.refused = prometheus.Counter(
            "ytdnn_refused_versions",
            "Versions refused at loading, counted by each process.",
            registry=of,
        )

    def _add_log(self, of: prometheus.CollectorRegistry) -> None:
        self.logged = prometheus.Counter(
            "ytdnn_logged_rows",
            "Answers and feedback written to the served log.",
            registry=of,
        )
        self.dropped = prometheus.Counter(
            "ytdnn_dropped_rows",
            "Rows of the served log lost because writing failed too often.",
            registry=of,
        )
        self.log_failures = prometheus.Counter(
            "ytdnn_log_failures",
            "Parts of the served log that could not be written.",
            registry=of,
        )

    def observe(self, answered: batching.Answered) -> None:
        """Records the times and the batch of an answered request."""
        self._queue.observe(answered.queue_seconds)
        self._runs.observe(answered.run_seconds)
        self._sizes.observe(answered.batch_size)

    def text(self) -> bytes:
        """Returns all metrics in Prometheus's format, summed over the processes."""
        if not self._is_shared:
            return prometheus.generate_latest(self._registry)
        of_all = prometheus.CollectorRegistry()
        multiprocess.MultiProcessCollector(of_all)
        return prometheus.generate_latest(of_all)


CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST
