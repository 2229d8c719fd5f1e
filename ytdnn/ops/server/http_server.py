"""Runs uvicorn on a bound socket."""

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType

import uvicorn

from ytdnn.ops.server import app, deadlines
from ytdnn.ops.server import parts as parts_room

# Longer than clients and proxies keep a connection that they do not use.
IDLE_SECONDS = 75
GRACE_SECONDS = 10  # for requests at hand
BACKLOG = 2_048


class Listener(socket.socket):
    """A listening socket that several processes may share.

    asyncio accepts as many connections at once as the backlog it is passed: here one,
    so that waiting processes share connections. The socket's own backlog does not
    change.
    """

    def listen(self, backlog: int = BACKLOG) -> None:
        """Listens with the socket's own backlog, whatever is passed."""
        del backlog
        super().listen(BACKLOG)


def make(parts: parts_room.ServerParts) -> uvicorn.Server:
    """Returns the server of some parts; `should_exit` ends it."""
    return uvicorn.Server(
        uvicorn.Config(
            app.application(parts),
            http=deadlines.protocol(parts.given.limits.header_seconds),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws="none",
            backlog=BACKLOG if parts.given.processes == 1 else 1,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=IDLE_SECONDS,
        )
    )


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Context that ends at SIGTERM or Ctrl-C without an error.

    uvicorn first answers pending requests, and then raises the signal again.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
