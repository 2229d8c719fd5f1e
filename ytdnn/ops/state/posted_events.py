"""Events as clients post them: read from JSON, and checked as `prepare` checks a log.

An event is a row of a table of the event log, under the same names of columns, and a
`kind`. A `click` or an `outcome` tells what became of an impression, which it names by
its `request_id` and `video_id`. A `slate` is an answer of the server: the impressions
of all its videos.
"""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import polars as pl

from ytdnn.base import errors, schema, table_schemas
from ytdnn.bundle import requests
from ytdnn.log import faults, io_fields, prepared, raw_log

ID, KIND, REQUEST_ID = "id", "kind", "request_id"
WATCH, SEARCH, IMPRESSION = "watch", "search", "impression"
CLICK, OUTCOME, USER, SLATE = "click", "outcome", "user", "slate"
VIDEO = "video"
TABLES = {
    WATCH: schema.WATCHES,
    SEARCH: schema.SEARCHES,
    IMPRESSION: schema.IMPRESSIONS,
    CLICK: schema.IMPRESSIONS,
    OUTCOME: schema.IMPRESSIONS,
    USER: schema.USERS,
    VIDEO: schema.VIDEOS,
}
_OF_A_REQUEST = (CLICK, OUTCOME)
# Columns of a table that only a whole log has, or that another key stands for.
_NOT_POSTED = {schema.ORDER, schema.SPLIT, schema.PAGE_ID}
_MOST_CHARACTERS, _LONGEST_TEXT = 256, 10_000
_INT64 = 2**63
_FLAG = {"true", "false"}  # values of a column of truth values, kept as text

Json = dict[str, Any]


class Event(NamedTuple):
    """An event of the state.

    Attributes:
      id: Its id; an event is stored once for each.
      kind: `SLATE` or a key of `TABLES`.
      user: User id as text; empty for an event that only names its request.
      request: Id of the request of an impression; empty: none.
      time: Seconds since 1970.
      received: Seconds since 1970 at which the server had it.
      body: JSON of its columns, as posted but for its id.
    """

    id: str
    kind: str
    user: str
    request: str
    time: int
    received: float
    body: str

    @property
    def columns(self) -> Json:
        """The posted columns.

        Raises:
          errors.UserError: Something else than a server wrote the event.
        """
        try:
            return dict(json.loads(self.body))
        except (TypeError, ValueError):
            raise errors.UserError(
                f"expected JSON in event {self.id!r} of the state, found "
                f"{errors.shown(self.body)}: remove its user, {self.user!r}"
            ) from None


