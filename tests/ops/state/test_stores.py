"""Stores of events: durable, idempotent, shared, pruned, and rid of a user."""

import concurrent.futures
import contextlib
import importlib.util
import os
import pathlib
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl
import pytest

from ytdnn.base import errors
from ytdnn.ops.state import posted_events, redis_store, sqlite_store, store


def watch(
    number: int, user: str = "u", video: str = "v", at: int = 0
) -> posted_events.Event:
    columns = {"kind": "watch", "user_id": user, "video_id": video, "time": at}
    return posted_events.EventReader(pl.String()).read(
        columns | {"id": f"e{number}"}, 0.0
    )


class Place(NamedTuple):
    """A store's place, and the directory of its files."""

    address: str
    files: pathlib.Path

    def open(self) -> store.Store:
        return opened(self.address)


def opened(address: str) -> store.Store:
    if address.startswith(redis_store.SCHEMES):
        return redis_store.RedisStore(address)
    return sqlite_store.Database(pathlib.Path(address))


@contextlib.contextmanager
def redis_server(directory: pathlib.Path, *flags: str) -> Iterator[int]:
    """Yields the port of a server of Redis, with its files in a directory."""
    program = shutil.which("redis-server")
    if program is None or importlib.util.find_spec("redis") is None:
        pytest.skip("NOT TESTED: redis-server or the package redis is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = ("--port", str(port), "--dir", str(directory), "--save", "", *flags)
    process = subprocess.Popen([program, *given], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), 1),
            ):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("redis")
    with redis_server(directory, *DURABLE) as port:
        yield Place(f"redis://127.0.0.1:{port}", directory)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "state.db"


@pytest.fixture(params=["file", "redis"])
def place(request: Any, path: pathlib.Path) -> Place:
    if request.param == "file":
        return Place(str(path), path.parent)
    found: Place = request.getfixturevalue("redis")
    made = found.open()
    assert isinstance(made, redis_store.RedisStore)
    made._redis.flushdb()
    made.close()
    return found


@pytest.fixture
def state(place: Place) -> Iterator[store.Store]:
    opened = place.open()
    yield opened
    opened.close()


def test_an_event_is_stored_once(state: store.Store) -> None:
    assert state.add([watch(1), watch(2), watch(1)]).result() == (2, 1)
    assert state.add([watch(2)]).result() == (0, 1)
    assert [event.id for event in state.user_events("u")] == ["e1", "e2"]


def test_an_id_of_another_event_refuses_the_whole_batch(state: store.Store) -> None:
    state.add([watch(1)]).result()
    with pytest.raises(errors.UserError, match="the id 'e1' to be the one that was"):
        state.add([watch(7), watch(1, video="other")]).result()
    assert [event.id for event in state.user_events("u")] == ["e1"]
    assert state.add([watch(7)]).result() == (1, 0)


def test_events_are_in_order_of_time_whenever_they_came(state: store.Store) -> None:
    state.add([watch(1, at=9), watch(2, at=3), watch(3, at=9)]).result()
    assert [event.id for event in state.user_events("u")] == ["e2", "e1", "e3"]
    assert [event.id for _, event in state.since(0, 2)] == ["e1", "e2"]
    place = state.since(0, 2)[-1][0]
    assert [event.id for _, event in state.since(place, 9)] == ["e3"]


def test_new_videos_are_read_alone_and_pruned(state: store.Store) -> None:
    videos = [
        posted_events.Event(
            f"n{n}", posted_events.VIDEO, "", "", n, 0.0, f'{{"video_id":"v{n}"}}'
        )
        for n in range(3)
    ]
    state.add([watch(1), *videos[:2], watch(2, at=50), videos[2]]).result()
    first, second = state.since(0, 2, videos=True)
    assert [first[1], second[1]] == videos[:2]
    assert state.since(second[0], 9, videos=True) == state.since(0, 9)[-1:]
    assert state.prune(2, received=1.0) == 2
    assert [e.id for _, e in state.since(0, 9, videos=True)] == ["n2"]
    assert state.remove_user("u") == 2
    assert len(state.since(0, 9)) == 1


_WRITER = """
import sys
from tests.ops.state import test_stores
state, watch = test_stores.opened(sys.argv[1]), test_stores.watch
futures = [state.add([watch(n)]) for n in range(int(sys.argv[2]), 300, 2)]
futures += [state.add([watch(n)]) for n in range(300, 330)]
print(sum(future.result().stored for future in futures))
state.close()
"""


def test_two_processes_share_a_state(place: Place) -> None:
    first, other = (
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, place.address, str(number)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for number in (0, 1)
    )
    assert sum(int(process.communicate()[0]) for process in (first, other)) == 330
    state = place.open()
    assert len(state.user_events("u")) == 330
    state.close()


def test_old_events_are_pruned_but_the_last_of_a_user(state: store.Store) -> None:
    num = store.LAST_EVENTS
    old = [watch(n, "busy", at=n) for n in range(num + 50)]
    click = {"kind": "click", "video_id": "v", "time": 1}
    reader = posted_events.EventReader(pl.String())
    slate = posted_events.slate("r", "idle", 1, 0.0, {"video_ids": ["v"]})
    clicks = [reader.read(click | {"request_id": name}, 0.0) for name in ("r", "gone")]
    state.add([*old, watch(900, "idle", at=3), slate, *clicks]).result()
    assert state.prune(num + 40, received=0.0) == 0  # they came after the log
    assert state.prune(num + 40, received=1.0) == 50 + 1
    assert [event.time for event in state.user_events("busy")] == [*range(50, num + 50)]
    assert len(state.user_events("idle")) == 3
    assert state.prune(0, received=1.0) == 0


