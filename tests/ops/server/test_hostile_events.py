"""Hostile events, bodies and ids for the live state: each is answered in a line."""

import collections
import json
import pathlib
import random
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from starlette import testclient

from tests.ops.server import conftest, test_fuzzed
from ytdnn.base import schema, table_schemas
from ytdnn.ops.server import app

JSON = {"Content-Type": "application/json"}
NAMES = [
    *(name for table in table_schemas.TABLES.values() for name in table.names),
    *("kind", "id", "request_id", "genre", "stars", "segment", "points", "\ud800", ""),
    *("train_count", "video_ids", "received", "__proto__"),
]
GOOD: tuple[dict[str, Any], ...] = (
    {"kind": "video", "video_id": "fresh", "title": "A", "genre": "fun", "stars": 1},
    {"kind": "user", "user_id": "u1", "id": "seen", "segment": "new", "age": 30},
    {"kind": "outcome", "request_id": "r", "video_id": "v1", "liked": True},
    {"kind": "search", "user_id": "u1", "time": 5, "query": "live"},
)
TEXTS = (
    *("", "[]", "[[]]", "[null]", "null", "{", '{"kind": "video"', "[{}]", '"x"', "0"),
    "[" * 50_000,
    '{"kind": ' * 9_000,
    '{"kind": "video", "stars": NaN, "video_id": "fresh"}',
    '{"kind": "video", "stars": 1e999, "video_id": "fresh"}',
    '{"kind": "video", "stars": ' + "9" * 5_000 + ', "video_id": "fresh"}',
    '{"kind": "video", "kind": "user", "video_id": "fresh"}',
    '{"kind": "video", "video_id": "\\ud800"}',
    json.dumps([GOOD[0]] * 10_001),
    json.dumps([{}] * 100_000),
    json.dumps(GOOD[0] | {"title": "x" * 2_000_000}),
    json.dumps(GOOD[0] | {"title": "x" * 5_000_000}),
)
IDS = (
    *("", "/", "//", "..", "%00", "%ff", "%ed%a0%80", "a" * 257, "a" * 5_000, "%0a"),
    *("'; DROP TABLE events; --", "*", "?", "%2e%2e%2f", "nobody", "東京", "ytdnn:log"),
)


def mutated(rng: random.Random) -> Any:
    """Returns good events of which something is odd."""
    batch = [dict(rng.choice(GOOD)) for _ in range(rng.choice([1, 1, 3]))]
    event = rng.choice(batch)
    for _ in range(rng.randint(1, 3)):
        event[rng.choice(NAMES)] = rng.choice(test_fuzzed.ODD)
    if rng.random() < 0.3:
        event.pop(rng.choice(list(event)))
    return batch if len(batch) > 1 else event


def requests(rng: random.Random) -> Iterator[tuple[str, str, bytes, str]]:
    """Yields method, path, body and type."""
    kind = JSON["Content-Type"]
    for number in range(1_000):
        text = json.dumps(mutated(rng)).encode()
        if number % 5 == 0:
            text = test_fuzzed.scrambled(rng, mutated(rng))
        yield "POST", "/events", text, kind
    for text in TEXTS:
        yield "POST", "/events", text.encode(), kind
    for other in ("text/plain", "", "application/x-www-form-urlencoded", "image/png"):
        yield "POST", "/events", json.dumps(GOOD[0]).encode(), other
    for name in IDS:
        yield "DELETE", f"/users/{urllib.parse.quote(name, safe='%/')}", b"", kind
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        yield method, "/events", b"{}", kind
        yield "POST", "/users/u1", b"{}", kind


def test_hostile_events_are_answered_in_a_line(
    workdir: pathlib.Path, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = app.Server(conftest.made(workdir, state=tmp_path / "state.db", log=None))
    client = testclient.TestClient(app.application(parts), conftest.ADDRESS)
    statuses = collections.Counter[int]()
    for method, path, body, kind in requests(random.Random(0)):
        before = len(parts.state.store.since(0, 10**6))
        headers = {"Content-Type": kind}
        answer = client.request(method, path, content=body, headers=headers)
        status, told = answer.status_code, answer.json()
        statuses[status] += 1
        stored = len(parts.state.store.since(0, 10**6)) - before
        if status == 200:
            assert stored == told.get("stored", -told.get("removed", 0))
            continue
        assert status in (400, 404, 405, 413, 415), (body[:200], answer.text)
        assert stored == 0
        assert list(told) == ["error"]
        assert 0 < len(told["error"]) <= 500
        assert told["error"].isprintable()
        assert "Traceback" not in told["error"]
    assert min(statuses[200], statuses[400]) > 30
    assert not [one for one in caplog.records if one.exc_info]
    # No user is removed but by an id.
    told = {**GOOD[2], "request_id": "kept"}
    assert client.post("/events", json=told).json()["stored"] == 1
    for path in ("/users/", "/users"):
        assert client.delete(path).status_code in (400, 404)
    assert client.post("/events", json=told).json()["known"] == 1
    assert client.post("/recommend", json={schema.USER_ID: "u1"}).status_code == 200
