"""Metrics for Prometheus, summed over the processes of a server."""

import contextlib
import os
import pathlib

import prometheus_client as prometheus
from prometheus_client import multiprocess

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # of several processes, in the environment
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

REQUESTS = prometheus.Counter(
    "ytdnn_requests", "Requests answered.", ("endpoint", "status")
)
REQUEST_SECONDS = prometheus.Histogram(
    "ytdnn_request_seconds",
    "Seconds from the head of a request to its answer.",
    ("endpoint",),
    buckets=_SECONDS,
)
QUEUE_SECONDS = prometheus.Histogram(
    "ytdnn_queue_seconds",
    "Seconds that a request waited for its batch.",
    buckets=_SECONDS,
)
RUN_SECONDS = prometheus.Histogram(
    "ytdnn_run_seconds",
    "Seconds that the model took for a request's batch.",
    buckets=_SECONDS,
)
BATCH_SIZE = prometheus.Histogram(
    "ytdnn_batch_size", "Rows of the batch that a request was in.", buckets=_SIZES
)
VERSION = prometheus.Gauge(
    "ytdnn_version",
    "Version of the bundle that a process serves.",
    multiprocess_mode="liveall",
)
PROCESSES = prometheus.Gauge(
    "ytdnn_processes", "Server processes.", multiprocess_mode="livesum"
)
REFUSED = prometheus.Counter(
    "ytdnn_refused_versions", "Versions refused at loading, counted by each process."
)
LOGGED = prometheus.Counter(
    "ytdnn_logged_rows", "Answers and feedback written to the served log."
)
DROPPED = prometheus.Counter(
    "ytdnn_dropped_rows",
    "Rows of the served log lost because writing failed too often.",
)
LOG_FAILURES = prometheus.Counter(
    "ytdnn_log_failures", "Parts of the served log that could not be written."
)


def text() -> bytes:
    """Returns all metrics in Prometheus's format."""
    return prometheus.generate_latest(_registry())


def versions() -> dict[int, int]:
    """Returns the version that each process serves, by process id."""
    samples = [
        sample
        for metric in _registry().collect()
        if metric.name == "ytdnn_version"
        for sample in metric.samples
    ]
    return {int(one.labels.get("pid", os.getpid())): int(one.value) for one in samples}


def _registry() -> prometheus.CollectorRegistry:
    """Returns the metrics of all processes; gauges of ended ones are removed."""
    if DIRECTORY not in os.environ:
        return prometheus.REGISTRY
    for path in pathlib.Path(os.environ[DIRECTORY]).glob("gauge_live*.db"):
        process = int(path.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            with contextlib.suppress(FileNotFoundError):  # another process did it
                multiprocess.mark_process_dead(process)
    registry = prometheus.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return registry
