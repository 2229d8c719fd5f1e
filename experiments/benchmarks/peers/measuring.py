"""Examples a second in turns, and what is learned alone."""

import contextlib
import dataclasses
import pathlib
import statistics
import tempfile
from collections.abc import Iterator
from typing import Any

from experiments.benchmarks.peers import logs, pace, processes, systems

_BATCHES_MADE = 100  # of examples, for turns, where they are made before training


@dataclasses.dataclass(frozen=True)
class Rates:
    """Examples a second of a system and of ours, in turns.

    Attributes:
      ours: Of each turn before one of the other.
      others: Of each turn of the other.
      mebibytes: Most memory of the process.
      failed: Why there are none.
    """

    ours: list[float] = dataclasses.field(default_factory=list)
    others: list[float] = dataclasses.field(default_factory=list)
    mebibytes: float = 0.0
    failed: str = ""

    @property
    def ratio(self) -> float:
        """The median of ours over the other's, turn by turn."""
        pairs = zip(self.ours, self.others, strict=True)
        return statistics.median(ours / other for ours, other in pairs)


@dataclasses.dataclass(frozen=True)
class Bench:
    """What all measurements share.

    Attributes:
      others: The systems beside ours.
      pythons: The interpreter of each system, by module.
      gibibytes: Memory that each process may use.
      task: What each is to do, but for its log.
      scratch: Directory.
    """

    others: list[systems.System]
    pythons: dict[str, str]
    gibibytes: float
    task: pace.Task
    scratch: pathlib.Path

    @contextlib.contextmanager
    def started(
        self, system: systems.System, log: logs.Log, **settings: Any
    ) -> Iterator[processes.Process]:
        """Starts a system on a log, and ends it."""
        out = tempfile.mkdtemp(dir=self.scratch)
        task = dataclasses.replace(
            self.task,
            events=str(log.events),
            prepared=str(log.data.directory),
            out=f"{out}/{system.label}",
            **settings,
        )
        python = self.pythons[system.module]
        process = processes.Process(system, python, task, self.gibibytes)
        try:
            yield process
        finally:
            process.end()


@dataclasses.dataclass(frozen=True)
class Learned:
    """What a system has learned at some point of its training.

    Attributes:
      seconds: Of training, the first step left out.
      examples: Trained on in them.
      hit_rate: HR@10.
    """

    seconds: float
    examples: int
    hit_rate: float


@dataclasses.dataclass(frozen=True)
class Trained:
    """A training alone.

    Attributes:
      given: By "epoch 1" and so on, and "seconds".
      mebibytes: Most memory of the process.
      failed: Why there are none.
    """

    given: dict[str, Learned]
    mebibytes: float = 0.0
    failed: str = ""


def in_turns(bench: Bench, log: logs.Log, turns: int) -> dict[str, Rates]:
    """Returns the rates of all in turns: ours, A, ours, B and so on."""
    examples = _BATCHES_MADE * bench.task.batch
    found: dict[str, Rates] = {}
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(bench.started(systems.OURS, log))
        ours.read()
        ready: list[tuple[processes.Process, Rates]] = []
        for other in bench.others:
            process = stack.enter_context(bench.started(other, log, examples=examples))
            facts = process.read()
            found[other.name] = Rates(failed=facts.get("failed", ""))
            if not found[other.name].failed:
                ready.append((process, found[other.name]))
        for _ in range(turns):
            for process, rates in ready:
                rates.ours.append(ours.turn())
                rates.others.append(process.turn())
        found[systems.OURS.name] = Rates(mebibytes=_stopped(ours))
        for process, rates in ready:
            used = dataclasses.replace(rates, mebibytes=_stopped(process))
            found[process.system.name] = used
    return found


def _stopped(process: processes.Process) -> float:
    process.write("stop")
    return float(process.read()["mebibytes"])


def alone(bench: Bench, log: logs.Log, system: systems.System) -> Trained:
    """Returns what a system has learned after each epoch, and after some seconds."""
    given: dict[str, Learned] = {}
    with bench.started(system, log, examples=system.most_examples) as process:
        while "mebibytes" not in (facts := process.read()):
            if "failed" in facts:
                return Trained({}, failed=facts["failed"])
            hit_rate = log.hit_rate(facts["path"])
            point = Learned(facts["seconds"], facts["examples"], hit_rate)
            given[facts["name"]] = point
            print(f"{system.name}, {facts['name']}: {point}", flush=True)
    return Trained(given, facts["mebibytes"])
