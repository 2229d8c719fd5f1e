"""What does HTTP cost, and what load does one process of `ytdnn serve` take?

Claim: at the rate that fills 60 % of the cores, p50 is at most twice and p99 at most
five times the in-process p50, nothing fails and the memory is flat (± 2 %); versions
that change under that load fail no request.

    python -m experiments.benchmarks.serve [--workdir=DIR] [--seconds=120] [--swaps=20]

The bundle is that of answer.py (a million videos, the shipped default, fresh weights)
unless a workdir is given, which is read and not changed: versions are made in a copy of
links. The server is a process of its own, as a user starts it; the load comes from
another, by a fixed rate whatever the answers (so a slow answer delays no request, and
latency counts from when a request was due), over at most as many connections as
`--connections`. Both share the machine's cores with each other. Requests are posted to
`/v1/models/recommender:predict` with every input. The rate that fills 60 % of the cores
is that by the core time of an answer in this process. The server holds a recommender of
each version: 1.5 GB of a million videos, twice that while one takes the other's place.

Measured 2026-11-26 on two cores of an AMD EPYC, nothing beside it, the defaults of 120
s and 20 swaps; in process p50 7.36 ms, 12.16 core-ms an answer:

| batching | a second | answers | failed | p50 ms | p99 ms | MiB |
|---|---|---|---|---|---|---|
| off | 99 | 11,841 | 0 | 9.32 (1.3 ×) | 19.27 (2.6 ×) | 2,822 (+0.0 %) |
| on | 99 | 11,841 | 0 | 11.41 (1.6 ×) | 25.94 (3.5 ×) | 2,786 (+0.1 %) |

| batching | answer ms | waited | run | HTTP | its share | rows a run |
|---|---|---|---|---|---|---|
| off | 10.12 | 0.14 | 7.65 | 2.33 | 23 % | 1.00 |
| on | 12.63 | 1.43 | 8.42 | 2.77 | 22 % | 1.00 |

| batching | a second at p99 ≤ 100 ms |
|---|---|
| off | 151 |
| on | 120 |

Eighteen versions were taken and two broken ones refused under that load: of 48,314
answers none failed, p50 28.6 ms, p99 697. The highest rate is of steps of 15 s, which
one stall of the machine ends: hours before, beside other work, it was 79 without
batching and 192 with it.

Earlier that day, before three faults were mended (CHANGELOG), the same run gave p50 57
ms, p99 81 to 365, 61 failures, and 9 GB after 20 swaps.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.benchmarks import answer, measure
from experiments.benchmarks import load as load_room
from ytdnn.base import artifacts, whole_files
from ytdnn.bundle import versions

_REQUESTS = 256
_SHARE = 0.6
_STEP = 1.25
_MOST_STEPS = 15
_MOST_SWAP_SECONDS = 120.0
_SPAWN = multiprocessing.get_context("spawn")


@dataclasses.dataclass(frozen=True)
class InProcess:
    """An answer without a server.

    Attributes:
      p50: Milliseconds.
      core: Milliseconds of a core.
      bodies: Requests as they are posted.
      model: That is asked.
    """

    p50: float
    core: float
    bodies: list[bytes]
    model: str

    @property
    def rate(self) -> float:
        """Requests a second that fill 60 % of the cores."""
        return _SHARE * (os.cpu_count() or 1) * 1e3 / self.core


# --- Without a server -------------------------------------------------------------


def in_process(workdir: pathlib.Path, repeats: int, queue: Any) -> None:
    """Times the recommender and makes the requests, in a process of its own."""
    from experiments.benchmarks import ranking
    from ytdnn.bundle import batches, bundle
    from ytdnn.log import prepared

    data = prepared.load(workdir / prepared.KIND)
    served = bundle.load(workdir / bundle.KIND)
    has_scann = bundle.RECOMMENDER in served.manifest.facts["models"]
    name = bundle.RECOMMENDER + ("" if has_scann else bundle.EXACT)
    fields = served.inputs(name)
    asked = [
        {key: value for key, value in one.items() if key in fields}
        for one in answer.some_requests(data, _REQUESTS)
    ]
    raw = [batches.tensors(batches.inputs([r], fields), fields) for r in asked]
    turns = answer.Turns(served.model(name), raw)
    timed = ranking.timed({"whole": turns}, repeats)["whole"]
    nothing: dict[str, Any] = {
        n: [] if f.is_list else f.missing for n, f in fields.items()
    }
    bodies = [json.dumps({"instances": [nothing | one]}).encode() for one in asked]
    queue.put(InProcess(timed.median, timed.core, bodies, name))


# --- The load ---------------------------------------------------------------------


def load(
    port: int,
    path: str,
    bodies: Sequence[bytes],
    rate: float,
    seconds: float,
    most: int,
) -> load_room.Load:
    """Posts requests at a fixed rate from a process of its own, without TensorFlow."""
    with tempfile.TemporaryDirectory() as place:
        file = pathlib.Path(place) / "bodies"
        file.write_bytes(b"\n".join(bodies))
        given = [str(port), path, str(file), str(rate), str(seconds), str(most)]
        done = subprocess.run(
            [sys.executable, "-m", "experiments.benchmarks.load", *given],
            stdout=subprocess.PIPE,
            timeout=seconds + 180,
            check=True,
        )
    return load_room.read(done.stdout)


# --- The server -------------------------------------------------------------------


class Server:
    """`ytdnn serve` as a user starts it."""

    def __init__(
        self,
        bundle: pathlib.Path,
        batching: str,
        more: Sequence[str] = (),
        cores: Sequence[int] = (),
    ) -> None:
        """Starts it, and waits until it is ready.

        Args:
          bundle: Directory of the bundle.
          batching: `on` or `off`.
          more: Other flags of `ytdnn serve`.
          cores: Cores that it may use; none named: all.
        """
        flags = [f"--bundle={bundle}", "--port=0", f"--batching={batching}", *more]
        pinned = ["taskset", "-c", ",".join(map(str, cores))] if cores else []
        self._process = subprocess.Popen(
            [*pinned, sys.executable, "-m", "ytdnn", "serve", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.port = 0
        for line in self._process.stdout or ():
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
            if line.startswith("Ctrl-C"):
                break
        threading.Thread(target=self._drain, daemon=True).start()
        while not self._answers():
            time.sleep(0.1)

    def _drain(self) -> None:
        for _ in self._process.stdout or ():
            pass

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError("expected a server, which ended")
        try:
            self.get("/healthz")
        except OSError:
            return False
        return True

    def get(self, path: str) -> str:
        """Returns what a path answers."""
        address = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(address, timeout=60) as response:
            return str(response.read().decode())

    @property
    def status(self) -> dict[str, Any]:
        """What it serves and refused."""
        found: dict[str, Any] = json.loads(self.get("/status"))
        return found

    @property
    def process(self) -> int:
        """Id of the process that was started."""
        return self._process.pid

    @property
    def resident(self) -> float:
        """The MiB that it holds."""
        path = pathlib.Path(f"/proc/{self._process.pid}/statm")
        return int(path.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def means(self) -> dict[str, float]:
        """Returns sums and counts of its histograms."""
        lines = [line.split(" ") for line in self.get("/metrics").splitlines()]
        kept = [line for line in lines if line[0][-1] not in "#"]
        found: dict[str, float] = {}
        for name, value in (line[:2] for line in kept if len(line) == 2):
            if (
                name.endswith(("_sum", "_count"))
                or "_sum{" in name
                or "_count{" in name
            ):
                key = name if "/v1" in name or "{" not in name else ""
                found[key.partition("{")[0]] = float(value)
        return found

    def end(self) -> None:
        """Ends it."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def shares(
    before: dict[str, float], after: dict[str, float], load: load_room.Load
) -> list[str]:
    """Returns mean milliseconds: of an answer to its client, waited, run, and HTTP."""

    def mean(name: str) -> float:
        total = after[f"{name}_sum"] - before.get(f"{name}_sum", 0.0)
        number = after[f"{name}_count"] - before.get(f"{name}_count", 0.0)
        return 1e3 * total / max(1.0, number)

    whole = float(load.latencies.mean()) if len(load.latencies) else float("nan")
    queue, run = mean("ytdnn_queue_seconds"), mean("ytdnn_run_seconds")
    http = whole - queue - run
    size = mean("ytdnn_batch_size") / 1e3
    cells = [f"{value:.2f}" for value in (whole, queue, run, http)]
    return [*cells, f"{100 * http / whole:.0f} %", f"{size:.2f}"]


