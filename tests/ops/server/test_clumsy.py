"""What a clumsy client is told, and what it cannot hold open."""

import asyncio
import contextlib
import time
from typing import Any

import numpy as np
import pytest
import uvicorn

from ytdnn.base import schema
from ytdnn.bundle import requests, signatures
from ytdnn.ops.server import models, problems, start

_IDS = signatures.Field(schema.WATCHED_VIDEO_IDS, "int64", "batch, length", 0, "")


def test_a_vector_of_another_length_is_told_both() -> None:
    def never(inputs: Any) -> Any:
        raise AssertionError(inputs)

    rows = [{schema.USER_VECTOR: [0.0] * 3}]
    with pytest.raises(problems.Problem) as caught:
        models._run(never, {}, 9, rows)
    assert caught.value.message == (
        "expected 9 coordinates in each user_vector, received 3"
    )


def test_ids_of_integers_may_come_as_text() -> None:
    fields = {_IDS.name: _IDS}
    given = {_IDS.name: ["9007199254740993", 7, "-1"]}
    found = requests.parse(given, fields)[_IDS.name]
    np.testing.assert_array_equal(found, [[9007199254740993, 7, -1]])
    for text in ("007", "1.0", "", "x", "1e3", "9" * 25):
        with pytest.raises(requests.errors.UserError, match=r"position 0"):
            requests.parse({_IDS.name: [text]}, fields)


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
