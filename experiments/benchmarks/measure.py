"""The tools of the benchmarks: the machine, times in turns, processes, tables."""

import contextlib
import dataclasses
import datetime
import itertools
import math
import os
import pathlib
import platform
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

import numpy as np
import tensorflow as tf

_SECONDS = 0.5  # between two looks at the processes of a command
_TICKS = os.sysconf("SC_CLK_TCK")
_PROCESSES = pathlib.Path("/proc")


@dataclasses.dataclass(frozen=True)
class Times:
    """The times of one call, in milliseconds.

    Attributes:
      median: Time that passes.
      p99: Likewise.
      core: Median processor time of the process.
    """

    median: float
    p99: float
    core: float


def interleaved(
    functions: Mapping[str, Callable[[], object]],
    repeats: int,
    warm_up: int = 5,
    block: int = 1,
) -> dict[str, Times]:
    """Times functions in turns, so that other work on the machine slows all alike.

    Args:
      functions: Functions by name; each must have finished when it returns.
      repeats: Calls of each.
      warm_up: Turns before these.
      block: Calls of one function in a turn.
    """
    wall: dict[str, list[float]] = {name: [] for name in functions}
    core: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(warm_up + -(-repeats // block)):
        for name, function in itertools.chain.from_iterable(
            itertools.repeat(one, block) for one in functions.items()
        ):
            before, used = time.perf_counter(), time.process_time()
            function()
            if turn >= warm_up:
                wall[name].append((time.perf_counter() - before) * 1e3)
                core[name].append((time.process_time() - used) * 1e3)
    return {
        name: Times(
            float(np.median(values)),
            float(np.percentile(values, 99)),
            float(np.median(core[name])),
        )
        for name, values in wall.items()
    }


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most that a command may take.

    Attributes:
      core_seconds: Processor time of all its processes.
      mebibytes: Memory at once.
    """

    core_seconds: float = math.inf
    mebibytes: float = math.inf


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a command.

    Attributes:
      seconds: From its start to its end.
      core_seconds: Processor time of all its processes, but for the last moment.
      mebibytes: Most memory at once; pages that processes share count once.
      status: `done`, or why it ended.
    """

    seconds: float
    core_seconds: float
    mebibytes: float
    status: str = "done"


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Runs a command to its end and measures all its processes (Linux).

    Args:
      command: Its words; its output is shown only if it fails.
      environment: Variables added to those of this process.

    Raises:
      subprocess.CalledProcessError: It failed.
    """
    with tempfile.TemporaryFile() as output:
        cost = limited(command, Limits(), output, environment)
        if cost.status != "done":
            output.seek(0)
            raise subprocess.CalledProcessError(1, command, output.read()[-2_000:])
    return cost


def limited(
    command: Sequence[str],
    limits: Limits,
    output: IO[bytes],
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Runs a command to its end, or to a limit, and measures all its processes.

    Args:
      command: Its words.
      limits: The most it may take; all its processes are ended above.
      output: Gets what it prints.
      environment: Variables added to those of this process.
    """
    started, ticks, most, status = time.perf_counter(), dict[int, int](), 0.0, ""
    process = subprocess.Popen(
        command,
        env=os.environ | dict(environment or {}),
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    while process.poll() is None:
        alive = dict(_session(process.pid))
        ticks |= alive
        most = max(most, sum(map(_proportional_bytes, alive)) / 2**20)
        if sum(ticks.values()) / _TICKS > limits.core_seconds:
            status = f"stopped: more than {limits.core_seconds / 60:,.0f} core-minutes"
        elif most > limits.mebibytes:
            status = f"stopped: more than {limits.mebibytes / 1_024:,.0f} GiB"
        if status:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(_SECONDS)
    code = process.returncode
    status = status or ("done" if not code else f"failed: exit status {code}")
    seconds = time.perf_counter() - started
    return Cost(seconds, sum(ticks.values()) / _TICKS, most, status)


def _session(leader: int) -> Iterator[tuple[int, int]]:
    """Yields the id of each process of a session and its processor time in ticks."""
    for directory in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything: state, parent, group, session.
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                yield int(directory.name), int(fields[11]) + int(fields[12])


def _proportional_bytes(process: int) -> int:
    """Returns the proportional set size of a process, 0 after its end."""
    with contextlib.suppress(OSError):
        for line in (_PROCESSES / str(process) / "smaps_rollup").open():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def environment() -> str:
    """Returns date, machine and versions in one line."""
    today = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{today}, {os.cpu_count()} cores of {_processor()}, "
        f"TensorFlow {tf.__version__}, load {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
