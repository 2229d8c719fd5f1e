"""Names and types of event-log tables, batches, requests and model outputs.

Nothing else in the project spells these strings (DESIGN §3).
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


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of an event-log table.

    Attributes:
      name: The column's name.
      kind: What it holds. `id` is a string or an integer, returned as given;
        `time` is seconds since the epoch.
      required: Whether the table is useless without it.
      non_negative: Whether values below zero are bad rows.
      choices: Values it may have; any other, or none, is a bad row. Empty: any.
    """

    name: str
    kind: Kind
    required: bool = False
    non_negative: bool = False
    choices: tuple[str, ...] = ()


def _required(name: str, kind: Kind) -> Column:
    return Column(name, kind, required=True)


@dataclasses.dataclass(frozen=True)
class Table:
    """One event-log table: its columns and, for an entity table, its key."""

    name: str
    columns: tuple[Column, ...]
    key: str | None = None

    def column(self, name: str) -> Column:
        """Returns the column called `name`; raises KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            WATCHES,
            (
                _required(USER_ID, "id"),
                _required(VIDEO_ID, "id"),
                _required(TIME, "time"),
                Column(ORDER, "integer"),
                Column(WATCH_SECONDS, "number", non_negative=True),
                Column(DEVICE, "text"),
                Column(LOGGED_IN, "boolean"),
                Column(SPLIT, "text", choices=SPLITS),
            ),
        ),
        Table(
            SEARCHES,
            (
                _required(USER_ID, "id"),
                _required(TIME, "time"),
                _required(QUERY, "text"),
                Column(DEVICE, "text"),
                Column(LOGGED_IN, "boolean"),
            ),
        ),
        Table(
            IMPRESSIONS,
            (
                _required(USER_ID, "id"),
                _required(VIDEO_ID, "id"),
                _required(TIME, "time"),
                _required(CLICKED, "boolean"),
                Column(WATCH_SECONDS, "number", non_negative=True),
                Column(PAGE_ID, "id"),
                Column(POSITION, "integer", non_negative=True),
                Column(SOURCE, "text"),
                Column(SCORE, "number"),
                Column(SEED_VIDEO_ID, "id"),
                Column(DEVICE, "text"),
            ),
        ),
        Table(
            VIDEOS,
            (
                _required(VIDEO_ID, "id"),
                Column(UPLOAD_TIME, "time"),
                Column(DURATION_SECONDS, "number", non_negative=True),
                Column(LANGUAGE, "text"),
                Column(CHANNEL_ID, "id"),
                Column(TOPIC, "text"),
                Column(TITLE, "text"),
            ),
            key=VIDEO_ID,
        ),
        Table(
            USERS,
            (
                _required(USER_ID, "id"),
                Column(AGE, "number", non_negative=True),
                Column(GENDER, "text"),
                Column(COUNTRY, "text"),
                Column(LANGUAGE, "text"),
            ),
            key=USER_ID,
        ),
    )
}

# --- Tensors of training batches beside the features, which name their own ------
# A batch is laid out in slices: [num_slices, ...] (see ytdnn/data/inputs.py).
WATCH_ROWS = "watch_rows"  # int32 [slices, rows]: video indices, 0 = none
WATCH_ROW_TIMES = "watch_row_times"  # int64 [slices, rows]: seconds, 0 = none
FIRST_ROWS = "first_rows"  # int32 [slices, positions]: first row of each history
LABELS = "labels"  # int32 [slices, positions]: video indices to predict
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
K = "k"  # int32 [batch]
USER_VECTOR = "user_vector"
IDS = "ids"
SCORES = "scores"
NUM_RESULTS = "num_results"
EXPECTED_WATCH_SECONDS = "expected_watch_seconds"
