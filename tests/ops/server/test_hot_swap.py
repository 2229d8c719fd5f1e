"""New versions while the server answers: taken when whole, refused when not."""

import concurrent.futures
import dataclasses
import pathlib
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette import testclient

from tests import untrained
from tests.ops.server import conftest, live
from ytdnn.base import artifacts, errors
from ytdnn.bundle import requests, versions
from ytdnn.ops.catalogue import remove_videos
from ytdnn.ops.server import app, loaded_version

wait = live.wait


@pytest.fixture(scope="module")
def swapping(
    small_run: untrained.Run, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[conftest.Server, pathlib.Path]]:
    """A server of its own that looks often, and its bundle."""
    tmp_path = tmp_path_factory.mktemp("swapping")
    shutil.copytree(small_run.workdir / "bundle", tmp_path / "bundle")
    given = conftest.made(tmp_path, poll_seconds=0.05, inspect=False, log=None)
    parts = app.Server(given)
    with testclient.TestClient(app.application(parts), conftest.ADDRESS) as client:
        yield conftest.Server(client, parts, small_run), tmp_path


def status(server: conftest.Server) -> Any:
    return server.client.get("/status").json()


@pytest.mark.thorough
def test_a_new_version_is_taken(swapping: tuple[conftest.Server, pathlib.Path]) -> None:
    server, workdir = swapping
    number = status(server)["version"]
    gone = server.post("/recommend", server.request()).json()["videos"][0]["video_id"]
    old, prepared = server.parts.served.current, []

    def prepare(new: loaded_version.Version) -> None:
        prepared.append((new.number, server.parts.served.current.number))

    server.parts.served.prepare = prepare
    remove_videos.change(workdir, [gone])
    wait(lambda: status(server)["version"] == number + 1)
    after = server.post("/recommend", server.request()).json()
    assert after["version"] == number + 1
    assert prepared == [(number + 1, number)]  # before it is served
    assert gone not in [one["video_id"] for one in after["videos"]]
    wait(lambda: status(server)["draining"] == [])
    assert server.client.get("/healthz").json() == {"version": number + 1}
    assert f"ytdnn_version {number + 1}.0" in server.client.get("/metrics").text

    signature = old.signature("recommender_exact", "serving_default")
    row = requests.values({}, signature.fields)

    def is_closed() -> bool:
        try:
            signature.queue.run([row])
        except RuntimeError as error:
            return "closed" in str(error)
        return False

    wait(is_closed, 30.0)
    remove_videos.change(workdir, [gone], restored=True)
    wait(lambda: status(server)["version"] == number + 2)


@pytest.mark.thorough
def test_half_and_broken_versions_are_refused_while_the_old_one_serves(
    swapping: tuple[conftest.Server, pathlib.Path],
) -> None:
    server, workdir = swapping
    number = status(server)["version"]
    answer = server.post("/recommend", server.request()).json()
    half = workdir / "bundle" / "recommender_exact" / str(number + 1)
    shutil.copytree(half.with_name(str(number)), half)
    wait(lambda: status(server)["unfinished"] == [number + 1])
    assert status(server)["refused"] == []
    shutil.rmtree(half)
    directory = workdir / "bundle"
    whole = artifacts.load_manifest(directory, "bundle")
    files = {
        name: entry | ({"sha256": "0" * 64} if name.endswith("saved_model.pb") else {})
        for name, entry in whole.files.items()
    }
    broken = versions.revise(
        directory, dataclasses.replace(whole, files=files), lambda path: None
    )
    wait(lambda: status(server)["refused"])
    (refused,) = status(server)["refused"]
    assert refused["version"] == broken
    assert "its SHA-256 differs from the recorded one" in refused["reason"]
    again = server.post("/recommend", server.request()).json()
    assert again["version"] == number
    assert again["videos"] == answer["videos"]
    mended = versions.revise(directory, whole, lambda path: None)
    wait(lambda: status(server)["version"] == mended)


@pytest.mark.thorough
def test_no_answer_is_lost_or_mixed_while_versions_change(
    swapping: tuple[conftest.Server, pathlib.Path],
) -> None:
    """The removed video tells which version a page is of."""
    server, workdir = swapping
    request = server.request(k=5)
    first = server.post("/recommend", request).json()
    number, gone = first["version"], first["videos"][0]["video_id"]
    stop = threading.Event()

    def ask() -> list[tuple[int, int, bool]]:
        found = []
        while not stop.is_set():
            answer = server.post("/recommend", request)
            body = answer.json()
            ids = [one["video_id"] for one in body.get("videos", [])]
            found.append((answer.status_code, body.get("version", 0), gone in ids))
            time.sleep(0.02)
        return found

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask) for _ in range(3)]
        try:
            for more in (1, 2):
                remove_videos.change(workdir, [gone], restored=more == 2)
                wait(lambda more=more: status(server)["version"] == number + more)
        finally:
            stop.set()
        answers = [one for task in asked for one in task.result()]
    assert {code for code, _, _ in answers} == {200}
    assert {version for _, version, _ in answers} >= {number, number + 1}
    assert all(has == (version != number + 1) for _, version, has in answers)


@pytest.mark.thorough
def test_a_server_starts_with_the_newest_version_that_can_be_served(
    small_run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(small_run.workdir / "bundle", bundle)
    number = versions.newest(bundle)
    remove_videos.change(tmp_path, [next(iter(small_run.bundle.titles))])
    model = bundle / "recommender_exact" / str(number + 1) / "saved_model.pb"
    content = model.read_bytes()[:-1] + b"x"
    model.unlink()  # the old version's is a link to the same file
    model.write_bytes(content)
    served = app.Server(conftest.made(tmp_path, log=None)).served
    assert served.current.number == number
    (refused,) = served.status()["refused"]
    assert refused["version"] == number + 1
    assert "SHA-256" in refused["reason"]


@pytest.mark.thorough
def test_a_bundle_that_is_damaged_is_not_served(
    small_run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(small_run.workdir / "bundle", tmp_path / "bundle")
    extra = tmp_path / "bundle" / "ranker" / "1" / "assets" / "more.txt"
    extra.write_text("not of the manifest")
    with pytest.raises(errors.UserError, match=r"received .*more.txt too"):
        app.Server(conftest.made(tmp_path, log=None))
    extra.unlink()
    model = tmp_path / "bundle" / "ranker" / "1" / "saved_model.pb"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(errors.UserError, match="SHA-256"):
        app.Server(conftest.made(tmp_path, log=None))


@pytest.mark.thorough
def test_a_model_that_changed_before_its_first_use_is_not_loaded(
    small_run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(small_run.workdir / "bundle", tmp_path / "bundle")
    parts = app.Server(conftest.made(tmp_path, log=None))
    model = tmp_path / "bundle" / "ranker" / "1" / "saved_model.pb"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with testclient.TestClient(app.application(parts), conftest.ADDRESS) as client:
        answer = client.post("/v1/models/ranker:predict", json={"instances": [{}]})
    assert (answer.status_code, "SHA-256" in answer.json()["error"]) == (503, True)
