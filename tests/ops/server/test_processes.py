"""`ytdnn serve --processes=2`: one port, one version, and no answer lost but one's."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import untrained
from tests.ops.server import live
from ytdnn.base import artifacts
from ytdnn.bundle import versions
from ytdnn.ops.catalogue import remove_videos

pytestmark = pytest.mark.thorough
wait = functools.partial(live.wait, seconds=120.0, pause=0.1)


@dataclasses.dataclass(frozen=True)
class Served:
    """A server of two processes, and its files."""

    server: live.Process
    workdir: pathlib.Path
    access_log: pathlib.Path

    @property
    def status(self) -> Any:
        return self.server.ask("/status")[1]

    @property
    def processes(self) -> dict[int, int | None]:
        return {one["process"]: one["version"] for one in self.status["processes"]}

    def metric(self, name: str) -> float:
        """Returns the sum of the lines of a metric."""
        lines = self.server.text("/metrics").splitlines()
        rows = [line.rpartition(" ") for line in lines if line.startswith(name)]
        return sum(float(value) for _, _, value in rows)


@pytest.fixture(scope="module")
def served(
    small_run: untrained.Run, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    workdir = tmp_path_factory.mktemp("processes")
    shutil.copytree(small_run.workdir / "bundle", workdir / "bundle")
    log = workdir / "access.log"
    flags = ("--processes=2", f"--access_log={log}")
    with live.in_process(workdir, *flags) as server:
        served = Served(server, workdir, log)
        wait(lambda: served.metric("ytdnn_processes") == 2)
        yield served


def ask(served: Served, number: int) -> list[tuple[int, int]]:
    """Returns status and version of some answers, each on a connection of its own."""

    def one(_: int) -> tuple[int, int]:
        status, body = served.server.ask("/recommend", {"k": 3})
        return status, body.get("version", 0)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, range(number)))


def test_all_answer_and_metrics_are_theirs_together(served: Served) -> None:
    before = served.metric('ytdnn_requests_total{endpoint="/recommend"')
    assert ask(served, 40) == [(200, served.status["version"])] * 40
    lines = [json.loads(line) for line in served.access_log.read_text().splitlines()]
    asked = [one for one in lines if one["path"] == "/recommend"]
    assert {one["process"] for one in asked} <= set(served.processes)
    assert served.metric('ytdnn_requests_total{endpoint="/recommend"') == before + 40
    assert served.metric("ytdnn_run_seconds_count") == len(asked)


def test_a_new_version_is_served_by_all_and_a_broken_one_by_none(
    served: Served,
) -> None:
    number = served.status["version"]
    videos = served.server.ask("/recommend", {"k": 3})[1]["videos"]
    gone = [videos[0]["video_id"]]
    remove_videos.change(served.workdir, gone)
    wait(lambda: set(served.processes.values()) == {number + 1})
    assert ask(served, 20) == [(200, number + 1)] * 20
    remove_videos.change(served.workdir, gone, restored=True)
    wait(lambda: set(served.processes.values()) == {number + 2})

    bundle = served.workdir / "bundle"
    whole = artifacts.load_manifest(bundle, "bundle")
    files = {
        name: entry | ({"sha256": "0" * 64} if name.endswith("saved_model.pb") else {})
        for name, entry in whole.files.items()
    }
    broken = dataclasses.replace(whole, files=files)
    refused = versions.revise(bundle, broken, lambda path: None)
    wait(lambda: [one["version"] for one in served.status["refused"]] == [refused])
    assert ask(served, 20) == [(200, number + 2)] * 20
    versions.revise(bundle, whole, lambda path: None)
    wait(lambda: set(served.processes.values()) == {refused + 1})


def test_a_killed_process_is_replaced_while_the_other_answers(served: Served) -> None:
    before = served.processes
    killed = min(before)
    failed, done = [], threading.Event()

    def load() -> int:
        answers = 0
        while not done.is_set():
            try:
                assert served.server.ask("/recommend", {"k": 3})[0] == 200
                answers += 1
            except (OSError, live.http.client.HTTPException) as error:
                failed.append(error)
        return answers

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(load) for _ in range(2)]
        try:
            time.sleep(0.5)
            os.kill(killed, signal.SIGKILL)
            wait(lambda: killed not in served.processes)
            wait(lambda: served.metric("ytdnn_processes") == 2)
        finally:
            done.set()
        answers = [one.result() for one in asking]
    assert min(answers) > 5
    assert len(failed) <= 2  # a request at hand of each thread
    assert len(served.processes) == 2
    assert set(served.processes.values()) == set(before.values())


def test_what_is_at_hand_is_answered_at_the_end(served: Served) -> None:
    """Run last: the server has ended then."""
    processes = served.processes
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(served.server.ask, "/recommend", {"k": 3}) for _ in range(4)
        ]
        time.sleep(0.02)
        status, said = served.server.end(signal.SIGTERM)
        answers = []
        for one in asked:
            with contextlib.suppress(ConnectionRefusedError):  # after the end
                answers.append(one.result()[0])
    assert status == 0
    assert said.splitlines()[-1] == "stopped"
    assert "Traceback" not in said
    assert set(answers) <= {200}
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_processes_end_when_their_parent_is_killed(
    small_run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(small_run.workdir / "bundle", tmp_path / "bundle")
    with live.in_process(tmp_path, "--processes=2") as server:
        server.end(signal.SIGKILL)  # returns when nobody holds its output any more
        with pytest.raises(ConnectionRefusedError):
            server.ask("/healthz")


def test_a_damaged_bundle_is_served_by_none(
    small_run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(small_run.workdir / "bundle", tmp_path / "bundle")
    (tmp_path / "bundle" / "ranker" / "1" / "saved_model.pb").write_bytes(b"x")
    flags = (f"--workdir={tmp_path}", "--port=0", "--processes=2")
    ended = subprocess.run(
        live.command(*flags), capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2
    assert "SHA-256" in ended.stdout or "bytes" in ended.stdout
    assert ended.stderr.splitlines()[-1] == (
        "ytdnn: error: no process could start: see the lines above"
    )
