"""A user's events as the history of a request, in the fields of the request reader.

All that names one video of one request is one impression: the slate's own entry, a
posted impression, clicks, outcomes and a watch. It was clicked if any says so. A click
is a watch, a second after its impression unless a `watch` tells its time, as
`ytdnn join-log` has it.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ytdnn.base import schema
from ytdnn.ops.state import posted_events, store

Json = dict[str, Any]
_FIELDS = {  # the field of the ids, and the other lists that belong to it
    schema.WATCHED_VIDEO_IDS: (schema.WATCH_TIMES, schema.WATCHED_SECONDS),
    schema.IMPRESSION_VIDEO_IDS: (schema.IMPRESSION_TIMES, schema.IMPRESSION_CLICKED),
}
_UNKNOWN = {schema.WATCHED_SECONDS: -1.0, schema.IMPRESSION_CLICKED: -1}


@dataclasses.dataclass
class Exposure:
    """An impression, or a watch, of a video, with all that was told of it.

    Attributes:
      user: Id of the user, as text; empty: not known.
      video: Id of the video.
      shown: Time of the impression; None: it was watched outside a slate.
      watched: Time of the watch; None: not watched.
      seconds: Watch seconds; None: not known.
      received: Time at which the last of it was received.
      outcomes: Outcomes by name.
      request: Id of its request; empty: none.
      columns: Other columns by name.
      place: Its place among the watches of one second, by the order of events.
    """

    user: str
    video: str | int
    shown: int | None = None
    watched: int | None = None
    seconds: float | None = None
    received: float = 0.0
    outcomes: Json = dataclasses.field(default_factory=dict)
    request: str = ""
    columns: Json = dataclasses.field(default_factory=dict)
    place: int = 0
    _is_clicked: bool = False

    @property
    def is_clicked(self) -> bool:
        """Whether it was clicked, or watched from its slate."""
        return self._is_clicked or self.watched is not None

    @property
    def watch_time(self) -> int | None:
        """Time of its watch; None: it was not watched."""
        if self.watched is None and self._is_clicked and self.shown is not None:
            return self.shown + 1
        return self.watched

    def tell(self, event: posted_events.Event, columns: Mapping[str, Any]) -> None:
        """Adds what an event tells."""
        self.user, self.request = self.user or event.user, event.request
        self.received = max(self.received, event.received)
        if event.kind in (posted_events.SLATE, posted_events.IMPRESSION):
            known = event.time if self.shown is None else self.shown
            self.shown = min(known, event.time)
        if event.kind == posted_events.WATCH:
            known = event.time if self.watched is None else self.watched
            self.watched = min(known, event.time)
        is_clicked = columns.get(schema.CLICKED, event.kind == posted_events.CLICK)
        self._is_clicked = self._is_clicked or is_clicked
        seconds = columns.get(schema.WATCH_SECONDS)
        if seconds is not None:
            self.seconds = max(self.seconds or 0.0, seconds)
        for name, value in columns.items():
            if name not in _NO_OUTCOMES:
                self.outcomes[name] = max(self.outcomes.get(name, value), value)
            else:
                self.columns[name] = value


_NO_OUTCOMES = {
    posted_events.KIND,
    posted_events.REQUEST_ID,
    schema.CLICKED,
    *(schema.USER_ID, schema.VIDEO_ID, schema.TIME, schema.WATCH_SECONDS),
    *(schema.DEVICE, schema.LOGGED_IN, schema.POSITION, schema.SOURCE, schema.SCORE),
    *(schema.PROPENSITY, schema.SEED_VIDEO_ID),
}


_NO_EXPOSURES = (posted_events.SEARCH, posted_events.USER, posted_events.VIDEO)
_PLACED = (posted_events.IMPRESSION, posted_events.WATCH)


class Exposures:
    """Impressions and watches, merged from events in any order."""

    def __init__(self) -> None:
        """Begins without any."""
        self._slates: dict[str, tuple[posted_events.Event, list[Any] | None]] = {}
        self._told: dict[str, dict[str | int, Exposure]] = {}  # by request and video
        self._others: list[Exposure] = []
        self._number = 0  # of events

    def add(
        self, event: posted_events.Event, columns: Mapping[str, Any] | None
    ) -> None:
        """Adds an event; a search, a user or a new video is ignored.

        Args:
          event: The event.
          columns: Its columns; None for a slate of which only videos count that other
            events name.
        """
        if event.kind == posted_events.SLATE:
            videos = None if columns is None else columns[schema.VIDEO_IDS]
            self._slates[event.request] = event, videos
        elif columns is not None and event.kind not in _NO_EXPOSURES:
            one = new = Exposure(event.user, columns[schema.VIDEO_ID])
            if event.request:
                told = self._told.setdefault(event.request, {})
                one = told.setdefault(new.video, new)
            else:
                self._others.append(new)
            one.tell(event, columns)
            self._number += 1
            if one is new or event.kind in _PLACED:
                one.place = self._number

    def __iter__(self) -> Iterator[Exposure]:
        """Yields each; what is told of an impression that nobody had has no time."""
        for request, (slate, videos) in self._slates.items():
            told = self._told.get(request, {})
            for video in told if videos is None else videos:
                one = told.get(video) or Exposure(slate.user, video)
                one.tell(slate, {})
                yield one
        for request, told in self._told.items():
            _, videos = self._slates.get(request, (None, []))
            if videos is not None:
                yield from (one for video, one in told.items() if video not in videos)
        yield from self._others


def request(
    user_events: Iterable[posted_events.Event],
    fields: Collection[str],
    before: int,
    base: Mapping[str, Any],
) -> Json:
    """Returns the request of a user as of a time, with the events of the state.

    Args:
      user_events: Events of the user, in order of time.
      fields: Inputs of the recommender.
      before: The second before which events count.
      base: Request with the history before these events, or an empty one.
    """
    known = [event for event in user_events if event.time < before]
    shown = Exposures()
    made = dict(base)
    slates = [event for event in known if event.kind == posted_events.SLATE]
    for number, event in enumerate(slates, store.LAST_EVENTS - len(slates)):
        shown.add(event, None if number < 0 else event.columns)
    for event in (event for event in known if event.kind != posted_events.SLATE):
        columns = event.columns
        shown.add(event, columns)
        if event.kind == posted_events.USER:
            made |= {n: v for n, v in columns.items() if n in fields and n != _TIME}
        if event.kind == posted_events.SEARCH and schema.QUERIES in fields:
            queries = made.get(schema.QUERIES) or []
            made[schema.QUERIES] = [*queries, columns[schema.QUERY]]
        for name in (schema.DEVICE, schema.LOGGED_IN):
            if name in columns and name in fields:
                made[name] = columns[name]
    watches, impressions = [], []
    for one in shown:
        if one.watch_time is not None:
            seconds = -1.0 if one.seconds is None else float(one.seconds)
            # A click in the second of its slate is known to the next request too.
            time = min(one.watch_time, before - 1)
            watches.append((one.place, (one.video, time, seconds)))
        if one.shown is not None:
            impressions.append((one.video, one.shown, int(one.is_clicked)))
    watched = [row for _, row in sorted(watches, key=lambda each: each[0])]
    made |= _merged(made, fields, schema.WATCHED_VIDEO_IDS, watched)
    made |= _merged(made, fields, schema.IMPRESSION_VIDEO_IDS, impressions)
    return made | ({_TIME: before} if _TIME in fields else {})


_TIME = schema.TIME


def _merged(
    base: Mapping[str, Any], fields: Collection[str], ids: str, rows: list[tuple]
) -> Json:
    """Returns the lists of watches, or of impressions, in order of time.

    Args:
      base: Request with earlier ones.
      fields: Inputs of the recommender.
      ids: Field of the ids of their videos.
      rows: Id, time and number of each.
    """
    if ids not in fields or not rows:
        return {}
    videos = base.get(ids) or []
    columns = [videos]
    for name in _FIELDS[ids]:
        values = base.get(name) or []
        is_known = len(values) == len(videos)
        columns.append(values if is_known else [_UNKNOWN.get(name, 0)] * len(videos))
    every = [*zip(*columns, strict=True), *rows]
    # A log without times has its watches in order, before those of the state.
    every.sort(key=lambda row: row[1])
    lists = zip(*every, strict=True)
    named = zip((ids, *_FIELDS[ids]), map(list, lists), strict=True)
    return {name: values for name, values in named if name in fields}
