"""What do two processes of `ytdnn serve` cost, against one?

Claim: two processes, each pinned to a core, use at most 1.1 times the core-milliseconds
per answer of one process pinned to a core, and hold at most 1.3 times its memory
(proportional set size: pages that processes share are counted once).

    python -m experiments.benchmarks.serve_processes [--workdir=DIR] [--seconds=60]

The bundle is that of answer.py (a million videos, the shipped default, fresh weights)
unless a workdir is given, which is read and not changed. The load comes from a process
of its own at a fixed rate, as in serve.py; `--rate` a second of each process. Processor
time is that of the server's processes alone, between two looks at /proc; memory is
looked at after the load, of the supervisor too. With `--cores=0,1` a process runs on
the first, two run on both.

Measured 2026-11-29 on one core of an AMD EPYC, beside other work (latencies are of
little meaning), `--seconds=20 --rate=5 --cores=0,0`, with the exact models of that
bundle alone. `n` is the number of processes. The first half of the claim holds, the
second as rounded (1.303). Other processes used the same libraries, 430 MiB of code, of
which the sums hold a part: more of it with two processes than with one, so on a machine
of its own the ratio is lower. What a process does not share is its graphs and buffers,
0.2 GB.

| n | answers | failed | p50 ms | p99 ms | core-ms | PSS MiB | files | own | ratio |
|---|---|---|---|---|---|---|---|---|---|
| 1 | 100 | 0 | 57.63 | 64.81 | 19.10 (1.00 ×) | 1,229 | 792 | 438 | 1.00 × |
| 2 | 200 | 0 | 56.95 | 76.92 | 18.70 (0.98 ×) | 1,602 | 940 | 661 | 1.30 × |

With all models of the bundle, each process with a ScaNN index of its own, nothing
beside it, `--seconds=20`: 2,146 MiB and 2,920 (1.36 times; 1.37 before), 8.0 and 6.8
core-milliseconds an answer at 30 a second of each process, p99 137 and 11 ms.

The day before, with tables of ids and titles in the memory of each process and with the
stored shapes of graphs: 1,407 MiB (627 own) and 2,001 (1,123), 1.42 times.
"""

import argparse
import dataclasses
import multiprocessing
import os
import pathlib
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from experiments.benchmarks import answer, measure, serve
from experiments.benchmarks import load as load_room

_TICKS = os.sysconf("SC_CLK_TCK")
_SPAWN = multiprocessing.get_context("spawn")
_CONNECTIONS = 16
_PARTS = ("Pss", "Pss_File", "Pss_Anon")


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a server of some processes took.

    Attributes:
      load: The answers.
      core: Milliseconds of a core for each answer.
      mebibytes: Proportional set size of all its processes, by part.
    """

    load: load_room.Load
    core: float
    mebibytes: dict[str, float]


def pinned(server: serve.Server, cores: Sequence[int]) -> list[int]:
    """Pins each process that answers to a core, and returns all of the server.

    Args:
      server: The server.
      cores: A core for each.
    """
    workers = [one["process"] for one in server.status["processes"]]
    for worker, core in zip(workers, cores, strict=True):
        for thread in pathlib.Path(f"/proc/{worker}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})
    return sorted({server.process, *workers})


def core_milliseconds(processes: Iterable[int]) -> float:
    """Returns the processor time that processes have used."""
    ticks = 0
    for process in processes:
        text = pathlib.Path(f"/proc/{process}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return 1e3 * ticks / _TICKS


def set_sizes(processes: Iterable[int]) -> dict[str, float]:
    """Returns the sums of the proportional set sizes of processes, MiB by part."""
    found = dict.fromkeys(_PARTS, 0.0)
    for process in processes:
        text = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
        for line in text.splitlines():
            name, _, rest = line.partition(":")
            if name in found:
                found[name] += int(rest.split()[0]) / 1024
    return found


def measured(
    bundle: pathlib.Path,
    alone: serve.InProcess,
    cores: Sequence[int],
    options: argparse.Namespace,
) -> Measured:
    """Returns what a process on each of some cores takes."""
    flags = [f"--processes={len(cores)}", "--queue_seconds=600"]
    server = serve.Server(bundle, "on", flags, cores)
    path = f"/v1/models/{alone.model}:predict"
    try:
        every = pinned(server, cores)
        rate = options.rate * len(cores)
        asked = (server.port, path, alone.bodies, rate)
        serve.load(*asked, options.seconds / 4, _CONNECTIONS)
        before = core_milliseconds(every)
        found = serve.load(*asked, options.seconds, _CONNECTIONS)
        used = core_milliseconds(every) - before
        return Measured(found, used / len(found.latencies), set_sizes(every))
    finally:
        server.end()


def tables(workdir: pathlib.Path, options: argparse.Namespace) -> str:
    """Returns all that was measured."""
    queue = _SPAWN.Queue()
    process = _SPAWN.Process(target=serve.in_process, args=(workdir, 5, queue))
    process.start()
    alone: serve.InProcess = queue.get(timeout=1_800)
    process.join()
    cores = [int(core) for core in options.cores.split(",")]
    rows: list[list[Any]] = []
    first: Measured | None = None
    for number in (1, len(cores)):
        found = measured(workdir / "bundle", alone, cores[:number], options)
        first = first or found
        sizes = found.mebibytes
        rows.append(
            [
                str(number),
                f"{len(found.load.latencies):,}",
                str(sum(found.load.failures.values())),
                f"{found.load.percentile(50):.2f}",
                f"{found.load.percentile(99):.2f}",
                f"{found.core:.2f} ({found.core / first.core:.2f} ×)",
                *(f"{sizes[part]:,.0f}" for part in _PARTS),
                f"{sizes['Pss'] / first.mebibytes['Pss']:.2f} ×",
            ]
        )
    head = ["n", "answers", "failed", "p50 ms", "p99 ms", "core-ms"]
    return measure.table([*head, "PSS MiB", "files", "own", "ratio"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=30.0, help="of each process")
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    options = parser.parse_args(arguments)
    if options.tiny:
        options.videos, options.seconds = 2_000, 2.0
    with tempfile.TemporaryDirectory() as made:
        directory = options.workdir or pathlib.Path(made) / "run"
        if not (directory / "bundle").exists():
            serve.made(answer.make, directory, options.videos)
        print(f"{measure.environment()}\n\n{tables(directory, options)}")


if __name__ == "__main__":
    main()
