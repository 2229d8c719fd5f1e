"""One of several processes of a server: serves the version that all agreed on.

Its supervisor tells it, through a pipe, which version to prepare and when to serve it.
It ends when it is told to, or when the supervisor is gone.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from multiprocessing import connection

from ytdnn.base import errors
from ytdnn.ops.server import agreement, http_server, settings, start
from ytdnn.ops.server import parts as parts_room

_LOG = logging.getLogger("ytdnn.ops.server")


def run(
    given: settings.Settings,
    listening: http_server.Listener,
    link: connection.Connection,
) -> None:
    """Serves until it is told to end.

    Args:
      given: The settings.
      listening: Socket that all processes listen on.
      link: Pipe to the supervisor.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.enable()
    with http_server.interruptible():
        parts = _first(given, listening, link)
        if parts is None:
            return
        server = http_server.make(parts)

        def end() -> None:
            server.should_exit = True

        parts.follow = lambda: _follow(parts, link, end)
        server.run(sockets=[listening])


def _first(
    given: settings.Settings,
    listening: http_server.Listener,
    link: connection.Connection,
) -> parts_room.ServerParts | None:
    """Returns the parts that serve the first version; None without a supervisor."""
    parts = None
    while True:
        try:
            message = link.recv()
        except EOFError:
            return None
        if isinstance(message, agreement.Prepare):
            if parts is not None:
                parts.served.close()
            try:
                parts = parts_room.make(given, _LOG.info, message.number)
                parts.served.load_every()
            except (errors.UserError, OSError) as error:
                link.send(agreement.Failed(message.number, str(error)))
                continue
            port = listening.getsockname()[1]
            lines = start.described(given, parts.served.current, port)
            link.send(agreement.Prepared(message.number, tuple(lines)))
        elif isinstance(message, agreement.Commit):
            return parts


async def _follow(
    parts: parts_room.ServerParts,
    link: connection.Connection,
    end: Callable[[], None],
) -> None:
    """Executes messages of the supervisor, until it is cancelled."""
    loop = asyncio.get_running_loop()
    messages: asyncio.Queue[agreement.Message] = asyncio.Queue()

    def read() -> None:
        try:
            while link.poll():
                message = link.recv()
                if isinstance(message, agreement.Processes):
                    parts.processes = message.versions  # also while a version loads
                else:
                    messages.put_nowait(message)
        except (EOFError, OSError):
            loop.remove_reader(link.fileno())
            end()

    loop.add_reader(link.fileno(), read)
    try:
        while True:
            answered = await _done(parts, await messages.get())
            if answered is not None:
                link.send(answered)
    finally:
        loop.remove_reader(link.fileno())


async def _done(
    parts: parts_room.ServerParts, message: agreement.Message
) -> agreement.Prepared | agreement.Failed | None:
    """Executes a message, and returns the answer to it."""
    served = parts.served
    match message:
        case agreement.Prepare(number):
            reason = await served.prepare(number)
            if reason is None:
                return agreement.Prepared(number)
            return agreement.Failed(number, reason)
        case agreement.Commit():
            served.commit()
        case agreement.Refuse(number, reason):
            served.refuse(number, reason)
    return None