# --- Tables -----------------------------------------------------------------------


def sustained(
    server: Server, alone: InProcess, batching: str, options: argparse.Namespace
) -> tuple[list[str], list[str]]:
    """Returns the row of a load at 60 % of the cores, and where its time went."""
    path = f"/v1/models/{alone.model}:predict"
    asked = (server.port, path, alone.bodies)
    load(*asked, alone.rate, min(10.0, options.seconds), options.connections)
    resident, before = server.resident, server.means()
    found = load(*asked, alone.rate, options.seconds, options.connections)
    grown = 100 * (server.resident / resident - 1)
    p50, p99 = found.percentile(50), found.percentile(99)
    row = [
        batching,
        f"{alone.rate:.0f}",
        f"{len(found.latencies):,}",
        str(sum(found.failures.values())),
        f"{p50:.2f} ({p50 / alone.p50:.1f} ×)",
        f"{p99:.2f} ({p99 / alone.p50:.1f} ×)",
        f"{resident:,.0f} ({grown:+.1f} %)",
    ]
    return row, [batching, *shares(before, server.means(), found)]


def highest(server: Server, alone: InProcess, options: argparse.Namespace) -> str:
    """Returns the highest rate that nothing fails at, with p99 at most 100 ms."""
    path = f"/v1/models/{alone.model}:predict"
    rate, best = alone.rate / 2, 0.0
    for _ in range(_MOST_STEPS):
        seconds = options.step_seconds
        found = load(
            server.port, path, alone.bodies, rate, seconds, options.connections
        )
        if not found.holds:
            break
        best, rate = rate, rate * _STEP
    return f"{best:.0f}"


