"""Starts the server: binds its port, loads the bundle, prints its addresses."""

import logging
import pathlib
import socket
from collections.abc import Callable

from ytdnn.base import errors
from ytdnn.bundle import versions
from ytdnn.ops.server import http_server, models, processes, settings
from ytdnn.ops.server import parts as parts_room

_SHORTEST = 16  # characters of a token

Say = Callable[[str], None]


def run(given: settings.Settings, say: Say) -> None:
    """Serves until it is interrupted.

    Args:
      given: The settings.
      say: Function that is called with each message.

    Raises:
      errors.UserError: The port is taken, or the bundle cannot be served.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    if not versions.newest(given.bundle):
        raise errors.UserError(
            f"expected a bundle in {given.bundle}, found none: make it first (ytdnn "
            f"export)"
        )
    with bound(given) as listening:
        say(f"loading {given.bundle}")
        with http_server.interruptible():
            if given.processes > 1:
                processes.Supervisor(given, listening, say).run()
            else:
                _serve(given, listening, say)
        say("stopped")


def _serve(given: settings.Settings, listening: http_server.Listener, say: Say) -> None:
    """Serves from this process."""
    parts = parts_room.make(given, say)
    port = listening.getsockname()[1]
    for line in described(given, parts.served.current, port):
        say(line)
    http_server.make(parts).run(sockets=[listening])


def bound(given: settings.Settings) -> http_server.Listener:
    """Returns the socket that the server listens on.

    Raises:
      errors.UserError: The port is taken, or the address is not available.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            given.host, given.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise errors.UserError(
            f"expected --host to be an address of this machine, received "
            f"{given.host}: {error.strerror}"
        ) from None
    # With its protocol named, asyncio sends the parts of an answer without delay:
    # else its body waits 40 ms for the client to acknowledge its head.
    found = http_server.Listener(family, kind, protocol)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(address)
        found.listen()
    except OSError as error:
        found.close()
        raise errors.UserError(
            f"could not listen on {given.host} port {given.port}: {error.strerror}: "
            f"choose another port with --port"
        ) from None
    return found


def described(
    given: settings.Settings, version: models.Version, port: int
) -> list[str]:
    """Returns the lines to print when the server is ready."""
    host = f"[{given.host}]" if ":" in given.host else given.host
    address = f"http://{host}:{port}"
    token = " -H 'Authorization: Bearer TOKEN'" if given.token else ""
    logged = f"logged to {given.log}" if given.log else "not logged: see --log"
    users = "users of the prepared set are shown"
    if not given.inspect:
        users = "users of the prepared set are not shown: see --inspect"
    kind = "Content-Type: application/json"
    catalogue = version.bundle.manifest.facts["catalogue"]
    return [
        f"serving version {version.number}, {catalogue:,} videos: "
        f"{', '.join(version.graphs)}",
        f"listening on {address}",
        f"  /                    the page that shows it; {users}",
        f"  POST /recommend      and /feedback; {logged}",
        f"  /v1/models/{version.recommender}:predict   TensorFlow Serving's REST API",
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
    where = "YTDNN_TOKEN" if path is None else str(path)
    try:
        text = (environment or "") if path is None else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text in UTF-8"
        raise errors.UserError(
            f"expected a token in {path}, could not read it: {reason}"
        ) from None
    found = text.strip()
    if len(found) < _SHORTEST or not (found.isascii() and found.isprintable()):
        raise errors.UserError(
            f"expected a token of at least {_SHORTEST} printable ASCII characters in "
            f"{where}, found {len(found)} characters"
        )
    return found
