"""The supervisor of several processes that answer on one port.

The supervisor imports all modules, and forks the processes before TensorFlow starts a
thread: they share the memory of code and modules, and of vectors and large tables of
  models
(`ytdnn.bundle.mapped`). Processes accept connections from one socket, so if a process
is killed, another accepts its waiting connections.
"""

import contextlib
import dataclasses
import gc
import importlib
import logging
import multiprocessing
import pathlib
import signal
import socket
import time
import warnings
from collections.abc import Callable
from multiprocessing import connection, process

from ytdnn.base import errors
from ytdnn.bundle import versions
from ytdnn.ops.server import agreement, http_server, settings

_LOG = logging.getLogger("ytdnn.ops.server")
_MODULES = ("ytdnn.ops.server.worker", "tensorflow")
_LONG_ENOUGH = 10.0  # seconds of a process that is replaced at once
_LEAST_PAUSE, _MOST_PAUSE = 0.5, 30.0
_MOST_FAILURES = 3  # of processes, before the first version is served
_KILL_SECONDS = http_server.GRACE_SECONDS + 10

Say = Callable[[str], None]


@dataclasses.dataclass
class _Child:
    process: process.BaseProcess
    link: connection.Connection
    started: float


class Supervisor:
    """Starts the processes, replaces those that end, and keeps their versions equal."""

    def __init__(
        self, given: settings.Settings, listening: http_server.Listener, say: Say
    ) -> None:
        """Creates the supervisor; `run` starts the processes.

        Args:
          given: The settings.
          listening: Socket that all processes listen on.
          say: Function that is called with each message.
        """
        self._given, self._listening, self._say = given, listening, say
        self._agreed = agreement.Agreement(
            given.processes, lambda: versions.numbers(given.bundle)
        )
        self._children: dict[int, _Child] = {}
        self._told: agreement.Processes | None = None
        self._lines: tuple[str, ...] = ()
        self._pause, self._not_before, self._num_failures = 0.0, 0.0, 0
        self._is_ending = False
        self._woken, self._wakes = socket.socketpair()

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT.

        Raises:
          errors.UserError: No version can be served.
        """
        _import_all(self._given.bundle)
        self._catch_signals()
        try:
            while not self._is_ending:
                self._start_missing()
                self._send_due()
                self._wait()
        finally:
            self._end()

    def _catch_signals(self) -> None:
        def end(*_: object) -> None:
            self._is_ending = True

        self._wakes.setblocking(False)
        self._woken.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

    def _start_missing(self) -> None:
        while (
            len(self._children) < self._given.processes
            and time.monotonic() >= self._not_before
        ):
            ours, theirs = multiprocessing.Pipe()
            context = multiprocessing.get_context("fork")
            child = context.Process(target=self._child, args=(theirs, ours))
            with warnings.catch_warnings():
                # Of threads of imported libraries; each survives a fork.
                warnings.simplefilter("ignore", DeprecationWarning)
                child.start()
            theirs.close()
            number = child.pid or 0
            self._children[number] = _Child(child, ours, time.monotonic())
            self._agreed.join(number)

    def _child(self, link: connection.Connection, ours: connection.Connection) -> None:
        """Runs in the process that was started."""
        # Ends of pipes that it holds would hide from others that the supervisor ended.
        ours.close()
        for other in self._children.values():
            other.link.close()
        from ytdnn.ops.server import worker

        worker.run(self._given, self._listening, link)

    def _send_due(self) -> None:
        before = self._agreed.current
        refused = set()
        for number, message in self._agreed.step():
            self._send(number, message)
            if isinstance(message, agreement.Refuse):
                refused.add(message)
        for message in refused:
            self._tell_refused(message)
        if self._agreed.current != before:
            self._tell_served(before)
        if self._agreed.processes != self._told:
            self._told = self._agreed.processes
            for number in self._children:
                self._send(number, self._told)

    def _send(self, number: int, message: agreement.Message) -> None:
        with contextlib.suppress(OSError):  # it has ended, which is seen next
            self._children[number].link.send(message)

    def _wait(self) -> None:
        """Reads messages of processes, and notices ended ones, for a short time."""
        links = {child.link: pid for pid, child in self._children.items()}
        ends = {child.process.sentinel: pid for pid, child in self._children.items()}
        seconds = self._given.poll_seconds
        for one in connection.wait([*links, *ends, self._woken], seconds):
            if one is self._woken:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(4096)
            elif isinstance(one, connection.Connection):
                self._read(links[one])
            elif isinstance(one, int) and ends[one] in self._children:
                self._replace(ends[one])

    def _read(self, number: int) -> None:
        try:
            message = self._children[number].link.recv()
        except (EOFError, OSError):
            return  # its end is seen by its sentinel
        if isinstance(message, agreement.Prepared):
            self._lines = self._lines or message.lines
            self._agreed.prepared(number, message.number)
        elif message.number == self._agreed.candidate:
            self._agreed.failed(number, message.number, message.reason)
        else:
            _LOG.error("process %s cannot serve: %s", number, message.reason)
            self._children[number].process.terminate()

    def _replace(self, number: int) -> None:
        child = self._children.pop(number)
        child.process.join()
        child.link.close()
        self._agreed.leave(number)
        _forget_metrics(number)
        if self._is_ending:
            return
        self._say(f"process {number} ended ({_how(child.process.exitcode)})")
        self._num_failures += 1
        if self._agreed.current is None and self._num_failures >= _MOST_FAILURES:
            raise errors.UserError(
                f"{_MOST_FAILURES} processes ended before one served: the last "
                f"{_how(child.process.exitcode)}"
            )
        lived = time.monotonic() - child.started
        longer = min(_MOST_PAUSE, max(_LEAST_PAUSE, 2 * self._pause))
        self._pause = 0.0 if lived > _LONG_ENOUGH else longer
        self._not_before = time.monotonic() + self._pause

    def _tell_served(self, before: int | None) -> None:
        if before is None:
            for line in self._lines:
                self._say(line)
            return
        self._say(
            f"version {self._agreed.current} is served, version {before} no longer"
        )

    def _tell_refused(self, message: agreement.Refuse) -> None:
        serving = self._agreed.current
        rest = "" if serving is None else f", version {serving} serves on"
        self._say(f"version {message.number} is refused{rest}: {message.reason}")

    def _end(self) -> None:
        """Ends the processes after their running requests."""
        self._is_ending = True
        for child in self._children.values():
            child.process.terminate()
        end = time.monotonic() + _KILL_SECONDS
        for child in self._children.values():
            child.process.join(max(0.0, end - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
        signal.set_wakeup_fd(-1)


def _import_all(bundle: pathlib.Path) -> None:
    """Imports the modules that all processes need, so that they share them."""
    for name in _MODULES:
        importlib.import_module(name)
    from ytdnn.retrieval.index import scann_index

    if scann_index.is_available() and _needs_scann(bundle):
        scann_index.scann_ops()
    gc.collect()
    gc.freeze()  # a collection would write to all objects, and so copy their pages
    gc.disable()


def _needs_scann(bundle: pathlib.Path) -> bool:
    from ytdnn.base import artifacts

    try:
        facts = artifacts.load_manifest(bundle, "bundle").facts
    except errors.UserError:
        return False
    return any("scann" in model["needs"] for model in facts["models"].values())


def _forget_metrics(number: int) -> None:
    """Leaves a process that ended out of the gauges; its counts stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(number)


def _how(status: int | None) -> str:
    """Returns how a process ended, in words."""
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"status {status}"
