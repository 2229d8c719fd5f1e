"""A headless Chromium that opens a file and says what it did.

Spoken to over a pipe in its DevTools protocol, so that nothing but the browser (and
what any system has) is needed: messages are JSON that end with a NUL byte, written to
the browser's descriptor 3 and read from its descriptor 4.
"""

import base64
import contextlib
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # a container's root has no other way
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
)

_MOST_SECONDS = 60

# Puts two descriptors where the browser expects them, and becomes the browser.
_PLACE_PIPES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One browser with one page.

    Attributes:
      requests: Addresses the page asked for, in order.
      complaints: Errors and warnings of its console, and uncaught exceptions.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._last = 0
        self._session = ""
        self._buffer = b""
        self._events: list[str] = []
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call(
            "Target.attachToTarget", targetId=target, flatten=True
        )["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(
        self, path: pathlib.Path | str, width: int = 1100, scheme: str = "light"
    ) -> None:
        """Opens a page and waits until it is loaded.

        Args:
          path: Of a file, or an address.
          width: Of the window, in CSS pixels.
          scheme: `light` or `dark`, what the user is said to prefer.
        """
        self.requests, self.complaints = [], []
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        preference = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=preference)
        self._events = []
        url = path if isinstance(path, str) else path.resolve().as_uri()
        self._call("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def ask(self, expression: str) -> Any:
        """Returns the value of a JavaScript expression in the page."""
        found = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Returns the value of an expression when it is true, or at last."""
        end = time.monotonic() + _MOST_SECONDS
        while not (found := self.ask(expression)) and time.monotonic() < end:
            time.sleep(0.05)
        assert found, f"{expression} was never true: {self.complaints}"
        return found

    def press(self, key: str, text: str = "") -> None:
        """Presses a key, such as "Enter" or "Tab"."""
        codes = {"Enter": 13, "Tab": 9}
        given = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
        self._call("Input.dispatchKeyEvent", type="keyUp", **given)

    def type(self, text: str) -> None:
        """Types a text where the focus is."""
        self._call("Input.insertText", text=text)

    def picture(self, path: pathlib.Path) -> None:
        """Writes the whole page as a PNG."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        found = self._call(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip=size | {"x": 0, "y": 0, "scale": 1},
        )
        path.write_bytes(base64.b64decode(found["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method}
        message["params"] = parameters
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], _MOST_SECONDS)
            assert ready, f"the browser was silent for {_MOST_SECONDS} s"
            piece = os.read(self._answers, 2**16)
            assert piece, "the browser has gone"
            self._buffer += piece
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, parameters: dict[str, Any]) -> None:
        self._events.append(event)
        if event == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(json.dumps(parameters))


@contextlib.contextmanager
def start() -> Iterator[Browser]:
    """Starts a browser; skips the test where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(
            "needs headless Chromium to open the page: install a package `chromium` "
            "(Debian: apt-get install chromium)"
        )
    command_end, commands = os.pipe()
    answers, answer_end = os.pipe()
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (command_end, answer_end)]
    with tempfile.TemporaryDirectory() as profile:
        arguments = [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            [sys.executable, "-c", _PLACE_PIPES, *map(str, ends), *arguments],
            pass_fds=ends,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for end in (command_end, answer_end, *ends):
            os.close(end)
        try:
            yield Browser(commands, answers)
        finally:
            os.close(commands)  # the browser ends when its pipe does
            os.close(answers)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()
            process.wait()
