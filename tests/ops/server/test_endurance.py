"""A server of several processes under load: swaps, broken versions, killed processes.

A short form of ten minutes by hand: YTDNN_ENDURANCE_SECONDS=600.
"""

import concurrent.futures
import dataclasses
import http.client
import os
import pathlib
import shutil
import signal
import threading
import time

import pytest

from tests import untrained
from tests.ops.server import live
from ytdnn.base import artifacts
from ytdnn.bundle import versions

SECONDS = float(os.environ.get("YTDNN_ENDURANCE_SECONDS", "60"))
SWAP_SECONDS = max(5.0, SECONDS / 20)
KILL_SECONDS = max(15.0, SECONDS / 10)
CLIENTS = 3
PAUSE_SECONDS = 0.05


@dataclasses.dataclass
class Seen:
    """What clients saw.

    Attributes:
      statuses: Number of answers of each status.
      versions: Versions that answered.
      lost: Times at which a connection broke, by `time.monotonic`.
    """

    statuses: dict[int, int] = dataclasses.field(default_factory=dict)
    versions: set[int] = dataclasses.field(default_factory=set)
    lost: list[float] = dataclasses.field(default_factory=list)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def ask(self, server: live.Process, stop: threading.Event) -> None:
        """Asks until told to stop."""
        while not stop.is_set():
            try:
                status, body = server.ask("/recommend", {"k": 3})
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.lost.append(time.monotonic())
                continue
            with self.lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
                self.versions.add(body.get("version", 0))
            stop.wait(PAUSE_SECONDS)


def set_size(processes: list[int]) -> int:
    """Returns the proportional set size of some processes, kB."""
    size = 0
    for process in processes:
        text = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
        (line,) = (each for each in text.splitlines() if each.startswith("Pss:"))
        size += int(line.split()[1])
    return size


def publish(bundle: pathlib.Path, manifest: artifacts.Manifest, broken: bool) -> int:
    """Publishes a version, whole or not, and returns its number."""
    files = manifest.files
    if broken:
        spoilt = {"sha256": "0" * 64}
        files = {
            name: entry | (spoilt if name.endswith("saved_model.pb") else {})
            for name, entry in files.items()
        }
    revised = dataclasses.replace(manifest, files=files)
    return versions.revise(bundle, revised, lambda path: None)


@dataclasses.dataclass
class Disturbed:
    """What was done to a server.

    Attributes:
      kills: When a process was killed, by `time.monotonic`.
      refused: Versions published broken.
      sizes: Proportional set size of the processes before each kill, kB.
    """

    kills: list[float] = dataclasses.field(default_factory=list)
    refused: list[int] = dataclasses.field(default_factory=list)
    sizes: list[int] = dataclasses.field(default_factory=list)


def disturb(
    server: live.Process, bundle: pathlib.Path, manifest: artifacts.Manifest
) -> Disturbed:
    """Publishes versions and kills processes for some time."""
    found, number = Disturbed(), 0
    end = time.monotonic() + SECONDS
    swap, kill = time.monotonic(), time.monotonic() + KILL_SECONDS / 2
    while time.monotonic() < end:
        time.sleep(0.5)
        if time.monotonic() >= swap:
            swap += SWAP_SECONDS
            number += 1
            is_broken = number % 4 == 3
            published = publish(bundle, manifest, is_broken)
            found.refused += [published] * is_broken
        status = server.ask("/status")[1]
        serving = [o["process"] for o in status["processes"] if o["version"]]
        if time.monotonic() >= kill and len(serving) == 2:
            kill += KILL_SECONDS
            found.sizes.append(set_size(serving))
            found.kills.append(time.monotonic())
            os.kill(serving[0], signal.SIGKILL)
    return found


def settled(server: live.Process, number: int) -> bool:
    """Waits until every process serves a version, and nothing else is in memory."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        status = server.ask("/status")[1]
        serving = [one["version"] for one in status["processes"]]
        if serving == [number] * 2 and not status["draining"]:
            return True
        time.sleep(0.5)
    return False


@pytest.mark.slow
def test_no_answer_fails_but_those_of_a_killed_process(
    small_run: untrained.Run, tmp_path: pathlib.Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(small_run.workdir / "bundle", bundle)
    manifest = artifacts.load_manifest(bundle, "bundle")
    seen, stop = Seen(), threading.Event()
    with (
        live.in_process(tmp_path, "--processes=2") as server,
        concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool,
    ):
        asking = [pool.submit(seen.ask, server, stop) for _ in range(CLIENTS)]
        try:
            done = disturb(server, bundle, manifest)
            assert settled(server, publish(bundle, manifest, False))
        finally:
            stop.set()
        for one in asking:
            one.result()
    assert set(seen.statuses) == {200}, seen.statuses
    assert seen.statuses[200] > SECONDS
    assert len(seen.versions) > 2
    assert not seen.versions & set(done.refused)
    assert done.refused
    assert done.kills
    assert len(seen.lost) <= CLIENTS * len(done.kills)
    for at in seen.lost:
        assert any(0 <= at - one < 10 for one in done.kills), (at, done.kills)
    print(
        f"{seen.statuses[200]:,} answers by {len(seen.versions)} versions, "
        f"{len(done.refused)} broken ones refused, {len(seen.lost)} lost with "
        f"{len(done.kills)} kills; MiB {[size // 1024 for size in done.sizes]}"
    )
