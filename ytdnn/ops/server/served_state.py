"""The live state of a server: posted events and answers in, histories of users out."""

import asyncio
import functools
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ytdnn.base import errors, schema
from ytdnn.bundle import bundle, requests, user_requests
from ytdnn.log import prepared
from ytdnn.ops.server import (
    joined_log,
    loaded_version,
    metrics,
    problems,
    recommend,
    settings,
    waiting_videos,
)
from ytdnn.ops.state import continued_counts, histories, opening, posted_events, store

_LOG = logging.getLogger("ytdnn.ops.server")
_PRUNE_SECONDS = 3_600.0
_LATE_SECONDS, _PAUSE_SECONDS = 1.0, 5.0  # of a reading that failed, and after it
_YEAR_2000 = 946_684_800
_MOST_CACHED = 4_096  # users with the request of their log in memory
_MOST_AT_ONCE = 100  # events that are read in the event loop, not in a thread
_OF_A_REQUEST = schema.REQUEST_KEYS | {schema.POLICY}  # no columns of users
_OF_THE_LOG = (joined_log.SERVED_AT, schema.CLICKED)

Json = dict[str, Any]
Event = posted_events.Event
Version = loaded_version.Version
OpenData = Callable[[Version], prepared.PreparedData]


class _Log(NamedTuple):
    """The log of a version.

    Attributes:
      users: Index of each user, by the text of its id.
      end: Its end.
      request: Function that returns the request of a user index at the end.
    """

    users: Mapping[str, int]
    end: opening.LogEnd
    request: Callable[[int], Json]


