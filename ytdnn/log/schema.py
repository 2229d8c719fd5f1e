"""Names and types of event-log tables, batches, requests and model outputs.

No other module spells these strings (DESIGN §3).
"""

import dataclasses
from typing import Literal

# --- Tables of the event log -------------------------------------------------
WATCHES = "watches"
SEARCHES = "searches"
IMPRESSIONS = "impressions"
VIDEOS = "videos"
USERS = "users"

# --- Columns -----------------------------------------------------------------
USER_ID = "user_id"
VIDEO_ID = "video_id"
TIME = "time"  # seconds since the epoch
ORDER = "order"  # breaks ties of time, or stands for it
WATCH_SECONDS = "watch_seconds"
DEVICE = "device"
LOGGED_IN = "logged_in"
QUERY = "query"
SPLIT = "split"  # of a watch: one of SPLITS
SPLITS = ("train", "validation", "test")
CLICKED = "clicked"
PAGE_ID = "page_id"
POSITION = "position"
SOURCE = "source"
SCORE = "score"
SEED_VIDEO_ID = "seed_video_id"
PROPENSITY = "propensity"
# Outcomes of an impression apart from the click and its watch time.
LIKED = "liked"
SHARED = "shared"
COMMENTED = "commented"
FOLLOWED = "followed"
COMPLETED = "completed"
DISLIKED = "disliked"
REPORTED = "reported"
OUTCOMES = (LIKED, SHARED, COMMENTED, FOLLOWED, COMPLETED, DISLIKED, REPORTED)
PROPENSITIES = "propensities"
EXPECTED_WATCH_SECONDS = "expected_watch_seconds"
CLICK_PROBABILITY = "click_probability"
PLACED_BY = "placed_by"
UPLOAD_TIME = "upload_time"  # seconds since the epoch
DURATION_SECONDS = "duration_seconds"
LANGUAGE = "language"
CHANNEL_ID = "channel_id"
TOPIC = "topic"
TITLE = "title"
AGE = "age"  # years
GENDER = "gender"
COUNTRY = "country"

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

    def column(self, name: str) -> Column:
        """Returns the column called `name`; raises KeyError for an unknown name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _required(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, meaning, required=True)


def _time(meaning: str) -> Column:
    return Column(TIME, "time", meaning, required=True, least=0)


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
        (LIKED, "whether it was liked"),
        (SHARED, "whether it was shared"),
        (COMMENTED, "whether it was commented on"),
        (FOLLOWED, "whether its channel was followed from it"),
        (COMPLETED, "whether it was watched to the end"),
        (DISLIKED, "whether it was disliked or hidden"),
        (REPORTED, "whether it was reported"),
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
            WATCHES,
            "one watch of a video by a user",
            "Histories, and what the candidate network learns to predict. The one "
            "table that is needed.",
            (
                _required(USER_ID, "id", "who watched"),
                _required(VIDEO_ID, "id", "what was watched"),
                _time("when the watch began"),
                Column(
                    ORDER,
                    "integer",
                    "place in the user's order",
                    "Breaks ties of `time`, or stands for it with "
                    "`data.order_by=order`. Without it ties keep the file's order.",
                ),
                _seconds(
                    WATCH_SECONDS,
                    "seconds watched",
                    "Watch-time metrics, rules of completed watches "
                    "(`data.min_watch_seconds`), features of watch time. Without it "
                    "every watch counts alike.",
                ),
                Column(
                    DEVICE,
                    "text",
                    "device watched on, any words",
                    "A feature of the candidate network. Without it there is none.",
                ),
                Column(LOGGED_IN, "boolean", "whether the user was", _LOGGED_IN),
                Column(
                    SPLIT,
                    "text",
                    "one of train, validation, test",
                    "Your own split, with `--protocol=split`, or with `temporal` where "
                    "it is in order of time. Without it the protocol splits.",
                    choices=SPLITS,
                ),
            ),
        ),
        TableSchema(
            SEARCHES,
            "one search of a user",
            "A bag of the words searched for last, read by the candidate network. "
            "Without it there is none.",
            (
                _required(USER_ID, "id", "who searched"),
                _time("when"),
                _required(QUERY, "text", "the words"),
                Column(DEVICE, "text", "device searched on", "Checked, not used yet."),
                Column(
                    LOGGED_IN, "boolean", "whether the user was", "Checked, not used."
                ),
            ),
        ),
        TableSchema(
            IMPRESSIONS,
            "one video shown to a user",
            "Trains the ranker, which orders candidates by expected watch time. "
            "Without it, or without clicks in it, the ranker is left out and the "
            "candidate network's order is served.",
            (
                _required(USER_ID, "id", "whom it was shown"),
                _required(VIDEO_ID, "id", "what was shown"),
                _time("when it was shown"),
                _required(CLICKED, "boolean", "whether it was clicked"),
                _seconds(
                    WATCH_SECONDS,
                    "seconds watched after the click; of one not clicked, 0 or nothing",
                    "What the ranker predicts. Without it the ranker orders by clicks.",
                ),
                Column(
                    PAGE_ID,
                    "id",
                    "which page, request or slate it was part of",
                    "Metrics that pair impressions of a page. Without it those of one "
                    "user and second are a page (`data.page_gap_seconds`).",
                ),
                Column(
                    POSITION,
                    "integer",
                    "place on the page",
                    "Keeps the bias of position out of the ranker. Without it nothing "
                    "is corrected.",
                    least=0,
                ),
                Column(
                    SOURCE,
                    "text",
                    "which candidate source proposed it",
                    "A feature in training, if named (`impression_source`).",
                ),
                Column(
                    SCORE,
                    "number",
                    "that source's score",
                    "A feature in training, if named (`impression_score`).",
                ),
                Column(
                    PROPENSITY,
                    "number",
                    "probability with which it was shown in its place",
                    "What other recommenders would have brought is estimated of it "
                    "(`ytdnn evaluate`). No model reads it.",
                    least=0,
                    most=1,
                ),
                Column(
                    SEED_VIDEO_ID,
                    "id",
                    "the watched video it was proposed for",
                    "A feature in training, if named (`impression_seed_video`).",
                ),
                Column(DEVICE, "text", "device shown on, any words", _OF_REQUEST),
                *_outcomes(),
            ),
        ),
        TableSchema(
            VIDEOS,
            "one video",
            "The catalogue, titles, and features of videos. Where it is given every "
            "event must be of a video it lists. Without it the catalogue is what was "
            "watched or shown, and ids are shown for titles.",
            (
                _required(VIDEO_ID, "id", "as in the events"),
                Column(
                    UPLOAD_TIME,
                    "time",
                    "when it was uploaded",
                    "Its age as a feature of the ranker, what is watched of videos of "
                    "its age, and fresh uploads as a source of candidates. Without it "
                    "there is none of them.",
                ),
                _seconds(
                    DURATION_SECONDS,
                    "seconds it lasts",
                    "Features of the ranker, the share watched, and "
                    "`data.min_watch_fraction`. Without it there are none.",
                ),
                Column(
                    LANGUAGE,
                    "text",
                    "spoken language",
                    "A feature of the ranker. What new videos are retrieved by.",
                ),
                Column(
                    CHANNEL_ID,
                    "id",
                    "who uploaded it",
                    "What the user watched of the channel, and fresh uploads of "
                    "channels watched lately. What new videos are retrieved by.",
                ),
                Column(
                    TOPIC,
                    "text",
                    "what it is about, one word or name",
                    "What the user watched of the topic. What new videos are "
                    "retrieved by.",
                ),
                Column(
                    TITLE,
                    "text",
                    "title",
                    "Shown with recommendations. What new videos are retrieved by.",
                ),
            ),
            key=VIDEO_ID,
        ),
        TableSchema(
            USERS,
            "one user",
            "Features of users, of use for those with a short history. Without it "
            "there are none.",
            (
                _required(USER_ID, "id", "as in the events"),
                Column(
                    AGE,
                    "number",
                    "years",
                    "A feature of both networks.",
                    least=0,
                    most=MOST_AGE,
                ),
                Column(GENDER, "text", "any words", "A feature of both networks."),
                Column(COUNTRY, "text", "any words", "A feature of both networks."),
                Column(
                    LANGUAGE,
                    "text",
                    "spoken language",
                    "Whether it is the video's, a feature of the ranker.",
                ),
            ),
            key=USER_ID,
        ),
    )
}

# --- Tensors of training batches beside the features, which name their own ------
# A batch is laid out in slices: [num_slices, ...] (see ytdnn/log/inputs.py).
WATCH_ROWS = "watch_rows"  # int32 [slices, rows]: video indices, 0 = none
WATCH_ROW_TIMES = "watch_row_times"  # int64 [slices, rows]: seconds, 0 = none
REQUEST_TIMES = "request_times"  # int64 [slices, positions]: seconds, 0 = unknown
FIRST_ROWS = "first_rows"  # int32 [slices, positions]: first row of each history
LABELS = "labels"  # int32 [slices, positions]: video indices to predict
LABEL_TIMES = "label_times"  # int64 [slices, positions]: seconds
WEIGHTS = "weights"  # float32 [slices, positions]: 0 = padding
USER_INDICES = "user_indices"  # int32 [slices, positions]
SEARCH_TOKENS = "search_tokens"  # int32 [slices, rows]: token indices, 0 = unknown
FIRST_TOKENS = "first_tokens"  # int32 [slices, positions]: first row of each bag
END_TOKENS = "end_tokens"  # int32 [slices, positions]: row after the last of each bag
# The ranker's: [batch] of the query, [batch, k] of its impressions.
HISTORY_VIDEOS = "history_videos"  # int32 [batch, length]: most recent last, 0 = none
IMPRESSION_VIDEOS = "impression_videos"  # int32 [batch, k]
DURATIONS = "durations"  # float32 [batch, k]: seconds of the videos, 0 = not known
WATCHED_SECONDS = "watched_seconds"  # float32 [batch, k]: a label, 0 = not clicked
OUTCOME_LABELS = "outcome_labels"  # float32 [batch, k, outcomes]: NaN = unknown

# --- Signatures of exported models -------------------------------------------
WATCHED_VIDEO_IDS = "watched_video_ids"  # [batch, length], most recent last
WATCH_TIMES = "watch_times"  # int64 [batch, length], seconds
WATCHED_SECONDS = "watched_seconds"  # float32 [batch, length] of each watch
QUERIES = "queries"  # string [batch, length], most recent last
IMPRESSION_VIDEO_IDS = "impression_video_ids"  # [batch, length] shown earlier
IMPRESSION_TIMES = "impression_times"  # int64 [batch, length], seconds
IMPRESSION_CLICKED = "impression_clicked"  # int32 [batch, length]: 1, 0, -1 unknown
VIDEO_IDS = "video_ids"  # [batch, k], the impressions to score
EXCLUDE_IDS = "exclude_ids"  # [batch, length], left out of the answer
ALLOW_IDS = "allow_ids"  # [batch, length], the answer holds no others; none: all
CONDITIONS = "conditions"  # string [batch, length]: column and operator
CONDITION_VALUES = "condition_values"  # string [batch, length], of each condition
MAX_PER_COLUMNS = "max_per_columns"  # string [batch, length]: columns that are capped
MAX_PER_COUNTS = "max_per_counts"  # int32 [batch, length]: videos of each value
POLICY = "policy"  # string [batch], a set of conditions that is saved
WEIGHT_NAMES = "weight_names"  # string [batch, length], what is weighed
WEIGHT_VALUES = "weight_values"  # float32 [batch, length], the weight of each
K = "k"  # int32 [batch]
USER_VECTOR = "user_vector"
IDS = "ids"
SCORES = "scores"
NUM_RESULTS = "num_results"

# Keys of requests that no column of the user's own may take.
REQUEST_KEYS = frozenset(
    {
        WATCHED_VIDEO_IDS,
        WATCH_TIMES,
        WATCHED_SECONDS,
        QUERIES,
        IMPRESSION_VIDEO_IDS,
        IMPRESSION_TIMES,
        IMPRESSION_CLICKED,
        VIDEO_IDS,
        TIME,
        DEVICE,
        LOGGED_IN,
        K,
    }
)
