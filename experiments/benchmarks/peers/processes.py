"""The systems' processes: bound to one core, in turns, with bounded memory."""

import dataclasses
import json
import os
import pathlib
import resource
import subprocess
from typing import Any

from experiments.benchmarks.peers import pace, systems

_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "POLARS_MAX_THREADS",
)
_GIBIBYTE = 2**30


class Process:
    """A script at work."""

    def __init__(
        self, system: systems.System, python: str, task: pace.Task, gibibytes: float
    ) -> None:
        """Starts it; what it prints beside its facts goes to a file.

        Args:
          system: What it is.
          python: Interpreter.
          task: What it is to do.
          gibibytes: Memory that it may use of its own.
        """
        self.system = system
        task = dataclasses.replace(task, **system.settings)
        self._log = pathlib.Path(task.out) / "log.txt"
        self._log.parent.mkdir(parents=True)
        environment = dict(os.environ) | {"PYTHONPATH": str(systems.ROOT)}
        environment |= dict.fromkeys(_THREADS, "1")
        module = f"experiments.benchmarks.peers.{system.module}"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [python, "-m", module, json.dumps(dataclasses.asdict(task))],
                env=environment,
                cwd=task.out,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=lambda: _bind(gibibytes),
            )

    def read(self) -> dict[str, Any]:
        """Returns the facts it says next.

        Raises:
          RuntimeError: It ended without any.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(pace.MARK):
                found: dict[str, Any] = json.loads(line.removeprefix(pace.MARK))
                return found
        said = self._log.read_text()[-2_000:]
        raise RuntimeError(f"expected facts of {self.system.name}, found:\n{said}")

    def write(self, word: str) -> None:
        """Tells it to go on, or to stop."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def turn(self) -> float:
        """Lets it train for a turn; returns its examples a second.

        Raises:
          RuntimeError: It ended, or says that it cannot.
        """
        self.write("go")
        found = self.read()
        if "failed" in found:
            raise RuntimeError(f"{self.system.name} in its turn: {found['failed']}")
        return float(found["examples"] / found["seconds"])

    def end(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        self._process.communicate()


def _bind(gibibytes: float) -> None:
    """Runs in the new process: one core, the same for all, and bounded memory."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    most = int(gibibytes * _GIBIBYTE)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
