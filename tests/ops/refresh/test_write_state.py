"""Events of a state as tables of an event log."""

import pathlib

import polars as pl
import pytest

from tests import full_log
from ytdnn.base import schema
from ytdnn.log import prepared
from ytdnn.ops.refresh import append
from ytdnn.ops.state import posted_events, sqlite_store


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return full_log.prepared_data(tmp_path_factory.mktemp("log"), full_log.tables())


def test_an_answer_and_its_feedback_are_impressions_and_watches(
    old: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    """Of a slate of three, one is clicked and one is watched for a minute."""
    shown, state = (
        old.windows.end_of_log + 100,
        sqlite_store.Database(tmp_path / "state"),
    )
    slate = {schema.VIDEO_IDS: ["v2", "v1", "v3"], schema.DEVICE: "tv"}
    told = '{"kind":"%s","request_id":"r","video_id":"%s"%s}'
    batch = [
        posted_events.slate("r", "u1", shown, 1.0, slate),
        posted_events.Event(
            "b", "click", "", "r", shown + 3, 2.0, told % ("click", "v1", "")
        ),
        *(
            posted_events.Event(
                *("g" + video, "click", "", request, shown + 3, 2.0),
                told % ("click", video, ""),
            )
            for request, video in (("r", "v4"), ("none", "v1"))
        ),
        posted_events.Event(
            *("c", "watch", "u1", "r", shown + 9, 3.0),
            told % ("watch", "v3", ',"watch_seconds":60,"logged_in":true'),
        ),
        posted_events.Event(
            *("d", "search", "u1", "", shown + 5, 3.0),
            '{"kind":"search","user_id":"u1","query":"mp3"}',
        ),
        posted_events.Event(
            *("e", "user", "u1", "", shown, 3.0),
            '{"kind":"user","user_id":"u1","age":33}',
        ),
        posted_events.Event(
            *("f", "watch", "u1", "", shown, 3.0),
            '{"kind":"watch","user_id":"u1","video_id":"unknown"}',
        ),
    ]
    state.add(batch).result()
    state.close()
    said: list[str] = []
    place, home = str(tmp_path / "state"), tmp_path / "events"
    append.write_state(place, old, tmp_path, home, said.append)
    found = {path.stem: _read(path) for path in home.glob("*.parquet")}
    rows = found[schema.IMPRESSIONS]
    names = ("video_id", "position", "clicked", "watch_seconds", "device", "page_id")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("v2", 0, False, None, "tv", "r"),
        ("v1", 1, True, None, "tv", "r"),
        ("v3", 2, True, 60.0, "tv", "r"),
    ]
    names = ("video_id", "time", "watch_seconds", "device", "logged_in")
    assert [tuple(row[n] for n in names) for row in found[schema.WATCHES]] == [
        ("v1", shown + 1, None, "tv", None),
        ("v3", shown + 9, 60.0, "tv", True),
    ]
    assert found[schema.SEARCHES][0]["query"] == "mp3"
    assert (found[schema.USERS][0]["age"], found[schema.USERS][0]["gender"]) == (
        33,
        None,
    )
    assert said == [
        "note: 2 videos were clicked or rated in no answer, left out",
        "note: 1 watches are of unknown videos, left out",
    ]


def test_users_of_another_type_are_left_out(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    for name in ("watches", "impressions", "searches", "users"):
        number = pl.col("user_id").str.tail(-1).cast(pl.Int64)
        log[name] = log[name].with_columns(number)
    old = full_log.prepared_data(tmp_path / "log", log)
    state, time = sqlite_store.Database(tmp_path / "state"), old.windows.end_of_log + 1
    told = '{"kind":"watch","user_id":"%s","video_id":"v1"}'
    users = ["7", "u7", "99999999999999999999"]
    batch = [
        posted_events.Event(user, "watch", user, "", time, 1.0, told % user)
        for user in users
    ]
    state.add(batch).result()
    state.close()
    said: list[str] = []
    place, home = str(tmp_path / "state"), tmp_path / "events"
    append.write_state(place, old, tmp_path, home, said.append)
    assert [row["user_id"] for row in _read(home / "watches.parquet")] == [7]
    assert said == ["note: 2 events are of users whose ids are no integers, left out"]


def _read(path: pathlib.Path) -> list[dict]:
    return pl.read_parquet(path).to_dicts()
