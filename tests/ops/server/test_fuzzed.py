"""Random mutations of good requests: one clear line each, and answers as before."""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from tests.ops.server import conftest

ODD = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**400,
    1.5,
    1e308,
    float("nan"),
    float("-inf"),
    "",
    "v1",
    "\ud800",
    "\0",
    "🎸" * 300,
    [],
    [[]],
    [None],
    ["v1"] * 3,
    [1, "a"],
    {},
    {"b64": "djE="},
    {"b64": "?"},
    {"b64": 3},
    {"a": {"b": []}},
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Returns container and key of everything inside a value."""
    keys: Any = range(len(value)) if isinstance(value, list) else list(value)
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], list | dict):
            found += places(value[key])
    return found


def restructured(rng: random.Random, body: dict[str, Any]) -> bytes:
    """Changes, drops, doubles or renames something inside a request."""
    body = json.loads(json.dumps(body))
    for _ in range(rng.randint(1, 3)):
        container, key = rng.choice(places(body) or [(body, "k")])
        choice = rng.random()
        if choice < 0.6:
            container[key] = copy.deepcopy(rng.choice(ODD))
        elif choice < 0.75 and isinstance(container, dict):
            container.pop(key, None)
        elif choice < 0.9 and isinstance(container, list):
            container.extend(container[: rng.randint(0, 3)])
        elif isinstance(container, dict) and key in container:
            container[f"{key}{rng.choice('sx_ ')}"] = container.pop(key)
    return json.dumps(body).encode()


def scrambled(rng: random.Random, body: dict[str, Any]) -> bytes:
    """Changes, drops or repeats bytes of a request's text."""
    text = bytearray(json.dumps(body).encode())
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text))
        stop = start + rng.randint(0, 8)
        choice = rng.random()
        if choice < 0.4:
            text[start : start + 1] = bytes([rng.randrange(256)])
        elif choice < 0.7:
            del text[start:stop]
        else:
            text[start:start] = text[start:stop] * rng.randint(1, 3)
        text = text or bytearray(b"{")
    return bytes(text)


def fuzz(server: conftest.Server, number: int, seed: int) -> None:
    rng = random.Random(seed)
    row = server.filled()
    columns = {name: [value, value] for name, value in row.items()}
    predict = f"/v1/models/{conftest.MODEL}:predict"
    feedback = {"request_id": "0" * 32, "video_id": "v1", "clicked": True}
    good: list[tuple[str, dict[str, Any]]] = [
        (predict, {"instances": [row]}),
        (predict, {"inputs": columns}),
        ("/recommend", server.request(k=3, user_id="u1")),
        ("/inspect/answer", server.request(k=3, user_id="u1")),
        ("/inspect/why", server.request(video_id="v1")),
        ("/feedback", feedback | {"watch_seconds": 3.0}),
    ]
    before = answers(server, good)
    mutate: tuple[Callable[..., bytes], ...] = (restructured, scrambled)
    statuses = set()
    for _ in range(number):
        path, body = rng.choice(good)
        text = rng.choice(mutate)(rng, body)
        kind = {"Content-Type": "application/json"}
        answer = server.client.post(path, content=text, headers=kind)
        statuses.add(answer.status_code)
        assert answer.status_code in (200, 400, 404), (text, answer.text)
        if answer.status_code != 200:
            assert list(answer.json()) == ["error"]
            line = answer.json()["error"]
            assert 0 < len(line) <= 500
            assert line.isprintable(), line
            assert "Traceback" not in line
    assert {200, 400} <= statuses
    assert answers(server, good) == before


def answers(server: conftest.Server, good: list[tuple[str, dict[str, Any]]]) -> list:
    found = []
    for path, body in good:
        answer = server.post(path, body)
        assert answer.status_code == 200, answer.text
        kept = ("predictions", "outputs", "videos", "candidates", "features")
        found.append({k: v for k, v in answer.json().items() if k in kept})
    return found


def test_some_mutations(server: conftest.Server) -> None:
    fuzz(server, 300, seed=0)
