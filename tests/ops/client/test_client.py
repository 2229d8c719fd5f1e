"""The clients of `ytdnn serve`: answers as types, refusals, what is sent again."""

import asyncio
import datetime
import email.utils
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from ytdnn.ops import client

ADDRESS = "http://server"
QUICK = client.Retries(most=3, first_seconds=0.01)
ANSWER = {"request_id": "r", "version": 2, "doubts": [], "milliseconds": {}}
VIDEO = {"rank": 1, "video_id": "v1", "title": None, "score": 2.5, "liked": 0.25}


class Server:
    """Answers by a list of replies, and keeps the requests."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        status, body, headers = reply
        return httpx2.Response(status, json=body, headers=headers)

    def blocking(self, **more: Any) -> client.Client:
        http = httpx2.Client(base_url=ADDRESS, transport=httpx2.MockTransport(self))
        return client.Client(ADDRESS, http=http, retries=QUICK, **more)

    def asynchronous(self, **more: Any) -> client.AsyncClient:
        transport = httpx2.MockTransport(self)
        http = httpx2.AsyncClient(base_url=ADDRESS, transport=transport)
        return client.AsyncClient(ADDRESS, http=http, retries=QUICK, **more)


def ok() -> tuple[int, Any, dict[str, str]]:
    return 200, ANSWER | {"videos": [VIDEO]}, {}


def full(after: str) -> tuple[int, Any, dict[str, str]]:
    return 503, {"error": "requests wait"}, {"Retry-After": after}


def blocking(server: Server, **more: Any) -> client.Answer:
    with server.blocking(**more) as asked:
        return asked.recommend(watched_video_ids=["v3"], k=1, exclude_ids=["v2"])


def asynchronous(server: Server, **more: Any) -> client.Answer:
    async def main() -> client.Answer:
        async with server.asynchronous(**more) as asked:
            return await asked.recommend(
                watched_video_ids=["v3"], k=1, exclude_ids=["v2"]
            )

    return asyncio.run(main())


Ask = Callable[..., client.Answer]
BOTH = pytest.mark.parametrize("ask", [blocking, asynchronous])


@BOTH
def test_an_answer_is_typed_and_a_request_tells_its_deadline(ask: Ask) -> None:
    server = Server(ok())
    answer = ask(server, token="t" * 16, timeout_seconds=3.0)
    (video,) = answer.videos
    assert (video.video_id, video.score, video.outcomes) == ("v1", 2.5, {"liked": 0.25})
    assert video.expected_watch_seconds is None
    assert (answer.request_id, answer.version) == ("r", 2)
    (request,) = server.requests
    assert json.loads(request.content) == {
        "k": 1,
        "watched_video_ids": ["v3"],
        "exclude_ids": ["v2"],
    }
    assert request.headers["authorization"] == f"Bearer {'t' * 16}"
    assert 2_000 < float(request.headers["x-timeout-ms"]) <= 3_000
    assert len(request.headers["x-request-id"]) == 32


@BOTH
def test_what_is_refused_for_want_of_time_is_sent_again(ask: Ask) -> None:
    server = Server(full("0.2"), httpx2.ReadError("reset"), full("0"), ok())
    assert ask(server).version == 2
    ids = {request.headers["x-request-id"] for request in server.requests}
    assert len(server.requests) == 4
    assert len(ids) == 1
    left = [float(request.headers["x-timeout-ms"]) for request in server.requests]
    assert left[0] - left[1] >= 200  # as Retry-After says


@BOTH
def test_a_call_ends_in_its_time(ask: Ask) -> None:
    server = Server(full("60"))
    with pytest.raises(client.ServerError, match="requests wait") as caught:
        ask(server, timeout_seconds=1.0)
    assert caught.value.status == 503
    assert caught.value.request_id == server.requests[0].headers["x-request-id"]
    with pytest.raises(client.ServerError, match="no answer within 5 s") as caught:
        ask(Server(httpx2.ReadTimeout("late")))
    assert caught.value.status == 0
    with pytest.raises(client.ServerError, match="requests wait"):
        ask(Server(*[full("0")] * 4))


@BOTH
def test_other_refusals_are_told_at_once(ask: Ask) -> None:
    server = Server((400, {"error": "expected k"}, {}))
    with pytest.raises(client.ServerError, match=r"expected k \(status 400"):
        ask(server)
    assert len(server.requests) == 1


def test_retry_after_may_be_a_date() -> None:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30)
    header = {"Retry-After": email.utils.format_datetime(at, usegmt=True)}
    response = httpx2.Response(503, headers=header)
    assert 28 <= client.Retries().pause(0, response) <= 30
    assert client.Retries().pause(0, httpx2.Response(503)) <= 0.1
    assert client.Retries().pause(30, None) >= 2.5


def test_a_client_imports_no_tensorflow() -> None:
    code = (
        "import sys, ytdnn.ops.client;"
        "sys.exit(bool({'tensorflow', 'polars', 'numpy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