def swaps(
    server: Server, alone: InProcess, bundle: pathlib.Path, options: argparse.Namespace
) -> list[str]:
    """Returns what a load saw while versions changed, two of them broken."""
    broken = {options.swaps // 3, 2 * options.swaps // 3}
    done: list[tuple[int, bool]] = []
    path = f"/v1/models/{alone.model}:predict"
    results: list[load_room.Load] = []
    manifest = artifacts.load_manifest(bundle, "bundle")
    stop = threading.Event()

    def asks() -> None:
        while not stop.is_set():
            results.append(
                load(
                    server.port, path, alone.bodies, alone.rate, 5, options.connections
                )
            )

    thread = threading.Thread(target=asks)
    thread.start()
    for number in range(options.swaps):
        done.append(swap(server, bundle, manifest, number in broken))
    stop.set()
    thread.join()
    failures = sum(sum(one.failures.values()) for one in results)
    latencies = np.concatenate([one.latencies for one in results])
    return [
        str(sum(taken for _, taken in done)),
        str(sum(not taken for _, taken in done)),
        f"{len(latencies):,}",
        str(failures),
        f"{np.percentile(latencies, 50):.2f}",
        f"{np.percentile(latencies, 99):.2f}",
        f"{latencies.max():,.0f}",
    ]


def swap(
    server: Server, bundle: pathlib.Path, manifest: artifacts.Manifest, is_broken: bool
) -> tuple[int, bool]:
    """Publishes a version, and returns its number and whether it was taken.

    Args:
      server: That watches the bundle.
      bundle: Its directory.
      manifest: Of a version that is whole.
      is_broken: Whether the new one is not.
    """
    if is_broken:  # a file is another than the manifest says
        files = {
            name: entry
            | ({"sha256": "0" * 64} if name.endswith("titles.parquet") else {})
            for name, entry in manifest.files.items()
        }
        manifest = dataclasses.replace(manifest, files=files)
    number = versions.revise(bundle, manifest, lambda path: None)
    end = time.monotonic() + _MOST_SWAP_SECONDS
    while time.monotonic() < end:
        status = server.status
        if status["version"] == number and not status["draining"]:
            return number, True
        if number in [one["version"] for one in status["refused"]]:
            return number, False
        time.sleep(0.2)
    raise RuntimeError(f"expected version {number} to be taken or refused")


def tables(workdir: pathlib.Path, options: argparse.Namespace) -> str:
    """Returns all that was measured."""
    queue = _SPAWN.Queue()
    process = _SPAWN.Process(target=in_process, args=(workdir, options.repeats, queue))
    process.start()
    alone: InProcess = queue.get(timeout=1_800)
    process.join()
    rows, parts, most = [], [], []
    with tempfile.TemporaryDirectory(dir=workdir.parent) as place:
        bundle = pathlib.Path(place) / "bundle"
        shutil.copytree(workdir / "bundle", bundle, copy_function=whole_files.link)
        # With batching last: its swaps may leave a broken version as the newest.
        for batching in ("off", "on"):
            server = Server(bundle, batching)
            try:
                row, part = sustained(server, alone, batching, options)
                rows.append(row)
                parts.append(part)
                most.append([batching, highest(server, alone, options)])
                if batching == "on" and options.swaps:
                    swapped = swaps(server, alone, bundle, options)
            finally:
                server.end()
    found = [
        f"in process: p50 {alone.p50:.2f} ms, {alone.core:.2f} core-ms an answer",
        measure.table(
            ["batching", "a second", "answers", "failed", "p50 ms", "p99 ms", "MiB"],
            rows,
        ),
        measure.table(
            [
                "batching",
                "answer ms",
                "waited",
                "run",
                "HTTP",
                "its share",
                "rows a run",
            ],
            parts,
        ),
        measure.table(["batching", "a second at p99 ≤ 100 ms"], most),
    ]
    if options.swaps:
        head = ["taken", "refused", "answers", "failed", "p50 ms", "p99 ms", "most ms"]
        found.append(measure.table(head, [swapped]))
    return "\n\n".join(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--step-seconds", type=float, default=15)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    if options.tiny:
        options.videos, options.seconds, options.step_seconds = 2_000, 2, 1
        options.swaps, options.repeats = 3, 5
    with tempfile.TemporaryDirectory() as place:
        directory = options.workdir or pathlib.Path(place) / "run"
        if not (directory / "bundle").exists():
            made(answer.make, directory, options.videos)
        print(f"{measure.environment()}\n\n{tables(directory, options)}")


def made(make: Callable[..., None], directory: pathlib.Path, num_videos: int) -> None:
    """Makes a workdir in a process of its own."""
    process = _SPAWN.Process(target=make, args=(directory, num_videos))
    process.start()
    process.join()


if __name__ == "__main__":
    main()
