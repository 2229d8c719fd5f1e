"""Names of event-log tables, columns, batches, requests and model outputs.

No other module spells these strings (DESIGN §3).
"""

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
DAY_SECONDS = 86_400
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
RANK = "rank"  # of a list: 1 is first
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

# --- Tensors of training batches beside the features, which name their own ------
# A batch is laid out in slices: [num_slices, ...] (see ytdnn/log/slice_batches.py).
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

# Keys of JSON requests that become inputs of a signature, and the first input of each.
WHERE, MAX_PER, ORDER_WEIGHTS = "where", "max_per", "weights"
SHORT_KEYS = {
    WHERE: CONDITIONS,
    MAX_PER: MAX_PER_COLUMNS,
    ORDER_WEIGHTS: WEIGHT_NAMES,
}

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