def test_a_removed_user_is_in_no_file(state: store.Store, place: Place) -> None:
    rng = random.Random(0)
    users = [f"somebody-{n:03d}" for n in range(60)]
    for start in range(0, 6_000, 500):
        batch = [
            watch(n, rng.choice(users), f"of-{n}", rng.randrange(10**6))
            for n in range(start, start + 500)
        ]
        slates = [
            posted_events.slate(
                f"request-{user}-{start}", user, 5, 0.0, {"video_ids": ["v"]}
            )
            for user in users[:9]
        ]
        state.add(batch + slates).result()
    reader = posted_events.EventReader(pl.String())
    click = {"kind": "click", "video_id": "v", "request_id": "request-somebody-003-0"}
    state.add([reader.read(click, 0.0)]).result()
    other = place.open()
    for number, user in enumerate(users[:20], other.num_removals()):
        assert other.num_removals() == number
        own = [event.id.encode() for event in state.user_events(user)]
        assert state.remove_user(user) == len(own) > 50
        assert state.user_events(user) == []
        files = [each for each in place.files.rglob("*") if each.is_file()]
        assert user.encode() not in b"".join(each.read_bytes() for each in files)
    other.close()
    assert len(state.user_events(users[30])) > 50


def test_a_file_that_is_no_state_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes " * 100)
    with pytest.raises(errors.UserError, match="expected the state of a server"):
        sqlite_store.Database(path)
    with pytest.raises(errors.UserError, match="give another --state"):
        sqlite_store.Database(tmp_path / "nowhere" / "state.db")
    sqlite3.connect(tmp_path / "shop.db").execute("CREATE TABLE orders (number)")
    with pytest.raises(errors.UserError, match="found tables of another program"):
        sqlite_store.Database(tmp_path / "shop.db")


def test_a_disk_that_fails_acknowledges_nothing(path: pathlib.Path) -> None:
    state = sqlite_store.Database(path)
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE events")
    with pytest.raises(store.StateError, match="no such table"):
        state.add([watch(1)]).result()
    with sqlite3.connect(path) as other:
        other.executescript(sqlite_store._TABLES)
    assert state.add([watch(1)]).result() == (1, 0)
    path.unlink()
    with pytest.raises(store.StateError, match="its file is gone"):
        state.add([watch(2)])
    state.close()


def test_too_many_waiting_batches_are_refused(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "MOST_WAITING", 3)
    opened = sqlite_store.Database(path)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting: list[concurrent.futures.Future] = []
        with pytest.raises(store.StateError, match="does not keep up"):
            waiting.extend(map(opened.add, ([watch(n)] for n in range(20))))
        other.execute("ROLLBACK")
    assert sum(each.result(60).stored for each in waiting) == len(waiting) >= 3
    assert opened.add([watch(100)]).result() == (1, 0)
    opened.close()


def test_a_redis_that_may_lose_events_is_refused(tmp_path: pathlib.Path) -> None:
    with (
        redis_server(tmp_path, "--appendonly", "yes") as port,
        pytest.raises(errors.UserError, match="expected appendfsync always in"),
    ):
        redis_store.RedisStore(f"redis://127.0.0.1:{port}")
    with pytest.raises(errors.UserError, match="expected a server of Redis") as raised:
        redis_store.RedisStore("redis://:secret-password@127.0.0.1:1")
    assert "secret" not in str(raised.value)


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(errors.UserError, match="serve,redis"):
        redis_store.RedisStore("redis://127.0.0.1")


def test_a_redis_killed_under_load_knows_what_it_acknowledged(
    tmp_path: pathlib.Path,
) -> None:
    acknowledged: set[str] = set()
    for turn in range(10):
        with redis_server(tmp_path, *DURABLE) as port:
            state = redis_store.RedisStore(f"redis://127.0.0.1:{port}")
            known = [event.id for _, event in state.since(0, 10_000)]
            assert len(known) == len(set(known)) >= len(acknowledged)
            assert acknowledged <= set(known)
            batches = [watch(number) for number in range(turn * 200, turn * 200 + 200)]
            posts = {event.id: state.add([event]) for event in batches}
            posts[batches[50].id].result()
        # It ended by SIGKILL with batches at hand, which may be stored or not.
        for name, post in posts.items():
            with contextlib.suppress(store.StateError):
                acknowledged |= {name} if post.result().stored else set()
    assert len(acknowledged) > 10 * 50
    with pytest.raises(store.StateError):  # it ended by SIGKILL
        state.user_events("u")
    state.close()


def test_a_locked_file_is_told_of_at_once(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sqlite_store, "_BUSY_SECONDS", 1.5)
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(errors.UserError, match="database is locked"):
            sqlite_store.Database(path)
    line = f"waiting up to 1.5 s: another process has locked {path}"
    assert caplog.messages == [line]
    sqlite_store.Database(path).close()
    assert caplog.messages == [line]
