"""Bodies that are too large, too slow, broken or hostile: one clear line each."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette import requests as http

from tests.ops.server import conftest
from ytdnn.ops.server import access, problems, settings

PATHS = (
    "/recommend",
    "/feedback",
    "/inspect/answer",
    "/inspect/why",
    f"/v1/models/{conftest.MODEL}:predict",
)
KIND = {"Content-Type": "application/json"}


def send(server: conftest.Server, path: str, body: Any, **headers: str) -> Any:
    return server.client.post(path, content=body, headers=KIND | headers)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"k": "\xff"}', "byte 8 is not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"k": ' + b'{"a": ' * 50_000, "nested too deep"),
        (b'{"k": ' + b"1" * 5_000 + b"}", "a number of too many digits"),
        (b'{"k": 1, "k": 2}', 'received "k" twice'),
        (b'{"k": 1', "expected a body of JSON: line 1, column 8"),
        (b"null", "expected a JSON object, received null"),
        (b"", "expected a body of JSON"),
        (b"\xef\xbb\xbf[1]", "expected a JSON object, received [1]"),
    ],
)
def test_what_is_no_json_object(
    server: conftest.Server, path: str, body: bytes, expected: str
) -> None:
    answer = send(server, path, body)
    assert answer.status_code == 400
    assert expected in answer.json()["error"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"time": NaN}', "expected an integer in request key time, received NaN"),
        ('{"age": NaN}', "expected years of 0 to 150"),
        ('{"age": ' + "9" * 400 + "}", "expected years of 0 to 150"),
        ('{"time": ' + "9" * 400 + "}", "expected seconds since 1970"),
        ('{"k": NaN}', "expected k to be an integer of 0 to 1,000"),
        ('{"k": -1}', "expected k to be an integer of 0 to 1,000"),
        ('{"user_id": true}', "expected user_id to be an integer of 64 bits or a"),
        ('{"user_id": ""}', "text of 1 to 256 characters"),
        ('{"user_id": "\\ud800"}', "text of 1 to 256 characters"),
        ('{"user_id": ' + "9" * 30 + "}", "an integer of 64 bits"),
        ('{"country": "\\ud800"}', "expected text of whole Unicode characters"),
        ('{"watched_videos": []}', "did you mean watched_video_ids?"),
        (
            json.dumps({"exclude_ids": ["v"] * 10_001}),
            "expected at most 10,000 values in request key exclude_ids",
        ),
    ],
)
def test_what_is_no_request(server: conftest.Server, given: str, expected: str) -> None:
    answer = send(server, "/recommend", given.encode())
    assert answer.status_code == 400
    assert expected in answer.json()["error"]
    assert len(answer.json()["error"]) <= 500


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 2**16):
        yield b" " * 2**16


@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_a_hundred_megabytes(server: conftest.Server, path: str) -> None:
    for body in (b" " * 100_000_000, pieces(100_000_000)):
        answer = send(server, path, body)
        assert answer.status_code == 413
        assert "at most 4,194,304 bytes" in answer.json()["error"]


def test_a_body_that_is_compressed_is_refused(server: conftest.Server) -> None:
    answer = send(server, "/recommend", b"{}", **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_large_request_that_is_allowed(server: conftest.Server) -> None:
    """Parsed beside the event loop, and answered."""
    asked = {"watched_video_ids": ["v1"] * 9_000, "k": 3}
    answer = send(server, "/recommend", json.dumps(asked).encode())
    assert answer.status_code == 200
    assert len(answer.json()["videos"]) == 3


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/recommend", "GET", "POST"),
        ("/users/u", "GET", "DELETE"),
        ("/docs", "GET", None),
        ("/x", "POST", None),
    ],
)
def test_errors_are_ours_and_not_the_frameworks(
    server: conftest.Server, path: str, method: str, allowed: str | None
) -> None:
    answer = server.client.request(method, path, headers=KIND)
    assert answer.status_code == (405 if allowed else 404)
    assert answer.headers.get("allow") == allowed
    told = f" (allowed: {allowed})" if allowed else ""
    assert answer.json() == {"error": f"Malformed request: {method} {path}{told}"}


@pytest.mark.parametrize(("num_pieces", "num_read"), [(3, 3), (100, 34)])
def test_the_rest_of_a_large_body_is_read_and_not_kept(
    num_pieces: int, num_read: int
) -> None:
    """Some clients read no answer before they have sent their body."""
    sent = []

    async def receive() -> dict[str, Any]:
        sent.append(b" " * 500)
        more = len(sent) < num_pieces
        return {"type": "http.request", "body": sent[-1], "more_body": more}

    request = http.Request({"type": "http", "method": "POST", "headers": []}, receive)
    limits = settings.Limits(body_bytes=1_000 + 62)
    with pytest.raises(problems.Problem, match="at most 1,062 bytes") as error:
        asyncio.run(access.body(request, limits))
    assert error.value.status == problems.TOO_LARGE
    assert len(sent) == num_read


def test_a_slow_body_is_given_up() -> None:
    """One that comes by and by, and one that stops."""

    async def by_and_by() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def never() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError

    limits = settings.Limits(body_seconds=0.2)
    scope = {"type": "http", "method": "POST", "headers": []}
    for receive in (by_and_by, never):
        request = http.Request(scope, receive)
        with pytest.raises(problems.Problem, match="the whole body within") as e:
            asyncio.run(access.body(request, limits))
        assert e.value.status == problems.TOO_SLOW
