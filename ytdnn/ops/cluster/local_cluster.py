"""A cluster of processes on this machine, for experiments and tests.

Each process runs the same command with a `TF_CONFIG` of its own. A process that is
killed by a signal, or ends because another was lost, is started again: with parameter
servers only that worker, otherwise the whole cluster, which resumes from the chief's
last checkpoint. The processes share a private network (`local_network`), in which one
process of this module starts, watches and ends them; it ends with the process that the
user started.
"""

import contextlib
import ctypes
import dataclasses
import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ytdnn.base import errors
from ytdnn.ops.cluster import local_network, tasks

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.1
_END_SECONDS = 10.0  # for the chief to end by itself after Ctrl-C
# prctl(2): the signal that a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings of a cluster to start.

    Attributes:
      command: Command that every process runs.
      workers: Number of workers.
      servers: Number of parameter servers; 0: the workers train in step.
      logs: Directory for the output of all processes except the chief.
      restarts: Maximum number of restarts of lost processes.
      say: Function that is called with each message.
      is_open: Whether to use the machine's network, for remote data; TensorFlow then
        listens on all of its addresses.
    """

    command: Sequence[str]
    workers: int
    servers: int
    logs: pathlib.Path
    restarts: int
    say: Callable[[str], None]
    is_open: bool = False

    def tasks(self) -> list[tasks.Task]:
        """Returns all processes at free ports of this machine, the chief first."""
        jobs = {tasks.WORKER: self.workers}
        if self.servers:
            jobs = {tasks.CHIEF: 1, **jobs, tasks.SERVER: self.servers}
        with _free_ports(sum(jobs.values())) as ports:
            left = iter(f"{_HOST}:{port}" for port in ports)
            places = {job: [next(left) for _ in range(n)] for job, n in jobs.items()}
        return [
            tasks.Task(job, index, places) for job in jobs for index in range(jobs[job])
        ]


def run(plan: Plan) -> int:
    """Runs a cluster until its chief ends.

    All processes of the cluster end with this one.

    Returns:
      The chief's exit status.

    Raises:
      errors.UserError: A private network is not permitted, or processes were lost more
        often than `restarts`.
    """
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(_started(plan, parent))
    with _passed_on_to(child):
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _started(plan: Plan, parent: int) -> int:
    """Runs a cluster in the child, and returns its exit status."""
    os.setsid()  # a terminal interrupts the parent alone, which passes it on once
    try:
        if not plan.is_open:
            local_network.enter()
        _end_with_parent(parent)  # which a change of user namespace would forget
        return _restarted(plan)
    except errors.UserError as error:
        print(f"ytdnn: error: {error}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        # As a shell has it for a command that SIGINT ended: 128 + 2.
        return 130
    except BaseException:
        traceback.print_exc()
        return 1


def _restarted(plan: Plan) -> int:
    plan.logs.mkdir(parents=True, exist_ok=True)
    with _terminated_as_interrupted():
        for number in range(1, plan.restarts + 2):
            status, why = _Cluster(plan).run()
            if not why:
                return status
            if number <= plan.restarts:
                plan.say(
                    f"cluster: {why}: all processes start again (restart {number} of "
                    f"{plan.restarts})"
                )
    raise errors.UserError(
        f"expected a cluster that stays up, but {why}, after {plan.restarts} restarts: "
        f"see {plan.logs}; the same command resumes"
    )


class _Cluster:
    """The processes of one start."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tasks = plan.tasks()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> tuple[int, str]:
        """Returns the exit status, and the reason for a restart of all, if any."""
        try:
            for task in self._tasks:
                self._start(task)
            addresses = ", ".join(f"{t.name} {t.address}" for t in self._tasks)
            self._plan.say(f"cluster: {addresses}; logs in {self._plan.logs}")
            return self._watch()
        except KeyboardInterrupt:
            # It keeps its settings, and says that the same command goes on.
            self._chief.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._chief.wait(_END_SECONDS)
            raise
        finally:
            self._end()

    @property
    def _chief(self) -> subprocess.Popen[bytes]:
        return self._processes[self._tasks[0].name]

    def _start(self, task: tasks.Task) -> None:
        described = {
            "cluster": task.addresses,
            "task": {"type": task.job, "index": task.index},
        }
        environment = os.environ | {tasks.VARIABLE: json.dumps(described)}
        follow_parent = functools.partial(_end_with_parent, os.getpid())
        with contextlib.ExitStack() as files:
            output: dict[str, Any] = {}
            if not task.is_chief:
                path = self._plan.logs / f"{task.name.replace(' ', '-')}.log"
                log = files.enter_context(open(path, "ab"))
                output = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
            self._processes[task.name] = subprocess.Popen(
                self._plan.command, env=environment, preexec_fn=follow_parent, **output
            )

    def _watch(self) -> tuple[int, str]:
        left = self._plan.restarts
        while True:
            time.sleep(_POLL_SECONDS)
            for task in self._tasks:
                status = self._processes[task.name].poll()
                if status is None or (status == 0 and not task.is_chief):
                    continue
                how = _how(task, status)
                if not _is_lost(task, status):
                    if not task.is_chief:
                        self._plan.say(f"cluster: {how}: see {self._plan.logs}")
                    return (status if status >= 0 else 128 - status), ""
                if not (self._plan.servers and task.job == tasks.WORKER and left):
                    return status, how
                left -= 1
                self._plan.say(f"cluster: {how}: it starts again")
                self._start(task)

    def _end(self) -> None:
        """Ends all processes at once: TensorFlow's are deaf to SIGTERM at times."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()


def _is_lost(task: tasks.Task, status: int) -> bool:
    """Whether a process ended otherwise than by its own decision, or a user's."""
    was_asked = task.is_chief and status in (-signal.SIGTERM, -signal.SIGINT)
    return status == errors.LOST_STATUS or (status < 0 and not was_asked)


def _how(task: tasks.Task, status: int) -> str:
    if status == errors.LOST_STATUS:
        return f"{task.name} lost another process"
    if status < 0:
        return f"{task.name} was ended by signal {-status}"
    return f"{task.name} ended with status {status}"


@contextlib.contextmanager
def _free_ports(number: int) -> Iterator[list[int]]:
    """Yields ports of this machine that nothing listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((_HOST, 0))
        yield [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def _passed_on_to(child: int) -> Iterator[None]:
    """Passes signals that end this process on to another, and outlives it."""

    def pass_on(number: int, _: Any) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    with _signalled(pass_on):
        yield


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Lets a termination signal end the block as Ctrl-C does."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with _signalled(interrupt):
        yield


@contextlib.contextmanager
def _signalled(handle: Callable[[int, Any], None]) -> Iterator[None]:
    """Calls a function on termination signals while the block runs."""
    kinds = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.signal(kind, handle) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def _end_with_parent(parent: int) -> None:
    """Asks Linux to end this process when its parent ends, even by SIGKILL."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # which has ended before it was asked
        os._exit(1)
