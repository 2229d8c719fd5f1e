"""Hot swap of versions: a newer version is loaded, warmed up and then served.

A version that is broken, incomplete or not allowed is refused and reported, and the
earlier one stays. Running requests keep the version they began with, which is freed
after the last of them.
"""

import asyncio
import concurrent.futures
import contextlib
import gc
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from ytdnn.base import artifacts, errors
from ytdnn.bundle import versions
from ytdnn.ops.server import batching, metrics, models, problems, settings

_LOG = logging.getLogger("ytdnn.ops.server")
_DRAIN_SECONDS = 60.0  # after which a version is closed under its last requests


class Served:
    """The served version, and the state of others.

    Attributes:
      refused: Reasons why versions were not loaded, by number; number 0 is a manifest
        that cannot be read.
    """

    def __init__(
        self,
        given: settings.Settings,
        threads: batching.Threads,
        measured: metrics.Metrics,
        say: Callable[[str], None] = _LOG.info,
        number: int | None = None,
    ) -> None:
        """Loads the newest version that can be served; newer ones are refused.

        Args:
          given: Settings, with the bundle.
          threads: Threads that run models.
          measured: Metrics to update.
          say: Function that is called with each message.
          number: Number of the version to load; None: the newest that can be served.

        Raises:
          errors.UserError: No version can be served.
        """
        self._given = given
        self._threads = threads
        self._metrics = measured
        self._say = say
        self.refused: dict[int, str] = {}
        self._loading: int | None = None
        self._prepared: models.Version | None = None
        self._failed: set[str] = set()
        self._draining: set[models.Version] = set()
        self._drains: set[asyncio.Task[None]] = set()
        self._loader = concurrent.futures.ThreadPoolExecutor(
            1, thread_name_prefix="load"
        )
        self._current, failed = self._first(number)
        measured.version.set(self._current.number)
        for number, reason in failed.items():
            self._refuse(number, reason)

    def _first(self, number: int | None) -> tuple[models.Version, dict[int, str]]:
        """Returns the newest version that can be served, and why newer ones cannot.

        Raises:
          errors.UserError: No version can be served; the message is about the newest.
        """
        directory, failed = self._given.bundle, dict[int, errors.UserError]()
        if number is not None:
            return models.load(directory, number, self._threads), {}
        for number in reversed(versions.numbers(directory)):
            try:
                found = models.load(directory, number, self._threads)
            except errors.UserError as error:
                failed[number] = error
            else:
                return found, {number: str(error) for number, error in failed.items()}
        if failed:
            raise failed[max(failed)]
        return models.load(directory, None, self._threads), {}

    @property
    def current(self) -> models.Version:
        """The served version, for callers that are not requests."""
        return self._current

    @contextlib.contextmanager
    def version(self) -> Iterator[models.Version]:
        """Context with the version that answers a request, from begin to end."""
        held = self._current
        held.num_asked += 1
        try:
            yield held
        finally:
            held.num_asked -= 1

    @property
    def unloaded(self) -> list[str]:
        """Models of the current version that are not loaded yet."""
        if not self._given.loads_all:
            return []
        done = {*self._current.models, *self._failed}
        return [name for name in self._current.graphs if name not in done]

    async def load_all(self) -> None:
        """Loads every model of the current version; reports those that fail."""
        for name in self.unloaded:
            try:
                with self.version() as version:
                    await self.load(version, name)
            except problems.Problem as problem:
                self._failed.add(name)
                self._say(f"model {name} is not loaded: {problem.body}")

    async def load(
        self, version: models.Version, name: str, number: int | None = None
    ) -> None:
        """Loads a model of a version, after checking the requested number.

        Raises:
          problems.Problem: Version or model are unknown, in TensorFlow Serving's words;
            or the files are gone.
        """
        if name in version.models and number in (None, version.number):
            return
        self.require(version, name, number)
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._loader, version.load, name)
        except errors.UserError as error:
            raise problems.Problem(problems.OVERLOADED, str(error)) from None

    def require(self, version: models.Version, name: str, number: int | None) -> None:
        """Checks that a version has the requested number and model.

        Raises:
          problems.Problem: It has not, in TensorFlow Serving's words.
        """
        if name in version.graphs and number in (None, version.number):
            return
        asked = f"Latest({name})" if number is None else f"Specific({name}, {number})"
        raise problems.Problem(
            problems.NOT_FOUND, f"Servable not found for request: {asked}"
        )

    async def watch(self) -> None:
        """Polls for newer versions until it is cancelled."""
        while True:
            await asyncio.sleep(self._given.poll_seconds)
            try:
                await self.look()
            except Exception:
                _LOG.exception("a look for new versions failed")

    async def look(self) -> None:
        """Switches to the newest version, if there is a new one that can be served."""
        loop = asyncio.get_running_loop()
        number = await loop.run_in_executor(self._loader, self._candidate)
        if number is None:
            return
        reason = await self.prepare(number)
        if reason is None:
            self.commit()
        else:
            self.refuse(number, reason)

    async def prepare(self, number: int) -> str | None:
        """Loads and warms up a version while the current one serves.

        Args:
          number: Number of the version.

        Returns:
          The reason why it cannot be served; None: it is ready for `commit` or
          `refuse`.
        """
        loop = asyncio.get_running_loop()
        await self._drop_prepared()
        self._loading = number
        try:
            self._prepared = await loop.run_in_executor(
                self._loader, self._load, number
            )
        except errors.UserError as error:
            return str(error)
        except Exception as error:
            _LOG.exception("version %s could not be loaded", number)
            return f"{type(error).__name__}: {error}"
        finally:
            self._loading = None
        return None

    def commit(self) -> None:
        """Switches to the prepared version."""
        if self._prepared is None:
            return
        old, self._current = self._current, self._prepared
        self._prepared = None
        self.refused.pop(0, None)
        self._metrics.version.set(self._current.number)
        self._say(
            f"version {self._current.number} is served, version {old.number} no longer"
        )
        self._draining.add(old)
        self._start(self._drain(old))

    def refuse(self, number: int, reason: str) -> None:
        """Records why a version is not served, and drops it if it was prepared."""
        self._refuse(number, reason)
        if self._prepared is not None and self._prepared.number == number:
            self._start(self._drop_prepared())

    async def _drop_prepared(self) -> None:
        dropped, self._prepared = self._prepared, None
        if dropped is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._loader, dropped.close)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a task in the background, and keeps a reference until it is done."""
        self._drains.add(task := asyncio.get_running_loop().create_task(work))
        task.add_done_callback(self._drains.discard)

    async def _drain(self, old: models.Version) -> None:
        """Forgets a version when its last request is answered."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _DRAIN_SECONDS
        while old.num_asked and loop.time() < end:
            await asyncio.sleep(0.05)
        self._draining.discard(old)
        await loop.run_in_executor(self._loader, old.close)
        del old
        await loop.run_in_executor(self._loader, gc.collect)

    def _candidate(self) -> int | None:
        """Returns the number of a newer version that was not refused; None: none."""
        directory = self._given.bundle
        number = versions.newest(directory)
        if number == 0 and 0 not in self.refused:
            self._refuse(0, f"expected {artifacts.MANIFEST} of a bundle in {directory}")
        elif number:
            self.refused.pop(0, None)
        if number <= self._current.number or number in self.refused:
            return None
        return number

    def _load(self, number: int) -> models.Version:
        names = list(self._current.models)
        return models.load(self._given.bundle, number, self._threads, names)

    def _refuse(self, number: int, reason: str) -> None:
        self.refused[number] = errors.one_line(reason)
        self._metrics.refused.inc()
        name = f"version {number}" if number else "the bundle"
        self._say(
            f"{name} is refused, version {self._current.number} serves on: {reason}"
        )

    def load_every(self) -> None:
        """Loads every model of the current version, before the first request."""
        for name in self.unloaded:
            try:
                self._current.load(name)
            except errors.UserError as error:
                self._failed.add(name)
                self._say(f"model {name} is not loaded: {error}")

    def status(self) -> dict[str, object]:
        """Returns the versions served, loaded, drained, refused and unfinished."""
        directory = self._given.bundle
        newest = versions.newest(directory)
        return {
            "version": self._current.number,
            "loading": self._loading,
            "draining": sorted(version.number for version in self._draining),
            "refused": [
                {"version": number or None, "reason": reason}
                for number, reason in sorted(self.refused.items())
            ],
            "unfinished": [n for n in versions.seen(directory) if n > newest],
        }

    def close(self) -> None:
        """Ends the loading thread, and frees the models' memory."""
        self._loader.shutdown(wait=False, cancel_futures=True)
        self._current.close()
