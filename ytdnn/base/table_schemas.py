"""The tables of the event log and the type of each column (DESIGN §3).

What each column means is written in `ytdnn/log/event_log.md`.
"""

import dataclasses
from typing import Literal

from ytdnn.base import schema

Kind = Literal["id", "time", "integer", "number", "boolean", "text"]

MOST_NUMBER = 1e30  # its square still is a float32
MOST_SECONDS = 1e7  # of a watch or a video: four months
MOST_AGE = 150.0


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of an event-log table.

    Attributes:
      name: The column's name.
      kind: Kind of value. `id` is a string or an integer, returned unchanged; `time` is
        seconds since the epoch.
      required: Whether the table must have it.
      least: Smallest valid value; None: any.
      most: Largest valid number.
      choices: Valid values; a row with another value, or none, is bad. Empty: any.
    """

    name: str
    kind: Kind
    required: bool = False
    least: float | None = None
    most: float = MOST_NUMBER
    choices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class TableSchema:
    """One event-log table.

    Attributes:
      name: Name of the table.
      columns: Columns in order.
      key: For an entity table, its column of ids.
    """

    name: str
    columns: tuple[Column, ...]
    key: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]


def outcome(name: str) -> Column:
    """Returns the column of `impressions` of a configured outcome.

    Args:
      name: Name of the column, one of `data.outcomes`.
    """
    return Column(name, "number", least=0)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "text") for name in names)


_USER = Column(schema.USER_ID, "id", required=True)
_VIDEO = Column(schema.VIDEO_ID, "id", required=True)
_TIME = Column(schema.TIME, "time", required=True, least=0)
_SECONDS = Column(schema.WATCH_SECONDS, "number", least=0, most=MOST_SECONDS)
_DEVICE = Column(schema.DEVICE, "text")
_LOGGED_IN = Column(schema.LOGGED_IN, "boolean")

TABLES: dict[str, TableSchema] = {
    table.name: table
    for table in (
        TableSchema(
            schema.WATCHES,
            (
                _USER,
                _VIDEO,
                _TIME,
                Column(schema.ORDER, "integer"),
                _SECONDS,
                _DEVICE,
                _LOGGED_IN,
                Column(schema.SPLIT, "text", choices=schema.SPLITS),
            ),
        ),
        TableSchema(
            schema.SEARCHES,
            (
                _USER,
                _TIME,
                Column(schema.QUERY, "text", required=True),
                _DEVICE,
                _LOGGED_IN,
            ),
        ),
        TableSchema(
            schema.IMPRESSIONS,
            (
                _USER,
                _VIDEO,
                _TIME,
                Column(schema.CLICKED, "boolean", required=True),
                _SECONDS,
                Column(schema.PAGE_ID, "id"),
                Column(schema.POSITION, "integer", least=0),
                Column(schema.SOURCE, "text"),
                Column(schema.SCORE, "number"),
                Column(schema.PROPENSITY, "number", least=0, most=1),
                Column(schema.SEED_VIDEO_ID, "id"),
                _DEVICE,
                *(Column(name, "boolean") for name in schema.OUTCOMES),
            ),
        ),
        TableSchema(
            schema.VIDEOS,
            (
                _VIDEO,
                Column(schema.UPLOAD_TIME, "time"),
                Column(schema.DURATION_SECONDS, "number", least=0, most=MOST_SECONDS),
                *_texts(schema.LANGUAGE),
                Column(schema.CHANNEL_ID, "id"),
                *_texts(schema.TOPIC, schema.TITLE),
            ),
            key=schema.VIDEO_ID,
        ),
        TableSchema(
            schema.USERS,
            (
                _USER,
                Column(schema.AGE, "number", least=0, most=MOST_AGE),
                *_texts(schema.GENDER, schema.COUNTRY, schema.LANGUAGE),
            ),
            key=schema.USER_ID,
        ),
    )
}

# Names of columns, inputs and outputs, which an outcome of the user's own cannot have.
RESERVED = frozenset(
    {
        column.name
        for table in TABLES.values()
        for column in table.columns
        if column.name not in schema.OUTCOMES
    }
    | schema.REQUEST_KEYS
    | {schema.WHERE, schema.ORDER_WEIGHTS}
    | {
        schema.CLICK_PROBABILITY,
        schema.EXPECTED_WATCH_SECONDS,
        schema.IDS,
        schema.NUM_RESULTS,
        schema.PLACED_BY,
        schema.POLICY,
        schema.PROPENSITIES,
        schema.SCORES,
        schema.WEIGHT_NAMES,
        schema.WEIGHT_VALUES,
        schema.CONDITIONS,
        schema.CONDITION_VALUES,
        schema.EXCLUDE_IDS,
        schema.ALLOW_IDS,
        schema.OUTCOME_LABELS,
        *("candidate_score", "candidate_scores", "sources", "seed_ids", "ranks"),
        *("stage_seconds", "request", "similar_video_id"),
        *("rank", "row", "title", "user", "video"),
    }
)
