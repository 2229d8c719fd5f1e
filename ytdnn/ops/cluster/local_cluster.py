"""A cluster of processes on this machine, for experiments and tests.

Each process runs the same command with a `TF_CONFIG` of its own. Where one is killed,
or ends because another was lost, all start again and resume from the last checkpoint.
All end with this process.

TensorFlow's servers execute any graph they receive, and listen on every address of the
machine, whatever address is configured. So the processes share a network namespace,
whose loopback nothing outside can reach. Linux creates one without privileges if user
namespaces are allowed.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import functools
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ytdnn.base import errors
from ytdnn.ops.cluster import tasks

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.1
_END_SECONDS = 10.0  # for the chief to end by itself after Ctrl-C
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # unshare(2)
_SET_FLAGS, _IS_UP = 0x8914, 0x1 | 0x8 | 0x40  # netdevice(7): up, loopback, running


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings of a cluster to start.

    Attributes:
      command: Command that every process runs.
      workers: Number of workers.
      servers: Number of parameter servers; 0: the workers train in step.
      logs: Directory for the output of all processes except the chief.
      restarts: Maximum number of restarts.
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
        with contextlib.ExitStack() as held:
            created = (
                socket.create_server((_HOST, 0)) for _ in range(sum(jobs.values()))
            )
            sockets = [held.enter_context(each) for each in created]
            left = iter(f"{_HOST}:{each.getsockname()[1]}" for each in sockets)
            places = {job: [next(left) for _ in range(n)] for job, n in jobs.items()}
        return [tasks.Task(job, i, places) for job, n in jobs.items() for i in range(n)]


def run(plan: Plan) -> int:
    """Runs a cluster until its chief ends, and returns the chief's exit status.

    Raises:
      errors.UserError: A private network is not permitted, or processes were lost more
        often than `restarts`.
    """
    if not plan.is_open:
        enter_own_network()
    plan.logs.mkdir(parents=True, exist_ok=True)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    for number in range(1, plan.restarts + 2):
        status, lost = _run_once(plan)
        if not lost:
            return status
        if number <= plan.restarts:
            told = f"restart {number} of {plan.restarts}"
            plan.say(f"cluster: {lost}: all processes start again ({told})")
    raise errors.UserError(
        f"expected a cluster that stays up, but {lost}, after {plan.restarts} "
        f"restarts: see {plan.logs}; the same command resumes"
    )


def _run_once(plan: Plan) -> tuple[int, str]:
    """Returns the exit status, and which process was lost, if any."""
    all_tasks = plan.tasks()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes += (_started(plan, task) for task in all_tasks)
        plan.say(f"cluster: {len(all_tasks)} processes; logs in {plan.logs}")
        return _watched(plan, all_tasks, processes)
    except KeyboardInterrupt:
        # The chief keeps its settings, and says that the same command goes on.
        processes[0].send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            processes[0].wait(_END_SECONDS)
        return 128 + signal.SIGINT, ""
    finally:
        for process in processes:
            process.kill()  # TensorFlow's processes are deaf to SIGTERM at times
            process.wait()


def _started(plan: Plan, task: tasks.Task) -> "subprocess.Popen[bytes]":
    role = {"type": task.job, "index": task.index}
    described = json.dumps({"cluster": task.addresses, "task": role})
    with contextlib.ExitStack() as files:
        output: dict[str, Any] = {}
        if not task.is_chief:
            path = plan.logs / f"{task.name.replace(' ', '-')}.log"
            log = files.enter_context(open(path, "ab"))
            output = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(
            plan.command,
            env=os.environ | {tasks.VARIABLE: described},
            preexec_fn=functools.partial(_end_with_parent, os.getpid()),
            start_new_session=True,  # a terminal interrupts this process alone
            **output,
        )


def _watched(
    plan: Plan,
    all_tasks: Sequence[tasks.Task],
    processes: "Sequence[subprocess.Popen[bytes]]",
) -> tuple[int, str]:
    """Waits for the chief, or for a process that fails; see `_run_once`."""
    while True:
        time.sleep(_POLL_SECONDS)
        for task, process in zip(all_tasks, processes, strict=True):
            status = process.poll()
            if status is None or (status == 0 and not task.is_chief):
                continue
            if status == errors.LOST_STATUS:
                return status, f"{task.name} lost another process"
            if status < 0:
                return 128 - status, f"{task.name} was ended by signal {-status}"
            if not task.is_chief:
                plan.say(f"cluster: {task.name} ended with status {status}")
            return status, ""


def _end_with_parent(parent: int) -> None:
    """Asks Linux to end this process when its parent ends, even by SIGKILL."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # which has ended before it was asked
        os._exit(1)


def enter_own_network() -> None:
    """Moves this single-threaded process and its children into a network namespace.

    Raises:
      errors.UserError: The system does not permit it.
    """
    try:
        _unshare(os.getuid(), os.getgid())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH22x", b"lo", _IS_UP))
    except (OSError, AttributeError):
        raise errors.UserError(
            "expected a system where a process can have its own network namespace "
            "(Linux with user namespaces), found none: TensorFlow would listen on "
            "every address and run any request that reaches it; give --network=open "
            "only behind a firewall"
        ) from None


def _unshare(user: int, group: int) -> None:
    libc = ctypes.CDLL(None)
    if libc.unshare(_NEW_NET) == 0:
        return
    if libc.unshare(_NEW_USER | _NEW_NET) != 0:
        raise OSError("no user namespaces")
    process = pathlib.Path("/proc/self")
    (process / "setgroups").write_text("deny")
    (process / "uid_map").write_text(f"{user} {user} 1")
    (process / "gid_map").write_text(f"{group} {group} 1")
