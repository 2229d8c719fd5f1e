"""Starts the server: binds its port, prints its addresses, and runs uvicorn.

Several processes are uvicorn's workers: each loads the bundle and follows its versions;
one that ends is replaced. They accept connections from one socket.
"""

import asyncio
import contextlib
import functools
import logging
import multiprocessing
import os
import pathlib
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing import process
from typing import Any

import uvicorn
from uvicorn import config as uvicorn_config
from uvicorn.protocols.http import auto
from uvicorn.supervisors import multiprocess

from ytdnn.base import errors
from ytdnn.bundle import versions
from ytdnn.ops.server import settings

# Longer than clients and proxies keep a connection that they do not use.
IDLE_SECONDS = 75
GRACE_SECONDS = 10  # for requests at hand
_HEAD_SECONDS = 10.0
# A process without a sign of life is replaced. One that loads a model on a busy machine
# gives none for some seconds; of one that ended meanwhile, uvicorn hears as late.
_HANG_SECONDS = 30
_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_SHORTEST = 16  # characters of a token

Say = Callable[[str], None]


def run(given: settings.Settings, say: Say) -> None:
    """Serves until it is interrupted.

    Args:
      given: The settings.
      say: Function that is called with each message.

    Raises:
      errors.UserError: The port is taken, or the bundle cannot be served.
      OSError: The log cannot be made.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    if not versions.newest(given.bundle):
        raise errors.UserError(
            f"expected a bundle in {given.bundle}, found none: make it first (ytdnn "
            f"export)"
        )
    if given.log is not None:
        given.log.mkdir(parents=True, exist_ok=True)
    with bound(given) as listening, _interruptible():
        for line in described(given, listening.getsockname()[1]):
            say(line)
        config = configured(functools.partial(_application, given, say), given)
        if given.processes == 1:
            config.load()  # here, where a signal ends it at once
            uvicorn.Server(config).run(sockets=[listening])
        else:
            _run_processes(config, listening)
    say("stopped")


def configured(factory: Callable[[], Any], given: settings.Settings) -> uvicorn.Config:
    """Returns the configuration of uvicorn.

    Args:
      factory: Function that returns the application.
      given: The settings.
    """
    return uvicorn.Config(
        factory,
        factory=True,
        workers=given.processes,
        http=_Protocol,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_worker_healthcheck=_HANG_SECONDS,
    )


def _application(given: settings.Settings, say: Say) -> Any:
    """Returns the application; imports TensorFlow only in the process that serves."""
    from ytdnn.ops.server import app

    if (supervisor := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_after, args=(supervisor,), daemon=True).start()
    try:
        return app.application(app.Server(given, say))
    except (errors.UserError, OSError) as error:
        if given.processes == 1:
            raise
        say(f"error: {error}")
        sys.exit(uvicorn_config.STARTUP_FAILURE)


def _end_after(supervisor: process.BaseProcess) -> None:
    """Ends this worker when its supervisor has ended, even if it was killed.

    Else the worker would keep the port, which no later server could take.
    """
    supervisor.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _run_processes(config: uvicorn.Config, listening: socket.socket) -> None:
    """Serves from several processes, which share their metrics in a directory.

    Raises:
      errors.UserError: No version can be served.
    """
    with tempfile.TemporaryDirectory(prefix="ytdnn-metrics-") as directory:
        os.environ[_METRICS] = directory
        supervisor = multiprocess.Multiprocess(config, sockets=[listening])
        supervisor.run()
    failure = uvicorn_config.STARTUP_FAILURE
    if any(process.exitcode == failure for process in supervisor.processes):
        raise errors.UserError("no process could start: see the lines above")


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Context that ends at SIGTERM or Ctrl-C without an error.

    uvicorn first answers pending requests, and then raises the signal again.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


_AutoProtocol: Any = auto.AutoHTTPProtocol


class _Protocol(_AutoProtocol):
    """Closes a connection whose next head is late; uvicorn has no such deadline.

    Otherwise a client that sends its header byte by byte could keep a connection for
    ever.
    """

    due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Counts from the connection."""
        super().connection_made(transport)
        self._expect(True)

    def data_received(self, data: bytes) -> None:
        """Counts from the first byte of each request."""
        super().data_received(data)
        self._expect(self.cycle is None or self.cycle.response_complete)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the count."""
        self._expect(False)
        super().connection_lost(exc)

    def _expect(self, is_due: bool) -> None:
        """Counts the time to the next head from now on, or from before; or ends it."""
        if is_due and self.due is None:
            self.due = self.loop.call_later(_HEAD_SECONDS, self.transport.close)
        elif not is_due and self.due is not None:
            self.due.cancel()
            self.due = None


def bound(given: settings.Settings) -> socket.socket:
    """Returns the socket that the server listens on.

    Raises:
      errors.UserError: The port is taken, or the address is not available.
    """
    place, is_ipv6 = (given.host, given.port), ":" in given.host
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    try:
        listening = socket.create_server(place, family=family, dualstack_ipv6=is_ipv6)
    except (OSError, ValueError) as error:  # ValueError: there is no IPv6 here
        reason = str(getattr(error, "strerror", error)).partition(" (while")[0]
        raise errors.UserError(
            f"could not listen on {given.host} port {given.port}: {reason}: choose "
            f"another port with --port"
        ) from None
    # Accepted sockets have it from this one: else the body of an answer waits 40 ms
    # for the client to acknowledge its head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def described(given: settings.Settings, port: int) -> list[str]:
    """Returns the lines to print when the server starts."""
    host = f"[{given.host}]" if ":" in given.host else given.host
    address = f"http://{host}:{port}"
    token = " -H 'Authorization: Bearer TOKEN'" if given.token else ""
    logged = f"logged to {given.log}" if given.log else "not logged: see --log"
    users = "" if given.inspect else "; its users are not shown: see --inspect"
    kind = "Content-Type: application/json"
    is_file = isinstance(given.state, pathlib.Path)
    state = f"kept in {given.state if is_file else 'Redis'}"
    return [
        f"loading {given.bundle}",
        f"listening on {address}",
        f"  /                    the page that shows it{users}",
        f"  POST /recommend      and /feedback; {logged}",
        f"  POST /events         {state if given.state else 'not taken: see --state'}",
        "  /v1/models/NAME:predict   TensorFlow Serving's REST API",
        "  /healthz, /status, /metrics",
        f"next: curl {address}/recommend{token} -H '{kind}' -d '{{\"k\": 5}}'",
        "Ctrl-C ends it",
    ]


def token(path: pathlib.Path | None, environment: str | None) -> str | None:
    """Returns the required token; None without one.

    Args:
      path: Path of a file with the token.
      environment: Value of the environment variable.

    Raises:
      errors.UserError: The file cannot be read, or the token is too short.
    """
    if path is None and environment is None:
        return None
    place = "YTDNN_TOKEN" if path is None else str(path)
    try:
        text = (environment or "") if path is None else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text in UTF-8"
        raise errors.UserError(
            f"expected a token in {path}, could not read it: {reason}"
        ) from None
    text = text.strip()
    if len(text) < _SHORTEST or not (text.isascii() and text.isprintable()):
        raise errors.UserError(
            f"expected a token of at least {_SHORTEST} printable ASCII characters in "
            f"{place}, received {len(text)} characters"
        )
    return text
