"""A server on a port of its own, in a thread or in a process."""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from ytdnn.ops.server import app, start

JSON = {"Content-Type": "application/json"}


@contextlib.contextmanager
def in_thread(parts: app.Server) -> Iterator[int]:
    """Yields the port of a server that runs in this process."""
    with start.bound(dataclasses.replace(parts.given, port=0)) as bound:
        config = uvicorn.Config(app.application(parts), log_config=None, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)


@dataclasses.dataclass
class Process:
    """A server as a user starts it."""

    process: "subprocess.Popen[str]"
    port: int
    said: list[str]

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Returns status and JSON of an answer."""
        return ask(self.port, path, body)

    def text(self, path: str) -> str:
        """Returns the text of an answer."""
        address = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(address, timeout=60) as answer:
            return str(answer.read().decode())

    def end(self, how: int = signal.SIGINT) -> tuple[int, str]:
        """Ends it, and returns its status and the rest of what it said."""
        self.process.send_signal(how)
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, rest


def ask(port: int, path: str, body: Any = None) -> tuple[int, Any]:
    """Returns status and JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        text = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, text, JSON)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def wait(until: Callable[[], Any], seconds: float = 240.0, pause: float = 0.05) -> None:
    """Returns when something has come about, which it must within so many seconds."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(pause)


def command(*flags: str) -> list[str]:
    """Returns the command line of `ytdnn serve`."""
    return [sys.executable, "-m", "ytdnn", "serve", *flags]


@contextlib.contextmanager
def in_process(workdir: pathlib.Path, *flags: str) -> Iterator[Process]:
    """Yields a server as a user starts it, on any free port."""
    process = subprocess.Popen(
        command(f"--workdir={workdir}", "--port=0", "--queue_seconds=600", *flags),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    try:
        yield _started(process)
    finally:
        process.kill()
        process.wait()


def _started(process: "subprocess.Popen[str]") -> Process:
    said: list[str] = []
    end = time.monotonic() + 120
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        assert time.monotonic() < end
        if line.startswith("Ctrl-C"):
            break
    (port,) = re.findall(r"listening on http://127\.0\.0\.1:(\d+)", "\n".join(said))
    found = Process(process, int(port), said)
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found.ask("/healthz")[0] == 200:
                return found
        time.sleep(0.1)
    raise AssertionError(said)
