"""The task of this process in a cluster, from TensorFlow's `TF_CONFIG`, and its role.

    {"cluster": {"worker": ["host1:2222", "host2:2222"]},
     "task": {"type": "worker", "index": 0}}

Every process is started with the same command. The chief (the task `chief`, or else the
first worker) runs the steps like a single process, and alone writes. Synchronous
workers join the trainings and skip everything else. Parameter servers and their workers
only serve.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import socket
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ytdnn.base import errors, registries
from ytdnn.run.pipeline import runner

if TYPE_CHECKING:
    from ytdnn.run.pipeline import graph

VARIABLE = "TF_CONFIG"
MULTI_WORKER, PARAMETER_SERVER = "multi_worker", "parameter_server"
CHIEF, WORKER, SERVER = "chief", "worker", "ps"
JOBS = {MULTI_WORKER: (WORKER,), PARAMETER_SERVER: (CHIEF, WORKER, SERVER)}
_SKIPPED, _MADE = 0.0, 1.0
_POLL_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Task:
    """A process of a cluster.

    Attributes:
      job: `chief`, `worker` or `ps`.
      index: Index among the processes of its job.
      addresses: `host:port` of every process, by job.
    """

    job: str
    index: int
    addresses: dict[str, list[str]]

    @property
    def name(self) -> str:
        """Name of the task in messages."""
        return self.job if self.job == CHIEF else f"{self.job} {self.index}"

    @property
    def is_chief(self) -> bool:
        """Whether the process is the chief, the only one that writes."""
        first = CHIEF if CHIEF in self.addresses else WORKER
        return (self.job, self.index) == (first, 0)


def from_environment(strategy: str) -> Task:
    """Returns this process's task under a strategy of several processes.

    Raises:
      errors.UserError: `TF_CONFIG` is missing, or does not fit the strategy.
    """
    text, jobs = os.environ.get(VARIABLE, ""), JOBS[strategy]
    if not text:
        raise errors.UserError(
            f"expected {VARIABLE} to name the processes of --strategy={strategy}, "
            f"found none: set it in each process, try it with `ytdnn cluster`, or give "
            f"--strategy=none"
        )
    try:
        described = json.loads(text)
        job, index = str(described["task"]["type"]), int(described["task"]["index"])
        addresses = {str(job): list(all_) for job, all_ in described["cluster"].items()}
        if strategy == MULTI_WORKER and CHIEF in addresses:  # as platforms name them
            job, index = WORKER, index + (job == WORKER)
            addresses[WORKER] = addresses.pop(CHIEF) + addresses.get(WORKER, [])
        fits = set(addresses) == set(jobs) and len(addresses.get(CHIEF, "1")) == 1
        fits = fits and 0 <= index < len(addresses[job])
    except (ValueError, KeyError, TypeError, AttributeError):
        fits = False
    if not fits:
        raise errors.UserError(
            f"expected JSON in {VARIABLE} with a `cluster` of the jobs "
            f"{', '.join(jobs)} (one chief) for --strategy={strategy}, and one of its "
            f"processes as `task`, found {errors.one_line(text[:200])}"
        )
    return Task(job, index, addresses)


def wait_for(name: str, address: str, seconds: int) -> None:
    """Waits until another process listens.

    Raises:
      errors.LostProcessError: It does not in time.
    """
    deadline = time.monotonic() + seconds
    while not listens(address):
        if time.monotonic() > deadline:
            raise errors.LostProcessError(
                f"expected {name} of the cluster at {address} within "
                f"{seconds} s, found nothing that listens there: start it, or correct "
                f"{VARIABLE}"
            )


def wait_for_workers(task: Task, seconds: int) -> None:
    """Waits until all workers listen; this one does meanwhile, for the others.

    TensorFlow waits for ever for one that never comes.

    Raises:
      errors.LostProcessError: One does not in time.
      errors.UserError: The own port is taken.
    """
    endpoint = task.addresses[task.job][task.index]
    try:
        listening = socket.create_server(("", int(endpoint.rpartition(":")[2])))
    except OSError as error:
        raise errors.UserError(
            f"expected to listen at {endpoint}, the address of {task.name}, could not "
            f"({error.strerror}): end what listens there, or correct {VARIABLE}"
        ) from None
    with listening:
        for number, address in enumerate(task.addresses[WORKER]):
            if number != task.index:
                wait_for(f"{WORKER} {number}", address, seconds)


def listens(address: str) -> bool:
    """Whether a server listens at `host:port`; if not, it has a second to appear."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_POLL_SECONDS):
            return True
    except OSError:
        time.sleep(_POLL_SECONDS)
        return False


class _Several(runner.SingleProcess):
    """Base class of roles in a cluster that `TF_CONFIG` describes."""

    @property
    def leads(self) -> bool:
        """Whether this process is the chief."""
        return from_environment(self.config.strategy).is_chief

    def require_alone(self, command: str) -> None:
        """Refuses a command for a single process.

        Args:
          command: Name of the command.

        Raises:
          errors.UserError: Always.
        """
        raise errors.UserError(
            f"expected a strategy of none, mirrored or tpu for `ytdnn {command}`, "
            f"received {self.config.strategy}: several processes can train, run and "
            f"refit"
        )

    def follows(self) -> bool:
        """Joins the cluster, and returns whether another process leads."""
        leads = self.leads  # a mistake is told before TensorFlow is loaded
        from ytdnn.training import device_strategy

        with self.watched():
            _ = device_strategy.make(self.config.strategy, self.config.cluster).strategy
        return not leads

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Context that turns TensorFlow's errors about a lost process into one error.

        Raises:
          errors.LostProcessError: A process of the cluster is missing.
        """
        from ytdnn.ops.cluster import strategies

        try:
            yield
        except strategies.LOST as error:
            named = re.search(r"/job:\w+(/replica:0)?/task:\d+", str(error))
            which = named[0] if named else errors.one_line(str(error)[:120])
            raise errors.LostProcessError(
                f"expected all other processes of the cluster, lost one ({which}): "
                f"start it again; the same command resumes from the last checkpoint"
            ) from None


@registries.HOOKS.register(f"role of {MULTI_WORKER}")
class Workers(_Several):
    """The role of synchronous workers; the first worker leads."""

    def follow(self, steps: Sequence["graph.Step"], workdir: pathlib.Path) -> None:
        """Joins the trainings that the chief runs."""
        from ytdnn.run.pipeline import log_size

        with self.watched():
            for step in steps:
                if step.is_shared and self._word(_SKIPPED) == _MADE:
                    step.run(log_size.resolved(self.config, workdir), workdir)
            self._word(_SKIPPED)

    def says(self, is_made: bool) -> None:
        """Tells the workers whether the next training runs; at the end, none does."""
        self._word(_MADE if is_made else _SKIPPED)

    def _word(self, word: float) -> float:
        """Returns the chief's word; waits for it, or for all to hear it."""
        from ytdnn.training import device_strategy

        own = device_strategy.make(self.config.strategy, self.config.cluster)
        return own.agreed([word])[0]


@registries.HOOKS.register(f"role of {PARAMETER_SERVER}")
class ServedTables(_Several):
    """The role of the chief, or of a process that serves it until it ends."""

    def follows(self) -> bool:
        """Joins the cluster; a process that serves returns when the chief ends."""
        if self.leads:
            return super().follows()
        from ytdnn.ops.cluster import strategies

        strategies.serve(from_environment(self.config.strategy), self.config.cluster)
        return True
