"""The parts of a running server, made from its settings."""

import asyncio
import dataclasses
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any

from ytdnn.ops.server import (
    access_log,
    batching,
    hot_swap,
    inspector,
    metrics,
    served_log,
    settings,
    telemetry,
)

_LOG = logging.getLogger("ytdnn.ops.server")


@dataclasses.dataclass
class ServerParts:
    """The parts of a running server.

    Attributes:
      given: The settings.
      threads: Threads that run models.
      measured: Metrics for Prometheus.
      served: Holder of the served version.
      log: Log of answers and feedback; None: nothing is logged.
      inspector: Backend of the inspector's page.
      access: Log of requests; None without one.
      tracing: Traces of requests; None without them.
      follow: Task that keeps the served version up to date, until it is cancelled.
      processes: Version that each process of the server serves, by process id; empty
        for a single process.
    """

    given: settings.Settings
    threads: batching.Threads
    measured: metrics.Metrics
    served: hot_swap.Served
    log: served_log.ServedLog | None
    inspector: inspector.Inspector
    access: access_log.AccessLog | None
    tracing: telemetry.Tracing | None
    follow: Callable[[], Coroutine[Any, Any, None]]
    processes: dict[int, int | None] = dataclasses.field(default_factory=dict)

    async def status(self) -> dict[str, Any]:
        """Returns the served version, and refused ones with their reasons."""
        found = await asyncio.to_thread(self.served.status)
        about = None
        if self.log is not None:
            about = {
                "directory": str(self.log.directory),
                "flush_seconds": self.given.flush_seconds,
                "problem": self.log.problem or None,
            }
        every = self.processes or {os.getpid(): self.served.current.number}
        processes = [{"process": p, "version": n} for p, n in sorted(every.items())]
        return found | {"served_log": about, "processes": processes}


def make(
    given: settings.Settings,
    say: Callable[[str], None] = _LOG.info,
    number: int | None = None,
) -> ServerParts:
    """Loads the bundle, and creates the parts of the server.

    Args:
      given: The settings.
      say: Function that is called with each message.
      number: Number of the version; None: the newest that can be served.

    Raises:
      errors.UserError: The bundle cannot be served, or a package is missing.
      OSError: A log cannot be created.
    """
    tracing = telemetry.Tracing() if given.traces else None
    access = access_log.AccessLog(given.access_log) if given.access_log else None
    measured = metrics.Metrics()
    threads = batching.Threads(
        _batching(given),
        measured.observe,
        given.limits.queue_seconds,
        given.threads_of_a_process,
    )
    served = hot_swap.Served(given, threads, measured, say, number)
    opened, log = served.current.bundle, None
    if given.log:
        log = served_log.ServedLog(
            given.log, opened.id_type, measured, opened.own_outcomes
        )
    return ServerParts(
        given,
        threads,
        measured,
        served,
        log,
        inspector.Inspector(given),
        access,
        tracing,
        served.watch,
    )


def _batching(given: settings.Settings) -> settings.Batching:
    """Returns the parameters of batching in one process."""
    shared = settings.batching_of(given.bundle)
    threads = max(1, -(-shared.num_batch_threads // given.processes))
    shared = dataclasses.replace(shared, num_batch_threads=threads)
    if given.is_batching:
        return shared
    return dataclasses.replace(
        shared,
        max_batch_size=1,
        batch_timeout_micros=0,
        max_enqueued_batches=shared.most_rows,
    )
