"""What a command and all processes that it starts take together (Linux)."""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

_SECONDS = 1.0  # between two looks
_TICKS = os.sysconf("SC_CLK_TCK")
_PROCESSES = pathlib.Path("/proc")


@dataclasses.dataclass(frozen=True)
class Used:
    """What a command took.

    Attributes:
      seconds: From its start to its end.
      core_seconds: Processor time of all processes, but for the last second of
        each and for those that lived no longer.
      mebibytes: Most memory at once: what processes share is counted once.
    """

    seconds: float
    core_seconds: float
    mebibytes: float


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Used:
    """Runs a command to its end, in a session of its own, and watches it.

    Args:
      command: To run; what it writes is shown only if it fails.
      environment: Variables beside those of this process.

    Raises:
      subprocess.CalledProcessError: It failed.
    """
    started, ticks, most = time.perf_counter(), dict[int, int](), 0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            env=os.environ | dict(environment or {}),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        while process.poll() is None:
            found = dict(_session(process.pid))
            ticks |= found
            most = max(most, sum(map(_bytes, found)))
            time.sleep(_SECONDS)
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(
                process.returncode, command, output.read()[-2_000:]
            )
    seconds = time.perf_counter() - started
    return Used(seconds, sum(ticks.values()) / _TICKS, most / 2**20)


def _session(leader: int) -> Iterator[tuple[int, int]]:
    """Yields the id of each process of a session and its processor time in ticks."""
    for directory in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything: state, parent, group, session.
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                yield int(directory.name), int(fields[11]) + int(fields[12])


def _bytes(process: int) -> int:
    """Returns the proportional set size of a process, 0 of one that has ended."""
    with contextlib.suppress(OSError):
        for line in (_PROCESSES / str(process) / "smaps_rollup").open():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
