"""A headless Chromium of the system, by Playwright, that says what a page did."""

import contextlib
import pathlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright import sync_api

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",  # a container's root has no other way
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
)
_HEIGHT = 800
_MOST_SECONDS = 60


class Browser:
    """One browser with one page.

    Attributes:
      requests: Addresses the page asked for, in order.
      complaints: Errors and warnings of its console, and uncaught exceptions.
    """

    def __init__(self, page: sync_api.Page) -> None:
        page.set_default_timeout(1_000.0 * _MOST_SECONDS)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def open(
        self, path: pathlib.Path | str, width: int = 1100, scheme: Any = "light"
    ) -> None:
        """Opens a page and waits until it is loaded.

        Args:
          path: Path of a file, or an address.
          width: Width of the window, in CSS pixels.
          scheme: `light` or `dark`, the preferred colour scheme.
        """
        self.requests, self.complaints = [], []
        self._page.set_viewport_size({"width": width, "height": _HEIGHT})
        self._page.emulate_media(color_scheme=scheme)
        self._page.goto(path if isinstance(path, str) else path.resolve().as_uri())

    def ask(self, expression: str) -> Any:
        """Returns the value of a JavaScript expression in the page."""
        return self._page.evaluate(expression)

    def wait_for(self, expression: str) -> Any:
        """Returns the value of an expression when it is true, or at last."""
        end = time.monotonic() + _MOST_SECONDS
        while not (found := self.ask(expression)) and time.monotonic() < end:
            self._page.wait_for_timeout(50)
        assert found, f"{expression} was never true: {self.complaints}"
        return found

    def press(self, key: str) -> None:
        """Presses a key, such as "Enter" or "Tab"."""
        self._page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Types a text where the focus is."""
        self._page.keyboard.insert_text(text)

    def picture(self, path: pathlib.Path) -> None:
        """Writes the whole page as a PNG."""
        self._page.screenshot(path=path, full_page=True)


@contextlib.contextmanager
def start() -> Iterator[Browser]:
    """Starts a browser; skips the test where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(
            "needs headless Chromium to open the page: install a package `chromium` "
            "(Debian: apt-get install chromium)"
        )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            yield Browser(browser.new_page())
        finally:
            browser.close()
