"""A client cannot hold a connection open by a head that never ends."""

import asyncio
import contextlib
import time
from typing import Any

import pytest
import uvicorn

from ytdnn.ops.server import start


async def _held(pieces: list[bytes], pause: float) -> tuple[float, bytes]:
    """Sends pieces to a server whose heads must be whole within .3 s."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        head = {"type": "http.response.start", "status": 200, "headers": []}
        await send(head)
        await send({"type": "http.response.body", "body": b"ok"})

    config = uvicorn.Config(
        app, port=0, lifespan="off", log_config=None, http=start._Protocol
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    for piece in pieces:
        with contextlib.suppress(ConnectionError):
            writer.write(piece)
            await writer.drain()
        await asyncio.sleep(pause)
    try:
        answer = await asyncio.wait_for(reader.read(), 5.0)
    except ConnectionError:
        answer = b""
    seconds = time.monotonic() - began
    server.should_exit = True
    writer.close()
    await running
    return seconds, answer


@pytest.fixture(autouse=True)
def deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_HEAD_SECONDS", 0.3)


def test_a_head_sent_byte_by_byte_has_a_deadline() -> None:
    seconds, answer = asyncio.run(_held([b"G", b"E"] + [b"T"] * 8, 0.1))
    assert answer == b""
    assert seconds < 3.0


def test_a_second_head_has_one_too() -> None:
    whole = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    _, answer = asyncio.run(_held([whole, b"GET / HT"], 0.05))
    assert answer.count(b"200 OK") == 1