def slate(
    request_id: str, user_id: str | int, shown: int, received: float, columns: Json
) -> Event:
    """Returns the event of an answer of the server.

    Args:
      request_id: Id of the answer.
      user_id: Id of its user.
      shown: Seconds since 1970.
      received: Seconds since 1970.
      columns: `video_ids`, and what else is known of all of them.
    """
    known = {name: value for name, value in columns.items() if value is not None}
    body = _json(known | {schema.USER_ID: user_id})
    user = str(user_id)
    return Event(request_id, SLATE, user, request_id, shown, received, body)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class EventReader:
    """Reads events from JSON."""

    def __init__(
        self,
        id_type: pl.DataType,
        own_outcomes: Collection[str] = (),
        user_fields: Mapping[str, io_fields.Field] | None = None,
        data: prepared.PreparedData | None = None,
    ) -> None:
        """Stores what differs from log to log.

        Args:
          id_type: Type of video ids.
          own_outcomes: Outcomes of impressions outside the schema.
          user_fields: Fields of requests that are columns of users, by name.
          data: Prepared set with the columns of videos; None: new ones are not taken.
        """
        self._id_type = id_type
        self._columns = {kind: _columns(table) for kind, table in TABLES.items()}
        shown = self._columns[IMPRESSION]
        shown |= {name: table_schemas.outcome(name) for name in own_outcomes}
        told = {schema.WATCH_SECONDS, schema.VIDEO_ID, schema.TIME}
        told |= {*schema.OUTCOMES, *own_outcomes}
        for kind in _OF_A_REQUEST:
            self._columns[kind] = {n: c for n, c in shown.items() if n in told}
        self._own_fields = {USER: user_fields or {}, VIDEO: {}}
        self._takes_videos, self._flags = data is not None, set[str]()
        if data is not None:
            columns = data.videos.drop(prepared.TRAIN_COUNT, strict=False).schema
            several = [name for name, dtype in columns.items() if dtype == pl.List]
            texts = [
                c.drop_nulls().unique() for c in data.videos.select(pl.col(pl.String))
            ]
            self._flags = {values.name for values in texts if {*values[:3]} == _FLAG}
            taken = self._columns[VIDEO].keys() - {schema.CHANNEL_ID}
            self._columns[VIDEO] |= {
                name: table_schemas.Column(name, _kind(dtype))
                for name, dtype in columns.items()
                if name not in (*taken, *several)
            }
            self._own_fields[VIDEO] = _list_fields(data, several)

    def read(self, given: Any, received: float) -> Event:
        """Returns a posted event.

        Args:
          given: Value of JSON.
          received: Seconds since 1970.

        Raises:
          errors.UserError: It is malformed.
        """
        errors.require(isinstance(given, dict), "an event", "an object", given)
        kind = given.get(KIND)
        fits = isinstance(kind, str) and kind in TABLES
        errors.require(fits, KIND, f"one of {', '.join(TABLES)}", kind)
        if kind == VIDEO and not self._takes_videos:
            raise errors.UserError(
                "expected a server with --workdir for events of kind video, received "
                "one with --bundle, which cannot make their vectors"
            )
        body = {k: v for k, v in sorted(given.items()) if k != ID and v is not None}
        for name in body:
            if name not in _keys(kind):
                self._check(kind, name, body)
        self._require(kind, body)
        text = _json(body)
        return Event(
            id=_id(given, text),
            kind=kind,
            user=str(body.get(schema.USER_ID, "")),
            request=body.get(REQUEST_ID, ""),
            time=body.get(schema.TIME, int(received)),
            received=received,
            body=text,
        )

    def _check(self, kind: str, name: str, body: Json) -> None:
        """Checks a value of an event; an integer id may be sent as text."""
        column = self._columns[kind].get(name)
        own_fields = self._own_fields.get(kind, {})
        if name in own_fields:
            requests.values({name: body[name]}, {name: own_fields[name]})
            if column is None:
                return
        if column is None:
            known = (ID, *_keys(kind), *self._columns[kind], *own_fields)
            raise errors.UserError(
                f"expected keys of {', '.join(dict.fromkeys(known))} in an event of "
                f"kind {kind}, received {errors.shown(name)}"
                f"{errors.hint(name, known, cutoff=0.5)}"
            )
        if column.kind == "text" and isinstance(body[name], bool):
            body[name] = str(body[name]).lower()  # as `prepare` keeps it
        if name in (schema.VIDEO_ID, schema.SEED_VIDEO_ID):
            video = body[name] = requests.plain_id(body[name], self._id_type)
            is_whole = self._id_type.is_integer()
            fits = isinstance(video, int if is_whole else str)
            fits = fits and not isinstance(video, bool)
            kind_of_id = "an integer" if is_whole else "a string"
            expected = f"{kind_of_id}, as the ids of the catalogue"
            errors.require(fits, name, expected, video)
        problem = _problem(column, body[name])
        if kind == VIDEO and name in self._flags and body[name] not in _FLAG:
            problem = raw_log.EXPECTED["boolean"].partition(" (")[0]
        errors.require(not problem, name, problem, body[name])

    def _require(self, kind: str, body: Json) -> None:
        """Checks that an event has the columns that its table requires.

        Raises:
          errors.UserError: It lacks one.
        """
        required = [c.name for c in self._columns[kind].values() if c.required]
        if kind in _OF_A_REQUEST:
            required = [REQUEST_ID, schema.VIDEO_ID]
        for name in required:
            # Where the log says whether it was clicked, an event may say so later.
            fits = name in body or name in (schema.TIME, schema.CLICKED)
            errors.require(fits, name, f"given in an event of kind {kind}", None)
        request = body.get(REQUEST_ID)
        errors.require(request is None or is_name(request), REQUEST_ID, NAME, request)


