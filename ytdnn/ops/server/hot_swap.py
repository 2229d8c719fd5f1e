"""Hot swap of versions: a newer version is loaded, warmed up and then served.

A version that is broken, incomplete or not allowed is refused and reported, and the
earlier one stays. Running requests keep the version they began with, which is freed
after the last of them.
"""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Callable, Iterator

from ytdnn.base import errors
from ytdnn.bundle import versions
from ytdnn.ops.server import batching, loaded_version, metrics, problems, settings

_LOG = logging.getLogger("ytdnn.ops.server")
Version = loaded_version.Version
_DRAIN_SECONDS = 60.0  # after which a version is closed under its last requests


class ServedVersions:
    """The served version, and the state of others.

    Attributes:
      current: The served version.
      refused: Reasons why versions were not loaded, by number.
      prepare: Function that is called with a loaded version before it is served.
    """

    def __init__(
        self,
        given: settings.Settings,
        threads: batching.Threads,
        say: Callable[[str], None] = _LOG.info,
    ) -> None:
        """Loads the newest version that can be served; newer ones are refused.

        Args:
          given: Settings, with the bundle.
          threads: Threads that run models.
          say: Function that is called with each message.

        Raises:
          errors.UserError: No version can be served.
        """
        self._given, self._threads, self._say = given, threads, say
        self.prepare: Callable[[Version], None] = lambda _: None
        self.refused: dict[int, str] = {}
        self._loading: int | None = None
        self._drains: dict[int, asyncio.Task[None]] = {}  # by the version's number
        self._lock = asyncio.Lock()  # while a model is loaded on its first use
        self.current = self._first()
        self._tell()

    def _first(self) -> Version:
        """Returns the newest version that can be served; refuses newer ones.

        Raises:
          errors.UserError: No version can be served; the message is about the newest.
        """
        newest: errors.UserError | None = None
        for number in reversed(versions.numbers(self._given.bundle)):
            try:
                return loaded_version.load(self._given.bundle, number, self._threads)
            except errors.UserError as error:
                self._refuse(number, str(error))
                newest = newest or error
        raise newest or errors.UserError(
            f"expected a version in {self._given.bundle}, found none"
        )

    @contextlib.contextmanager
    def version(self) -> Iterator[Version]:
        """Context with the version that answers a request, from begin to end."""
        version = self.current
        version.num_requests += 1
        try:
            yield version
        finally:
            version.num_requests -= 1

    async def signature(
        self, version: Version, model: str, name: str
    ) -> loaded_version.Signature:
        """Returns a signature of a model, which is loaded if this is its first use.

        Raises:
          problems.Problem: The model has no such signature, or its files are not those
            that were checked.
        """
        if model not in version.models:
            async with self._lock:
                try:
                    await asyncio.to_thread(self._load, version, model)
                except errors.UserError as error:
                    raise problems.Problem(problems.OVERLOADED, str(error)) from None
        return version.signature(model, name)

    def _load(self, version: Version, model: str) -> None:
        """Loads a model, after another check of the version's files."""
        if model not in version.models:
            directory, kind = self._given.bundle, version.bundle.manifest.kind
            versions.read(directory, kind, version.number, deep=True)
            version.load(model)

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
        number = versions.newest(self._given.bundle)
        if number <= self.current.number or number in self.refused:
            return
        self._loading, names = number, list(self.current.models)
        try:
            new = await asyncio.to_thread(
                loaded_version.load, self._given.bundle, number, self._threads, names
            )
            await asyncio.to_thread(self.prepare, new)
        except errors.UserError as error:
            self._refuse(number, str(error))
        except Exception as error:
            _LOG.exception("version %s could not be loaded", number)
            self._refuse(number, f"{type(error).__name__}: {error}")
        else:
            old, self.current = self.current, new
            # A task without a reference could be freed before its end.
            self._drains[old.number] = task = asyncio.create_task(self._drain(old))
            task.add_done_callback(lambda _: self._drains.pop(old.number))
            self._tell()
        finally:
            self._loading = None

    async def _drain(self, old: Version) -> None:
        """Forgets a version when its last request is answered."""
        end = time.monotonic() + _DRAIN_SECONDS
        while old.num_requests and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(old.close)
        await asyncio.to_thread(gc.collect)

    def _tell(self) -> None:
        metrics.VERSION.set(self.current.number)
        catalogue = self.current.bundle.manifest.facts["catalogue"]
        self._say(
            f"serving version {self.current.number}, {catalogue:,} videos: "
            f"{', '.join(self.current.graphs)}"
        )

    def _refuse(self, number: int, reason: str) -> None:
        self.refused[number] = errors.one_line(reason)
        metrics.REFUSED.inc()
        self._say(f"version {number} is refused: {reason}")

    def status(self) -> dict[str, object]:
        """Returns the versions served, loaded, drained, refused and unfinished."""
        directory = self._given.bundle
        newest = versions.newest(directory)
        return {
            "version": self.current.number,
            "loading": self._loading,
            "draining": sorted(self._drains),
            "refused": [
                {"version": n, "reason": self.refused[n]} for n in sorted(self.refused)
            ],
            "unfinished": [n for n in versions.seen(directory) if n > newest],
        }
