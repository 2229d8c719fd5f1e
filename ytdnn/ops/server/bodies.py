"""Bodies of requests: read within limits of size and time, decompressed, parsed."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any

from starlette import requests as http

from ytdnn.bundle import requests
from ytdnn.ops.server import problems, records, settings

_GZIP = 16 + zlib.MAX_WBITS
_LONG = 2**14  # bytes that are parsed beside the event loop, not in it


async def read(request: http.Request, limits: settings.Limits) -> dict[str, Any]:
    """Returns the JSON object in the body of a request.

    Raises:
      problems.Problem: The body is too large, too slow, or no JSON object.
      errors.UserError: An object has a key twice.
    """
    started = time.perf_counter()
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _whole(request, limits.body_bytes)
    except TimeoutError:
        raise problems.Problem(
            problems.TOO_SLOW,
            f"expected the whole body within {limits.body_seconds:g} s",
        ) from None
    except http.ClientDisconnect:
        raise problems.bad(
            "the client closed the connection before its body was complete"
        ) from None
    records.current().add("body", started, time.perf_counter() - started)
    if len(body) < _LONG:
        return _object(body)
    return await asyncio.to_thread(_object, body)


async def _whole(request: http.Request, most: int) -> bytes:
    """Returns the body, decompressed, as soon as it is whole."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    pieces, size = [], 0
    async for piece in _decompressed(request, most):
        size += len(piece)
        if size > most:
            raise _too_large(most)
        pieces.append(piece)
    return b"".join(pieces)


async def _decompressed(request: http.Request, most: int) -> AsyncIterator[bytes]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        async for piece in request.stream():
            yield piece
        return
    if encoding != "gzip":
        raise problems.Problem(
            problems.WRONG_TYPE,
            f"expected Content-Encoding gzip or none, received {encoding}",
        )
    gunzip = zlib.decompressobj(_GZIP)
    async for piece in request.stream():
        try:
            # One byte more than is allowed tells a bomb without unpacking it.
            yield gunzip.decompress(piece, most + 1)
        except zlib.error:
            raise problems.bad(
                "expected a body in gzip, found something else"
            ) from None
        if gunzip.unconsumed_tail:
            raise _too_large(most)
    if not gunzip.eof:
        raise problems.bad("expected a body in gzip, found only its beginning")


def _too_large(most: int) -> problems.Problem:
    return problems.Problem(
        problems.TOO_LARGE,
        f"expected a body of at most {most:,} bytes, decompressed, received more",
    )


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        raise problems.bad("JSON Parse error: The document is empty")
    try:
        found = requests.loads(body)
    except ValueError as error:
        raise problems.bad(f"JSON Parse error: {error}") from None
    if not isinstance(found, dict):
        shown = body[:60].decode(errors="replace")
        raise problems.bad(f"JSON Value: {shown} Is not object")
    return found
