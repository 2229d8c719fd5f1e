"""The tables of the event log, and of each column type, meaning and use (DESIGN §3)."""

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
      meaning: Description, with its unit.
      use: Use of the column, and the effect of its absence.
      required: Whether the table must have it.
      least: Smallest valid value; None: any.
      most: Largest valid number.
      choices: Valid values; a row with another value, or none, is bad. Empty: any.
    """

    name: str
    kind: Kind
    meaning: str = ""
    use: str = ""
    required: bool = False
    least: float | None = None
    most: float = MOST_NUMBER
    choices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class TableSchema:
    """One event-log table.

    Attributes:
      name: Name of the table.
      rows: Meaning of one row.
      use: Use of the table, and the effect of its absence.
      columns: Columns in order.
      key: For an entity table, its column of ids.
    """

    name: str
    rows: str
    use: str
    columns: tuple[Column, ...]
    key: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """Returns the column called `name`; raises KeyError for an unknown name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _required(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, meaning, required=True)


def _time(meaning: str) -> Column:
    return Column(schema.TIME, "time", meaning, required=True, least=0)


def _seconds(name: str, meaning: str, use: str) -> Column:
    return Column(name, "number", meaning, use, least=0, most=MOST_SECONDS)


def outcome(name: str) -> Column:
    """Returns the column of `impressions` of a configured outcome.

    Args:
      name: Name of the column, one of `data.outcomes`.
    """
    return Column(name, "number", "an outcome of your own", _OF_OUTCOME, least=0)


def _outcomes() -> tuple[Column, ...]:
    """Returns the binary outcomes that every log may have."""
    meanings = (
        (schema.LIKED, "whether it was liked"),
        (schema.SHARED, "whether it was shared"),
        (schema.COMMENTED, "whether it was commented on"),
        (schema.FOLLOWED, "whether its channel was followed from it"),
        (schema.COMPLETED, "whether it was watched to the end"),
        (schema.DISLIKED, "whether it was disliked or hidden"),
        (schema.REPORTED, "whether it was reported"),
    )
    return tuple(
        Column(name, "boolean", f"{meaning}; nothing where unknown", _OF_OUTCOME)
        for name, meaning in meanings
    )


_OF_OUTCOME = "An outcome: predicted, and may weigh in the order (feedback)."
_OF_REQUEST = "A feature of the request. Without it requests carry no device."
_LOGGED_IN = "A feature of the candidate network. Without it there is none."

