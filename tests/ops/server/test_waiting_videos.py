"""New videos of `POST /events`: in the answers of the next version, or told to wait."""

import asyncio
import dataclasses
import pathlib
import time
from typing import Any

import pytest
from starlette import testclient

from tests.bundle import conftest as bundles
from tests.ops.catalogue.conftest import content_run  # noqa: F401 (a fixture)
from tests.ops.server import conftest, live
from ytdnn.base import artifacts, errors
from ytdnn.bundle import versions
from ytdnn.ops.server import app, waiting_videos
from ytdnn.run.pipeline import workdir as run_workdir


def copied(run: bundles.Run, directory: pathlib.Path) -> pathlib.Path:
    """Returns a run's directory with all that a new version is made from."""
    for name in ("data", "candidates", "index", "ranking"):
        artifacts.share(run.workdir / name, directory / name)
    artifacts.share(run.bundle.directory, directory / "bundle")
    config = dataclasses.replace(run.config, data=run.data.config)
    run_workdir.write_config(directory, config)
    return directory


def video(name: str, title: str = "Title 3") -> dict[str, Any]:
    return {"kind": "video", "video_id": name, "title": title}


def listed(server: live.Process, *names: str) -> set[str]:
    """Returns which of some videos an answer has."""
    status, told = server.ask("/recommend", {"k": 9, "allow_ids": [*names]})
    assert status == 200
    return {one["video_id"] for one in told["videos"]}


@pytest.mark.thorough
def test_posted_videos_are_in_answers_until_spare_rows_are_filled(
    content_run: bundles.Run,  # noqa: F811
    tmp_path: pathlib.Path,
) -> None:
    workdir = copied(content_run, tmp_path)
    flags = ("--log=none", "--spare_videos=2")
    watch = {"kind": "watch", "user_id": "u1", "video_id": "new 1"}
    with live.in_process(workdir, "--processes=2", *flags) as server:
        posted = [video("new 1"), video("video 1"), video("new 2")]
        posted += [video("new 3"), watch | {"time": int(time.time())}]
        status, told = server.ask("/events", posted)
        assert (status, told["stored"]) == (200, 5)
        assert told["warnings"] == [
            "1 of 5 events are of videos that are not in the catalogue, as 'new 1': "
            "they count from a version that has them",
            "1 of 4 videos, as 'new 3', wait for ytdnn refresh: all 2 spare rows are "
            "filled (--spare_videos)",
            "1 of 4 videos, as 'video 1', are in version 1, and stay as they are",
        ]

        def are_new() -> bool:
            processes = server.ask("/status")[1]["processes"]
            return {one["version"] for one in processes} == {2}

        live.wait(are_new, 400.0, 0.5)
        for _ in range(8):  # of both processes
            assert listed(server, "new 1", "new 2", "new 3") == {"new 1", "new 2"}
        # The user has watched one.
        user = {"user_id": "u1", "allow_ids": ["new 1", "new 2"], "k": 9}
        answer = server.ask("/recommend", user)[1]["videos"]
        assert [one["video_id"] for one in answer] == ["new 2"]
        server.end()
    with live.in_process(workdir, *flags) as server:
        assert listed(server, "new 1", "new 2", "new 3") == {"new 1", "new 2"}
        again = server.ask("/events", [video("new 1", "Other"), video("new 3")])[1]
        assert (again["stored"], again["known"]) == (1, 1)
        assert [line.partition(",")[0] for line in again["warnings"]] == [
            "1 of 2 videos"
        ] * 2
        time.sleep(3)
        assert server.ask("/status")[1]["version"] == 2
        rest = server.end()[1]
    assert rest.count("1 new videos wait for ytdnn refresh: all 2 spare rows") == 1
    assert versions.numbers(workdir / "bundle") == [1, 2]


def test_without_a_content_side_new_videos_wait_for_a_refresh(
    workdir: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    parts = app.Server(conftest.made(workdir, state=tmp_path / "state.db", log=None))
    with testclient.TestClient(app.application(parts), conftest.ADDRESS) as client:
        new = video("tomorrows") | {"duration_seconds": 30, "genre": "fun"}
        told = client.post("/events", json=new).json()
        assert told["stored"] == 1
        (line,) = told["warnings"]
        assert line.startswith("1 of 1 videos, as 'tomorrows', wait for ytdnn refresh:")
        assert client.post("/events", json=new | {"genre": True}).status_code == 200
        for wrong in (new | {"genre": 3}, new | {"user_id": "u"}, {"kind": "video"}):
            assert client.post("/events", json=wrong).status_code == 400
        assert not asyncio.run(parts.state.videos.add(parts.served.current))
    alone = conftest.made(workdir, state=tmp_path / "state.db", log=None, data=None)
    parts = app.Server(alone)
    with testclient.TestClient(app.application(parts), conftest.ADDRESS) as client:
        refused = client.post("/events", json=new)
        assert refused.status_code == 400
        assert "expected a server with --workdir" in refused.json()["error"]


def test_a_failed_addition_is_one_line(tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        errors.UserError, match=r"ytdnn index add: .*expected"
    ) as raised:
        asyncio.run(waiting_videos._add(tmp_path, [video("new")]))
    assert "\n" not in str(raised.value)
