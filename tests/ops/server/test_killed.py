"""A server that is killed under load: no acknowledged event is lost, none is twice."""

import concurrent.futures
import contextlib
import http.client
import itertools
import os
import pathlib
import shutil
import signal
import time
from typing import Any

import pytest

from tests import untrained
from tests.ops.server import live
from ytdnn.ops.state import sqlite_store

pytestmark = pytest.mark.thorough


def post(port: int, number: int, seconds: float = 120.0) -> list[str]:
    """Posts a batch until it is acknowledged, and returns the ids of its events.

    Args:
      port: Port of the server.
      number: Number of the batch.
      seconds: Time after which it is given up, and nothing returned.
    """
    batch = [
        {
            "id": f"{number}-{place}",
            "kind": "watch",
            "user_id": f"u{number % 7}",
            "video_id": "v1",
            "time": number,
        }
        for place in range(3)
    ]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            status, told = live.ask(port, "/events", batch)
            if status == 200:
                assert told["stored"] + told["known"] == len(batch)
                return [event["id"] for event in batch]
        time.sleep(0.05)
    return []


def stored(path: pathlib.Path) -> list[str]:
    state = sqlite_store.Database(path)
    found = [event.id for _, event in state.since(0, 10**6)]
    state.close()
    return found


def killed(few: int) -> pytest.MarkDecorator:
    """Returns the mark of a test with a few kills, and a slow one with ten."""
    many = pytest.param(10, marks=pytest.mark.slow)
    return pytest.mark.parametrize("turns", [few, many])


@killed(2)
def test_one_of_two_processes_is_killed_again_and_again(
    small_run: untrained.Run, tmp_path: pathlib.Path, turns: int
) -> None:
    shutil.copytree(small_run.workdir / "bundle", tmp_path / "bundle")
    acknowledged: list[str] = []
    with live.in_process(tmp_path, "--processes=2", "--log=none") as server:
        numbers = itertools.count()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in range(turns):
                posts = [
                    pool.submit(post, server.port, next(numbers)) for _ in range(60)
                ]
                time.sleep(0.2)
                processes: Any = server.ask("/status")[1]["processes"]
                os.kill(processes[0]["process"], signal.SIGKILL)
                acknowledged += (e for each in posts for e in each.result())
        assert server.ask("/recommend", {"user_id": "u1", "k": 3})[0] == 200
        server.end()
    assert len(acknowledged) == len(set(acknowledged)) == turns * 60 * 3
    events = [e for e in stored(tmp_path / "state.db") if "-" in e]
    assert sorted(events) == sorted(acknowledged)


@killed(1)
def test_a_server_that_was_killed_knows_what_it_acknowledged(
    small_run: untrained.Run, tmp_path: pathlib.Path, turns: int
) -> None:
    shutil.copytree(small_run.workdir / "bundle", tmp_path / "bundle")
    acknowledged: set[str] = set()
    for turn in range(turns):
        numbers = range(turn * 40, turn * 40 + 40)
        with (
            live.in_process(tmp_path, "--log=none") as server,
            concurrent.futures.ThreadPoolExecutor(4) as pool,
        ):
            posts = [pool.submit(post, server.port, n, 1.0) for n in numbers]
            concurrent.futures.wait(posts[:20])
            server.end(signal.SIGKILL)
        acknowledged |= {e for each in posts for e in each.result()}
        assert len(acknowledged) >= 3 * 10 * (turn + 1)
    events = stored(tmp_path / "state.db")
    assert acknowledged <= set(events)
    assert len(events) == len(set(events))
    with live.in_process(tmp_path, "--log=none") as server:
        again = post(server.port, 0)
        answer = server.ask("/recommend", {"user_id": "u0", "k": 30})[1]
    assert set(again) <= set(events)
    assert "v1" not in [video["video_id"] for video in answer["videos"]]