def _keys(kind: str) -> tuple[str, ...]:
    """Returns the keys of an event beside its columns and its id."""
    return (KIND,) if kind == VIDEO else (KIND, REQUEST_ID)


def _kind(dtype: pl.DataType) -> table_schemas.Kind:
    """Returns the kind of values of a column of the user's own."""
    if dtype in (pl.String, pl.Boolean):
        return "text" if dtype == pl.String else "boolean"
    return "integer" if dtype.is_integer() else "number"


def _list_fields(
    data: prepared.PreparedData, several: list[str]
) -> dict[str, io_fields.Field]:
    """Returns the vectors of videos, and columns of several texts, as fields."""
    widths, meaning = data.catalogue.vectors.widths, "vector of the video"
    names = data.catalogue.vectors.in_table(schema.VIDEOS)
    columns = {name.partition(".")[2]: widths[name] for name in names}
    return {
        name: io_fields.Field(
            name, "float32", "batch, length", 0.0, meaning, width=width
        )
        for name, width in columns.items()
    } | {
        name: io_fields.Field(name, "string", "batch, length", "", "video's values")
        for name in several
    }


def _columns(table: str) -> dict[str, table_schemas.Column]:
    """Returns the columns of a table that an event may have, by name."""
    columns = table_schemas.TABLES[table].columns
    return {c.name: c for c in columns if c.name not in _NOT_POSTED}


NAME = f"a text of 1 to {_MOST_CHARACTERS} characters, none \\0 and not all blank"
_LONG = {"text": f"text of at most {_LONGEST_TEXT:,} characters"}
_LONG["id"] = f"an integer or {NAME}"


def is_name(value: Any) -> bool:
    """Whether a value is a `NAME`."""
    return (
        _is_text(value, _MOST_CHARACTERS) and "\0" not in value and bool(value.strip())
    )


def _id(given: Mapping[str, Any], body: str) -> str:
    """Returns the id of an event: the given one, or one of its content.

    Raises:
      errors.UserError: It is no text, or nothing tells the event from an equal one.
    """
    name = given.get(ID)
    if name is not None:
        errors.require(is_name(name), ID, NAME, name)
        return str(name)
    is_timeless = given[KIND] in (*_OF_A_REQUEST, VIDEO)
    if given.get(schema.TIME) is None and not is_timeless:
        either = ID if given[KIND] == USER else f"{ID} or {schema.TIME}"
        raise errors.UserError(
            f"expected {either} in an event, received none: without it an event that "
            f"is sent again cannot be told from a new one"
        )
    return hashlib.sha256(body.encode()).hexdigest()


def _problem(column: table_schemas.Column, value: Any) -> str:
    """Returns the description of a valid value; empty if the value is one."""
    expected = (raw_log.EXPECTED | _LONG)[column.kind].partition(" (")[0]
    is_time = column.kind == "time"
    if not _TYPES[column.kind](value):
        return f"{expected}{' in seconds since 1970' if is_time else ''}"
    if is_time and value > faults.MOST_TIME:
        return f"{expected} before the year 2100"
    if column.least is not None and value < column.least:
        return f"{expected} of at least {column.least:g}"
    if column.kind == "number" and abs(value) > column.most:
        return f"{expected} of at most {column.most:g}"
    return ""


def is_id(value: Any) -> bool:
    """Whether a value is a name or an integer."""
    return is_name(value) or is_integer(value)


def is_integer(value: Any) -> bool:
    """Whether a value is an integer of 64 bits."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and -_INT64 <= value < _INT64


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_text(value: Any, most: int = _LONGEST_TEXT) -> bool:
    return isinstance(value, str) and len(value) <= most and requests.is_text(value)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "id": is_id,
    "time": is_integer,
    "integer": is_integer,
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "text": _is_text,
}
