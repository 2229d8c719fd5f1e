"""Hostile bodies and paths, by rule: an answer of JSON each, an error in one line."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from tests.ops.server import conftest

_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**63,
    1.5,
    "",
    "5",
    "x" * 5_000,
    [],
    [[]],
    [None],
    [1],
    ["v1", 1],
    {},
    {"b64": "?"},
)
_KEYS = ("k", "user_id", "watched_video_ids", "watch_times", "time", "exclude_ids")
_PATHS = ("/recommend", "/inspect/answer")
_BODIES = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"{",
    b'{"k": 1,}',
    b"{'k': 1}",
    b'{"k": NaN}',
    b'{"k": 1e999}',
    b'{"k": 1} {}',
    b'{"k": 01}',
    b'{"\xff": 1}',
    b"\xef\xbb\xbf{}",
    '{"k": 5}'.encode("utf-16"),
    b'{"k": ' + b"[" * 5_000,
    b'{"k": 1, "k": 2}',
    b'{"": 1}',
    b'{"k": "\\ud800"}',
    b'{"k": 5}\0',
    b"\0" * 100,
)
_NAMES = ("..", "%2e%2e", "nosuch", "recommender_exact%00", "a" * 3_000, "é", " ", "*")


def _cases(server: conftest.Server) -> Iterator[tuple[str, str, bytes | None]]:
    request = server.request()
    for path, key, value in itertools.product(_PATHS, _KEYS, _VALUES):
        yield "POST", path, json.dumps(request | {key: value}).encode()
    model = "/v1/models/recommender_exact:predict"
    for path, body in itertools.product((*_PATHS, "/feedback", model), _BODIES):
        yield "POST", path, body
    for name in _NAMES:
        yield "POST", f"/v1/models/{name}:predict", b'{"instances": [{}]}'
        yield "GET", f"/v1/models/{name}/metadata", None
        yield "GET", f"/v1/models/recommender_exact/versions/{name}", None
        yield "GET", f"/inspect/users?query={name}", None
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "HEAD"):
        for path in (*_PATHS, "/feedback", "/healthz", "/nosuch"):
            yield method, path, None


def _wrong(found: Any, method: str) -> str:
    """Returns what is wrong with an answer, empty where nothing is."""
    if found.status_code >= 500:
        return f"status {found.status_code}: {found.text[:200]}"
    if method in ("HEAD", "OPTIONS", "TRACE"):
        return ""
    if "Traceback" in found.text or "tensorflow" in found.text.lower():
        return found.text[:200]
    if found.status_code >= 400:
        error = found.json().get("error")
        if not isinstance(error, str) or "\n" in error or not error:
            return f"no line of an error: {found.text[:200]}"
    return ""


def test_every_hostile_request_has_an_answer(server: conftest.Server) -> None:
    failures, number = [], 0
    for method, path, body in _cases(server):
        number += 1
        headers = {"Content-Type": "application/json"}
        found = server.client.request(method, path, content=body, headers=headers)
        wrong = _wrong(found, method)
        if wrong:
            failures.append(f"{method} {path[:60]} {(body or b'')[-60:]!r}: {wrong}")
    assert number > 300
    assert failures == []
    assert server.post("/recommend", server.request(k=3)).status_code == 200
