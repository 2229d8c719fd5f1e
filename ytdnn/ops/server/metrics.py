"""Metrics for Prometheus, summed over the processes of a server."""

import contextlib
import functools
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
_seconds = functools.partial(prometheus.Histogram, buckets=_SECONDS)
REQUEST_SECONDS = _seconds(
    "ytdnn_request_seconds", "Seconds from head to answer.", ("endpoint",)
)
QUEUE_SECONDS = _seconds("ytdnn_queue_seconds", "Seconds waited for a batch.")
RUN_SECONDS = _seconds("ytdnn_run_seconds", "Seconds of a request's batch.")
BATCH_SIZE = prometheus.Histogram(
    "ytdnn_batch_size", "Rows of the batch that a request was in.", buckets=_SIZES
)
VERSION = prometheus.Gauge(
    "ytdnn_version", "Served version.", multiprocess_mode="liveall"
)
PROCESSES = prometheus.Gauge(
    "ytdnn_processes", "Server processes.", multiprocess_mode="livesum"
)
REFUSED = prometheus.Counter("ytdnn_refused_versions", "Versions refused at loading.")
LOGGED = prometheus.Counter("ytdnn_logged_rows", "Rows written to the served log.")
DROPPED = prometheus.Counter("ytdnn_dropped_rows", "Rows lost after failed writes.")
LOG_FAILURES = prometheus.Counter("ytdnn_log_failures", "Parts that were not written.")
EVENTS = prometheus.Counter("ytdnn_events", "Events stored in the live state.")
STATE_FAILURES = prometheus.Counter(
    "ytdnn_state_failures", "Failed reads and writes of the live state."
)


def text() -> bytes:
    """Returns all metrics in Prometheus's format."""
    return prometheus.generate_latest(_registry())


def versions() -> dict[int, int]:
    """Returns the version that each process serves, by process id."""
    metrics = {metric.name: metric for metric in _registry().collect()}
    samples = metrics["ytdnn_version"].samples
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
