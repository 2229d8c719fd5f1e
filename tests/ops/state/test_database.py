"""The file of events: durable, idempotent, shared, pruned, and rid of a user."""

import concurrent.futures
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import polars as pl
import pytest

from ytdnn.base import errors
from ytdnn.ops.state import database, events


def watch(
    number: int, user: str = "u", video: str = "v", time: int = 0
) -> events.Event:
    columns = {"kind": "watch", "user_id": user, "video_id": video, "time": time}
    return events.EventReader(pl.String()).read(columns | {"id": f"e{number}"}, 0.0)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "state.db"


@pytest.fixture
def state(path: pathlib.Path) -> Iterator[database.Database]:
    opened = database.Database(path)
    yield opened
    opened.close()


def test_an_event_is_stored_once(state: database.Database) -> None:
    assert state.add([watch(1), watch(2), watch(1)]).result() == (2, 1)
    assert state.add([watch(2)]).result() == (0, 1)
    assert [event.id for event in state.of_user("u")] == ["e1", "e2"]


def test_an_id_of_another_event_refuses_the_whole_batch(
    state: database.Database,
) -> None:
    state.add([watch(1)]).result()
    with pytest.raises(errors.UserError, match="the id 'e1' to be the one that was"):
        state.add([watch(7), watch(1, video="other")]).result()
    assert [event.id for event in state.of_user("u")] == ["e1"]
    assert state.add([watch(7)]).result() == (1, 0)


def test_events_are_in_order_of_time_whenever_they_came(
    state: database.Database,
) -> None:
    state.add([watch(1, time=9), watch(2, time=3), watch(3, time=9)]).result()
    assert [event.id for event in state.of_user("u")] == ["e2", "e1", "e3"]
    assert [event.id for _, event in state.since(0, 2)] == ["e1", "e2"]
    place = state.since(0, 2)[-1][0]
    assert [event.id for _, event in state.since(place, 9)] == ["e3"]


_WRITER = """
import pathlib, sys
from tests.ops.state import test_database
from ytdnn.ops.state import database
state, watch = database.Database(pathlib.Path(sys.argv[1])), test_database.watch
futures = [state.add([watch(n)]) for n in range(int(sys.argv[2]), 300, 2)]
futures += [state.add([watch(n)]) for n in range(300, 330)]
print(sum(future.result().stored for future in futures))
state.close()
"""


def test_two_processes_share_a_file(path: pathlib.Path) -> None:
    first, other = (
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.getcwd()},
        )
        for number in (0, 1)
    )
    stored = sum(int(process.communicate()[0]) for process in (first, other))
    assert stored == 330
    state = database.Database(path)
    assert len(state.of_user("u")) == 330
    state.close()


def test_old_events_are_pruned_but_the_last_of_a_user(
    state: database.Database,
) -> None:
    num = database.LAST_EVENTS
    old = [watch(n, "busy", time=n) for n in range(num + 50)]
    click = {"kind": "click", "video_id": "v", "time": 1}
    reader = events.EventReader(pl.String())
    slate = events.slate("r", "idle", 1, 0.0, {"video_ids": ["v"]})
    clicks = [reader.read(click | {"request_id": name}, 0.0) for name in ("r", "gone")]
    state.add([*old, watch(900, "idle", time=3), slate, *clicks]).result()
    assert state.prune(before=num + 40) == 50 + 1
    kept = [event.time for event in state.of_user("busy")]
    assert kept == [*range(50, num + 50)]
    assert len(state.of_user("idle")) == 3
    assert state.prune(before=0) == 0


def test_a_removed_user_is_in_no_file(
    state: database.Database, path: pathlib.Path
) -> None:
    rng = random.Random(0)
    users = [f"somebody-{n:03d}" for n in range(60)]
    for start in range(0, 6_000, 500):
        batch = [
            watch(n, rng.choice(users), f"of-{n}", rng.randrange(10**6))
            for n in range(start, start + 500)
        ]
        slates = [
            events.slate(f"request-{user}-{start}", user, 5, 0.0, {"video_ids": ["v"]})
            for user in users[:9]
        ]
        state.add(batch + slates).result()
    reader = events.EventReader(pl.String())
    click = {"kind": "click", "video_id": "v", "request_id": "request-somebody-003-0"}
    state.add([reader.read(click, 0.0)]).result()
    for user in users[:20]:
        own = [event.id.encode() for event in state.of_user(user)]
        assert state.remove_user(user) == len(own) > 50
        assert state.of_user(user) == []
        text = b"".join(each.read_bytes() for each in path.parent.iterdir())
        assert user.encode() not in text
    assert len(state.of_user(users[30])) > 50


def test_a_file_that_is_no_state_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes " * 100)
    with pytest.raises(errors.UserError, match="expected the state of a server"):
        database.Database(path)
    with pytest.raises(errors.UserError, match="give another --state"):
        database.Database(tmp_path / "nowhere" / "state.db")


def test_a_disk_that_fails_acknowledges_nothing(
    state: database.Database, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE events")
    with pytest.raises(database.StateError, match="no such table"):
        state.add([watch(1)]).result()
    with sqlite3.connect(path) as other:
        other.executescript(database._TABLES)
    assert state.add([watch(1)]).result() == (1, 0)


def test_too_many_waiting_batches_are_refused(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MOST_WAITING", 3)
    opened = database.Database(path)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting: list[concurrent.futures.Future] = []
        with pytest.raises(database.StateError, match="does not keep up"):
            waiting += (opened.add([watch(n)]) for n in range(20))
        other.execute("ROLLBACK")
    assert opened.add([watch(100)]).result() == (1, 0)
    opened.close()
