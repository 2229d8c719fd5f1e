"""New videos of the state: added to the bundle of the run while it is served.

`ytdnn index add` makes a version that lists them, in a process of its own; every server
loads it as it loads any version (`hot_swap`). What waits is in the state, so that a
killed server goes on with it.
"""

import asyncio
import contextlib
import fcntl
import logging
import pathlib
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from ytdnn.base import errors, schema, table_schemas
from ytdnn.bundle import added_videos_table, versions
from ytdnn.log import vectors
from ytdnn.ops.catalogue import add_videos
from ytdnn.ops.server import loaded_version, settings
from ytdnn.ops.state import counter_state, store

_LOG = logging.getLogger("ytdnn.ops.server")
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 60.0  # from one version to the next
_LOCK_FILE = ".adding"

Json = dict[str, Any]
Version = loaded_version.Version


class PostedVideos:
    """Videos that were posted, and are not in the served version."""

    def __init__(self, state: store.Store, given: settings.Settings) -> None:
        """Stores the arguments.

        Args:
          state: The state.
          given: Settings, with the bundle and the number of spare rows.
        """
        self._state, self._given = state, given
        self._workdir = given.bundle.parent
        self._rows: dict[str | int, Json] = {}  # the last of each, as they were posted
        self._done: set[str | int] = set()
        self._place = 0
        self._is_told = False
        self._lock = threading.Lock()

    def waiting(self, version: Version) -> tuple[list[Json], list[Json], str]:
        """Returns the videos that the next version lists, those beyond, and why."""
        with self._lock:
            for place, event in self._state.every(self._place, videos=True):
                self._place, row = place, event.columns
                self._rows[row[schema.VIDEO_ID]] = row
            known = version.bundle.titles
            rows = [row for video, row in self._rows.items() if video not in known]
        if not rows:
            return [], [], ""
        spare = self._given.spare_videos
        num_free = spare - version.bundle.manifest.facts[added_videos_table.FACT]
        reason = f"all {spare:,} spare rows are filled (--spare_videos)"
        try:
            add_videos.require_content(counter_state.home(self._workdir))
        except errors.UserError as error:
            num_free, reason = 0, str(error)
        num_free = max(0, num_free)
        return rows[:num_free], rows[num_free:], reason

    def warnings(self, version: Version, ids: list[Any]) -> list[str]:
        """Returns warnings about videos that were posted now.

        Args:
          version: The served version.
          ids: Their ids.
        """
        _, beyond, reason = self.waiting(version)
        late = {row[schema.VIDEO_ID] for row in beyond}
        told = {
            f"wait for ytdnn refresh: {reason}": late,
            f"are in version {version.number}, and stay as they are": (
                version.bundle.titles.keys()
            ),
        }
        some = {
            what: [video for video in ids if video in of] for what, of in told.items()
        }
        return [
            f"{len(few):,} of {len(ids):,} videos, as {few[0]!r}, {what}"
            for what, few in some.items()
            if few
        ]

    async def watch(self, current: Callable[[], Version]) -> None:
        """Makes versions from time to time, until it is cancelled.

        Args:
          current: Function that returns the served version.
        """
        while self._given.data is not None:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if await self.add(current()):
                    await asyncio.sleep(_PAUSE_SECONDS)
            except (errors.UserError, store.StateError, OSError) as error:
                _LOG.error("new videos wait: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def add(self, version: Version) -> bool:
        """Makes a version with the new videos; returns whether there were any.

        Raises:
          errors.UserError: It could not be made.
        """
        due, beyond, reason = await asyncio.to_thread(self.waiting, version)
        if beyond and not self._is_told:
            told = "%s new videos wait for ytdnn refresh: %s"
            _LOG.warning(told, len(beyond), reason)
        self._is_told = bool(beyond)
        due = [row for row in due if row[schema.VIDEO_ID] not in self._done]
        is_newest = versions.newest(self._given.bundle) == version.number
        if not due or not is_newest:
            return False
        with _alone(self._workdir / _LOCK_FILE) as is_alone:
            if is_alone:
                await _add(self._workdir, due)
                self._done |= {row[schema.VIDEO_ID] for row in due}
        return is_alone


@contextlib.contextmanager
def _alone(path: pathlib.Path) -> Iterator[bool]:
    """Context of one process at a time; yields whether it is this one."""
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


async def _add(workdir: pathlib.Path, rows: list[Json]) -> None:
    """Runs `ytdnn index add`.

    Raises:
      errors.UserError: It failed.
    """
    lists = {
        n: vectors.DTYPE
        for n, v in (item for row in rows for item in row.items())
        if isinstance(v, list) and v and not isinstance(v[0], str)
    }
    table = pl.DataFrame(rows, infer_schema_length=None, schema_overrides=lists)
    table = table.drop("kind")
    of_schema = set(table_schemas.TABLES[schema.VIDEOS].names) & set(table.columns)
    columns = ",".join(f"{schema.VIDEOS}.{name}={name}" for name in sorted(of_schema))
    with tempfile.TemporaryDirectory() as place:
        file = pathlib.Path(place) / "videos.parquet"
        table.write_parquet(file)
        flags = (f"--workdir={workdir}", f"--file={file}", f"--columns={columns}")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ytdnn", "index", "add", *flags, "--bad_rows=drop"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or [""]
        raise errors.UserError(f"ytdnn index add: {lines[-1]}")