TABLES: dict[str, TableSchema] = {
    table.name: table
    for table in (
        TableSchema(
            schema.WATCHES,
            "one watch of a video by a user",
            "Histories, and what the candidate network learns to predict. The one "
            "table that is needed.",
            (
                _required(schema.USER_ID, "id", "who watched"),
                _required(schema.VIDEO_ID, "id", "what was watched"),
                _time("when the watch began"),
                Column(
                    schema.ORDER,
                    "integer",
                    "place in the user's order",
                    "Breaks ties of `time`, or stands for it with "
                    "`data.order_by=order`. Without it ties keep the file's order.",
                ),
                _seconds(
                    schema.WATCH_SECONDS,
                    "seconds watched",
                    "Watch-time metrics, rules of completed watches "
                    "(`data.min_watch_seconds`), features of watch time. Without it "
                    "every watch counts alike.",
                ),
                Column(
                    schema.DEVICE,
                    "text",
                    "device watched on, any words",
                    "A feature of the candidate network. Without it there is none.",
                ),
                Column(schema.LOGGED_IN, "boolean", "whether the user was", _LOGGED_IN),
                Column(
                    schema.SPLIT,
                    "text",
                    "one of train, validation, test",
                    "Your own split, with `--protocol=split`, or with `temporal` where "
                    "it is in order of time. Without it the protocol splits.",
                    choices=schema.SPLITS,
                ),
            ),
        ),
        TableSchema(
            schema.SEARCHES,
            "one search of a user",
            "A bag of the words searched for last, read by the candidate network. "
            "Without it there is none.",
            (
                _required(schema.USER_ID, "id", "who searched"),
                _time("when"),
                _required(schema.QUERY, "text", "the words"),
                Column(
                    schema.DEVICE,
                    "text",
                    "device searched on",
                    "Checked, not used yet.",
                ),
                Column(
                    schema.LOGGED_IN,
                    "boolean",
                    "whether the user was",
                    "Checked, not used.",
                ),
            ),
        ),
        TableSchema(
            schema.IMPRESSIONS,
            "one video shown to a user",
            "Trains the ranker, which orders candidates by expected watch time. "
            "Without it, or without clicks in it, the ranker is left out and the "
            "candidate network's order is served.",
            (
                _required(schema.USER_ID, "id", "whom it was shown"),
                _required(schema.VIDEO_ID, "id", "what was shown"),
                _time("when it was shown"),
                _required(schema.CLICKED, "boolean", "whether it was clicked"),
                _seconds(
                    schema.WATCH_SECONDS,
                    "seconds watched after the click; of one not clicked, 0 or nothing",
                    "What the ranker predicts. Without it the ranker orders by clicks.",
                ),
                Column(
                    schema.PAGE_ID,
                    "id",
                    "which page, request or slate it was part of",
                    "Metrics that pair impressions of a page. Without it those of one "
                    "user and second are a page (`data.page_gap_seconds`).",
                ),
                Column(
                    schema.POSITION,
                    "integer",
                    "place on the page",
                    "Keeps the bias of position out of the ranker. Without it nothing "
                    "is corrected.",
                    least=0,
                ),
                Column(
                    schema.SOURCE,
                    "text",
                    "which candidate source proposed it",
                    "Kept with the impression.",
                ),
                Column(
                    schema.SCORE,
                    "number",
                    "that source's score",
                    "Kept with the impression.",
                ),
                Column(
                    schema.PROPENSITY,
                    "number",
                    "probability with which it was shown in its place",
                    "What other recommenders would have brought is estimated of it "
                    "(`ytdnn evaluate`). No model reads it.",
                    least=0,
                    most=1,
                ),
                Column(
                    schema.SEED_VIDEO_ID,
                    "id",
                    "the watched video it was proposed for",
                    "Kept with the impression.",
                ),
                Column(
                    schema.DEVICE, "text", "device shown on, any words", _OF_REQUEST
                ),
                *_outcomes(),
            ),
        ),
        TableSchema(
            schema.VIDEOS,
            "one video",
            "The catalogue, titles, and features of videos. Where it is given every "
            "event must be of a video it lists. Without it the catalogue is what was "
            "watched or shown, and ids are shown for titles.",
            (
                _required(schema.VIDEO_ID, "id", "as in the events"),
                Column(
                    schema.UPLOAD_TIME,
                    "time",
                    "when it was uploaded",
                    "Its age as a feature of the ranker, what is watched of videos of "
                    "its age, and fresh uploads as a source of candidates. Without it "
                    "there is none of them.",
                ),
                _seconds(
                    schema.DURATION_SECONDS,
                    "seconds it lasts",
                    "Features of the ranker, the share watched, and "
                    "`data.min_watch_fraction`. Without it there are none.",
                ),
                Column(
                    schema.LANGUAGE,
                    "text",
                    "spoken language",
                    "A feature of the ranker. What new videos are retrieved by.",
                ),
                Column(
                    schema.CHANNEL_ID,
                    "id",
                    "who uploaded it",
                    "What the user watched of the channel, and fresh uploads of "
                    "channels watched lately. What new videos are retrieved by.",
                ),
                Column(
                    schema.TOPIC,
                    "text",
                    "what it is about, one word or name",
                    "What the user watched of the topic. What new videos are "
                    "retrieved by.",
                ),
                Column(
                    schema.TITLE,
                    "text",
                    "title",
                    "Shown with recommendations. What new videos are retrieved by.",
                ),
            ),
            key=schema.VIDEO_ID,
        ),
        TableSchema(
            schema.USERS,
            "one user",
            "Features of users, of use for those with a short history. Without it "
            "there are none.",
            (
                _required(schema.USER_ID, "id", "as in the events"),
                Column(
                    schema.AGE,
                    "number",
                    "years",
                    "A feature of both networks.",
                    least=0,
                    most=MOST_AGE,
                ),
                Column(
                    schema.GENDER, "text", "any words", "A feature of both networks."
                ),
                Column(
                    schema.COUNTRY, "text", "any words", "A feature of both networks."
                ),
                Column(
                    schema.LANGUAGE,
                    "text",
                    "spoken language",
                    "Whether it is the video's, a feature of the ranker.",
                ),
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