class ServedState:
    """Takes events, and fills in the history of a request that names only its user.

    Attributes:
      store: The events.
      place: Its place, without a password.
      videos: New videos among them.
      clock: Function that returns the time, seconds since 1970.
    """

    def __init__(self, given: settings.Settings, open_data: OpenData) -> None:
        """Opens the state.

        Args:
          given: Settings, with the place of the state.
          open_data: Function that returns the prepared set of a version.

        Raises:
          errors.UserError: It is no state.
        """
        self.store = opening.open_store(str(given.state))
        self.place = store.named(str(given.state))
        self.clock: Callable[[], float] = time.time
        self._limits, self._has_data = given.limits, given.data is not None
        self._open = open_data
        self._unread = (0.0, "")  # until when it is not read, and the warning
        self.videos = waiting_videos.PostedVideos(self.store, given)

    def log_end(self, version: Version) -> opening.LogEnd:
        """Returns the end of the log of a version; before all events without one.

        Raises:
          errors.UserError: The prepared set belongs to another version.
        """
        return self._log(version).end if self._has_data else opening.LogEnd()

    def _log(self, version: Version) -> _Log:
        return version.once(_Log, lambda: self._read_log(version))

    def _read_log(self, version: Version) -> _Log:
        """Returns the log of a version."""
        data, opened = self._open(version), version.bundle

        @functools.lru_cache(_MOST_CACHED)
        def request(user: int) -> Json:
            request = opened.fitting(user_requests.at_end_of(data, user))
            request.pop(schema.K)
            return request

        return _Log(continued_counts.user_indices(data), opening.log_end(data), request)

    async def post(self, version: Version, body: Any) -> Json:
        """Stores an event or a list of them, all or none; returns their numbers.

        Raises:
          errors.UserError: An event is malformed.
          store.StateError: They cannot be stored.
        """
        given, most = body if isinstance(body, list) else [body], self._limits
        if not 0 < len(given) <= most.list_length:
            raise errors.UserError(
                f"expected 1 to {most.list_length:,} events, received {len(given):,}"
            )
        if len(given) <= _MOST_AT_ONCE and not _has_videos(given):
            batch, warnings = self._read(version, given)
        else:
            batch, warnings = await asyncio.to_thread(self._read, version, given)
        stored = await self._store(batch)
        if _has_videos(given):
            warnings += await asyncio.to_thread(self._video_warnings, version, batch)
        return stored._asdict() | {"warnings": warnings}

    def _read(
        self, version: Version, given: Sequence[Any]
    ) -> tuple[list[Event], list[str]]:
        """Returns posted events, and warnings about them.

        Raises:
          errors.UserError: One is malformed; the message has its number in a list.
        """
        opened = version.bundle
        key = posted_events.EventReader, self._has_data and _has_videos(given)
        reader = version.once(key, lambda: self._make_reader(version, key[1]))
        batch, now, unknown = [], self.clock(), []
        for number, one in enumerate(given):
            try:
                event = reader.read(one, now)
            except errors.UserError as error:
                place = f"event {number}: " if len(given) > 1 else ""
                raise errors.UserError(f"{place}{error}") from None
            batch.append(event)
            if event.kind == posted_events.VIDEO:
                continue
            video = requests.plain_id(one.get(schema.VIDEO_ID), opened.id_type)
            unknown += [video] if not (video is None or video in opened.titles) else []
        latest = now + schema.DAY_SECONDS
        far = [event.time for event in batch if not _YEAR_2000 < event.time <= latest]
        told: dict[str, list[Any]] = {
            "before the year 2000 or of days to come, as {!r}: check their time": far,
            "videos that are not in the catalogue, as {!r}: they count from a version "
            "that has them": unknown,
        }
        of_all = f"of {len(batch):,} events are of"
        return batch, [
            f"{len(some):,} {of_all} {words.format(some[0])}"
            for words, some in told.items()
            if some
        ]

    def _make_reader(
        self, version: Version, takes_videos: bool
    ) -> posted_events.EventReader:
        """Returns a reader of events.

        Args:
          version: The served version.
          takes_videos: Whether to read the columns of new videos from the prepared set.

        Raises:
          errors.UserError: The prepared set belongs to another version.
        """
        of_users = {
            name: field
            for name, field in _fields(version).items()
            if (field.width or not field.is_list) and name not in _OF_A_REQUEST
        }
        data, opened = self._open(version) if takes_videos else None, version.bundle
        kinds = opened.id_type, opened.own_outcomes
        return posted_events.EventReader(*kinds, of_users, data)

    def _video_warnings(self, version: Version, batch: Sequence[Event]) -> list[str]:
        """Returns warnings about new videos that were stored."""
        rows = [event.columns for event in batch if event.kind == posted_events.VIDEO]
        data = self._open(version)
        known = {posted_events.KIND, *data.videos.columns}
        known |= data.catalogue.vectors.widths.keys()
        warnings = self.videos.warnings(version, [row[schema.VIDEO_ID] for row in rows])
        if unread := {name for row in rows for name in row} - known:
            names = ", ".join(sorted(unread))
            warnings.append(f"columns that the catalogue lacks are not read: {names}")
        return warnings

    async def _store(self, batch: Sequence[Event]) -> store.Receipt:
        """Stores events, and returns when they are on the disk.

        Raises:
          errors.UserError: An id is that of another event.
          problems.Problem: They are not stored in time.
          store.StateError: They cannot be stored.
        """
        try:
            # A client that does not wait any longer cancels no batch of the writer.
            written = asyncio.shield(asyncio.wrap_future(self.store.add(batch)))
            stored = await asyncio.wait_for(written, self._limits.answer_seconds)
        except TimeoutError:
            raise problems.Problem(
                problems.LATE, "the events may not be stored yet: send them again"
            ) from None
        metrics.EVENTS.inc(stored.stored)
        return stored

    def shown(self, user_id: str | int, row: Json) -> None:
        """Stores an answer; the disk is not waited for.

        Args:
          user_id: Id of its user.
          row: Its row in the served log.
        """
        now = self.clock()
        at = row[schema.TIME] or int(now)
        columns = {name: row[name] for name in (schema.VIDEO_IDS, schema.DEVICE)}
        request_id = row[posted_events.REQUEST_ID]
        event = posted_events.slate(request_id, user_id, at, now, columns)
        try:
            self.store.add([event]).add_done_callback(_tell_failure)
        except store.StateError as error:
            _tell(error)

    async def feedback(self, version: Version, row: Json) -> None:
        """Stores feedback on a video of an answer as a click or an outcome.

        Args:
          version: Version that the client knows.
          row: Its row in the served log.

        Raises:
          store.StateError: It cannot be stored.
        """
        told = {n: v for n, v in row.items() if n not in _OF_THE_LOG}
        kind = posted_events.CLICK if row[schema.CLICKED] else posted_events.OUTCOME
        await self.post(version, told | {posted_events.KIND: kind})

    async def history(
        self, version: Version, user_id: str | int, time: Any
    ) -> tuple[Json, list[str]]:
        """Returns the request of a user as of a time (None: now), and warnings.

        Where the state cannot be read it is empty: whether the user was removed is not
        known either.
        """
        before = time or int(self.clock()) + 1
        if not isinstance(before, int):  # refused where it is read
            return {}, []
        return await asyncio.to_thread(self._history, version, user_id, before)

    def _history(
        self, version: Version, user_id: str | int, before: int
    ) -> tuple[Json, list[str]]:
        """Returns the request of a user as of a time, and warnings."""
        base, notes, begun = Json(), list[str](), time.monotonic()
        if begun < self._unread[0]:
            return base, [self._unread[1]]
        try:
            own = self.store.user_events(str(user_id))
        except store.StateError as error:  # an answer that knows less, at once
            note = f"answered from an empty history: no live state: {error}"
            if time.monotonic() > begun + _LATE_SECONDS:
                self._unread = time.monotonic() + _PAUSE_SECONDS, note
            return base, [note]
        if self._has_data:
            try:
                log = self._log(version)
                own = [event for event in own if log.end.is_before(event)]
                user = log.users.get(str(user_id))
                base = base if user is None else log.request(user)
            except errors.UserError as error:
                notes.append(f"the history before the state is not known: {error}")
        if not own and not base:
            shown = errors.shown(user_id)
            notes.append(f"answered from an empty history: no events of user {shown}")
        try:
            return histories.request(own, _fields(version), before, base), notes
        except errors.UserError as error:
            return base, [*notes, f"the history of the state is not known: {error}"]

    async def remove(self, user_id: str) -> Json:
        """Removes a user from every file of the state.

        Raises:
          errors.UserError: It is no id of a user.
          store.StateError: The state cannot be written.
        """
        recommend.split({schema.USER_ID: user_id}, self._limits)
        await self._store([])  # answers that are not written yet
        return {"removed": await asyncio.to_thread(self.store.remove_user, user_id)}

    async def prune(self, current: Callable[[], Version]) -> None:
        """Removes old events from time to time, until it is cancelled.

        Args:
          current: Function that returns the served version.
        """
        while True:
            await asyncio.sleep(_PRUNE_SECONDS)
            try:
                await asyncio.to_thread(self._prune, current())
            except (store.StateError, errors.UserError) as error:
                _tell(error)

    def _prune(self, version: Version) -> None:
        before, received = int(self.clock()) - store.LONGEST_WINDOW, math.inf
        if self._has_data:  # counters go on from the end of the log
            end = self.log_end(version)
            before, received = min(before, end.time + 1), end.prepared
        self.store.prune(before, received)


def _fields(version: Version) -> loaded_version.Fields:
    return version.explaining(bundle.CANDIDATES).fields


def _has_videos(given: Sequence[Any]) -> bool:
    """Whether new videos are among posted events, which are not checked yet."""
    return any(
        isinstance(e, dict) and e.get(posted_events.KIND) == posted_events.VIDEO
        for e in given
    )


def _tell_failure(future: store.Acknowledged) -> None:
    if (error := future.exception()) is not None:
        _tell(error)


def _tell(error: BaseException) -> None:
    metrics.STATE_FAILURES.inc()
    _LOG.error("the state cannot be read or written: %s", error)
