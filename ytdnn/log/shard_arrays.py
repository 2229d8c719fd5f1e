"""From the sorted events of one shard of users to the arrays of the prepared set.

It is a pure function of the events, so that it can run on any machine and in any order,
with the same bytes.

Protocols split watches and impressions (DESIGN §7):

temporal: candidates train on [start, validation), validate on [validation, ranking);
the ranker trains on [ranking, ranking_validation), validates up to test; both are
tested on events at or after `test`.

leave_one_out: each user's last watch is the test, the one before it validation, in the
stated order; users with fewer than three watches only train. With a rule for completed
watches, only those count; others after the validation's are context.

split: as in the column `watches.split`. Of each user's watches those to train on come
first, then those of validation and test, whatever their times: the history of a test
is all that it does not hold out, as in published random splits. A user's impressions
train up to the first validation watch, and are the test from the first test watch on,
as for leave_one_out. `temporal` uses that column too if the log has it, but only if it
is in order of time: no model may learn from events after its test.
"""

import numpy as np
import polars as pl

from ytdnn.base import configs, ragged, schema
from ytdnn.log import events, outcomes, window_choice

USER = "user"  # user index within the log
VIDEO = "video"  # index among all videos of the log
ROW = "row"  # file order
COMPLETED = "completed"  # whether a watch is, where the configuration has a rule

Arrays = dict[str, np.ndarray]
_Split = events.Split
_MIN_WATCHES = 3  # one to train on, one to validate, one to test
# Integer columns of impressions: the array of each, and what stands for missing.
_CODES = {
    schema.DEVICE: ("impression_devices", 0),
    schema.SOURCE: ("impression_sources", 0),
    schema.SEED_VIDEO_ID: ("impression_seed_videos", 0),
    schema.POSITION: ("impression_positions", -1),
}
# Its columns of numbers with a fraction, NaN where missing.
_NUMBERS = {
    schema.SCORE: "impression_scores",
    schema.PROPENSITY: "impression_propensities",
}


def watch_arrays(
    frame: pl.DataFrame,
    first_user: int,
    num_users: int,
    config: configs.DataConfig,
    bounds: window_choice.Windows | None,
) -> Arrays:
    """Returns the watch arrays of a shard.

    Args:
      frame: `USER`, `VIDEO`, time, `ROW` and other columns of the log.
      first_user: Index of the shard's first user.
      num_users: Users of the shard.
      config: Settings of order and protocol.
      bounds: Windows of the temporal protocol.

    Returns:
      `watch_videos`, `watch_times`, `watch_splits` and, if the log has them,
      `watch_seconds`, `watch_devices`, `watch_logged_in` (-1: missing) and
      `watch_completed`; and `watch_sizes [num_users]`, the watches of each user.
    """
    if schema.SPLIT in frame.columns:
        frame = frame.with_columns(pl.col(schema.SPLIT).cast(pl.Enum(schema.SPLITS)))
    frame = frame.sort(watch_order(frame.columns, config))
    users = frame[USER].to_numpy() - first_user
    sizes = np.bincount(users, minlength=num_users)
    times = frame[schema.TIME].to_numpy()
    completed = np.ones(frame.height, bool)
    if COMPLETED in frame.columns:
        completed = frame[COMPLETED].to_numpy().astype(bool)
    if config.protocol != "leave_one_out" and schema.SPLIT in frame.columns:
        codes = frame[schema.SPLIT].to_physical().to_numpy().astype(np.uint8)
    elif bounds is None:
        offsets = np.append(0, np.cumsum(sizes))
        codes = leave_one_out_watches(offsets, completed)
    else:
        codes = temporal_watches(times, bounds)
    arrays = {
        "watch_videos": frame[VIDEO].to_numpy().astype(np.int32),
        "watch_times": times,
        "watch_splits": codes,
        "watch_sizes": sizes,
    }
    if schema.WATCH_SECONDS in frame.columns:
        arrays["watch_seconds"] = _seconds(frame)
    if schema.DEVICE in frame.columns:
        arrays["watch_devices"] = frame[schema.DEVICE].to_numpy()
    if schema.LOGGED_IN in frame.columns:
        logged_in = frame[schema.LOGGED_IN].cast(pl.Int8).fill_null(-1)
        arrays["watch_logged_in"] = logged_in.to_numpy()
    if COMPLETED in frame.columns:
        arrays["watch_completed"] = completed
    return arrays


def search_arrays(
    frame: pl.DataFrame, first_user: int, watches: Arrays
) -> tuple[Arrays, np.ndarray]:
    """Returns the search arrays of a shard, and adds `watch_num_searches` to `watches`.

    Args:
      frame: `USER` and time, sorted by (user, time).
      first_user: Index of the shard's first user.
      watches: The shard's `watch_arrays`; gets `watch_num_searches`, the searches
        of the user strictly before each watch.

    Returns:
      `search_times` and `search_sizes [num_users]`; and for each search whether it is
      in the context of a training label.
    """
    num_users = len(watches["watch_sizes"])
    users = frame[USER].to_numpy().astype(np.int64) - first_user
    times = frame[schema.TIME].to_numpy()
    sizes = np.bincount(users, minlength=num_users)
    offsets = np.append(0, np.cumsum(sizes))
    watch_offsets = np.append(0, np.cumsum(watches["watch_sizes"]))
    owners = np.repeat(np.arange(num_users), watches["watch_sizes"])
    reached = ragged.running_max(watches["watch_times"], watch_offsets)
    before = ragged.num_before(owners, reached, offsets, times)
    watches["watch_num_searches"] = before.astype(np.int32)
    is_label = watches["watch_splits"] == events.Split.TRAIN
    is_label &= watches.get("watch_completed", np.ones(len(before), bool))
    in_training = np.zeros(num_users, np.int64)
    np.maximum.at(in_training, owners[is_label], before[is_label])
    places = np.arange(len(users)) - offsets[users]
    return {"search_times": times, "search_sizes": sizes}, places < in_training[users]


def watch_order(columns: list[str], config: configs.DataConfig) -> list[str]:
    """Returns the sort columns; a log without `order` is sorted by time.

    A split of one's own comes first: what is not held out is known.
    """
    order = [schema.ORDER] if schema.ORDER in columns else []
    by_time = config.order_by == "time" or not order
    split = [schema.SPLIT] if config.protocol == "split" else []
    return [USER, *split, *([schema.TIME] if by_time else []), *order, ROW]


def impression_arrays(
    frame: pl.DataFrame,
    first_user: int,
    watches: Arrays,
    bounds: window_choice.Windows | None,
    searches: Arrays | None = None,
    page_gap_seconds: float = 0.0,
) -> Arrays:
    """Returns the impression arrays of a shard, rolled back to before each slate.

    Args:
      frame: `USER`, `VIDEO`, time, clicked, `ROW` and other columns of the log.
      first_user: Index of the shard's first user.
      watches: The shard's `watch_arrays`.
      bounds: Windows of the temporal protocol.
      searches: The shard's `search_arrays`, if the log has searches.
      page_gap_seconds: For a log without page ids: the longest time between two
        consecutive impressions of a slate.

    Returns:
      The arrays of `ytdnn.log.events.Impressions`, users and slates from 0.
    """
    frame = frame.sort([USER, schema.TIME, ROW])
    users = frame[USER].to_numpy().astype(np.int64) - first_user
    times = frame[schema.TIME].to_numpy()
    videos = frame[VIDEO].to_numpy().astype(np.int64)
    offsets = np.append(0, np.cumsum(watches["watch_sizes"]))
    reached = ragged.running_max(watches["watch_times"], offsets)
    if bounds is None:
        watched = watches["watch_times"], watches["watch_splits"]
        codes = impressions_by_watches(users, times, offsets, *watched)
    else:
        codes = temporal_impressions(times, bounds)
    pages = _pages(frame, users, times, page_gap_seconds)
    request_times = events.request_times(pages, times)
    arrays = {
        "impression_users": users.astype(np.int32),
        "impression_videos": videos.astype(np.int32),
        "impression_times": times,
        "impression_clicked": frame[schema.CLICKED].to_numpy().astype(bool),
        "impression_num_watches": ragged.num_before(
            users, request_times, offsets, reached
        ),
        "impression_pages": pages,
        "impression_splits": codes,
    }
    arrays |= _optional_impressions(frame)
    if searches is not None:
        search_offsets = np.append(0, np.cumsum(searches["search_sizes"]))
        arrays["impression_num_searches"] = ragged.num_before(
            users, request_times, search_offsets, searches["search_times"]
        ).astype(np.int32)
    return arrays


def _optional_impressions(frame: pl.DataFrame) -> Arrays:
    """Returns the arrays of columns that a log may lack."""
    arrays = {}
    if schema.WATCH_SECONDS in frame.columns:
        arrays["impression_seconds"] = _seconds(frame)
    for column, (name, missing) in _CODES.items():
        if column in frame.columns:
            codes = frame[column].fill_null(missing)
            arrays[name] = codes.to_numpy().astype(np.int32)
    for column, name in _NUMBERS.items():
        if column in frame.columns:
            numbers = frame[column].fill_null(np.nan)
            arrays[name] = numbers.to_numpy().astype(np.float32)
    names = outcomes.from_prefixed(frame.columns)
    if names:
        of_rows = frame.select(outcomes.prefixed(name) for name in names)
        values = of_rows.fill_null(np.nan).to_numpy().astype(np.float32)
        arrays["impression_outcomes"] = np.ascontiguousarray(values)
    return arrays


def _seconds(frame: pl.DataFrame) -> np.ndarray:
    seconds = frame[schema.WATCH_SECONDS].fill_null(0.0).fill_nan(0.0)
    return seconds.to_numpy().astype(np.float32)


def _pages(
    frame: pl.DataFrame, users: np.ndarray, times: np.ndarray, gap: float
) -> np.ndarray:
    if schema.PAGE_ID not in frame.columns:
        begins = (np.diff(users) != 0) | (np.diff(times) > gap)
        return np.cumsum(np.append(0, begins))[: len(users)].astype(np.int64)
    page = frame[schema.PAGE_ID].rank("dense").cast(pl.Int64)
    # Without an id those of one second are a page, as in a log without ids.
    seconds = frame[schema.TIME].rank("dense").cast(pl.Int64) + (page.max() or 0)
    codes = page.fill_null(seconds).to_numpy()
    keys = users * (int(codes.max(initial=0)) + 1) + codes
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    # In the order in which they are shown, whatever their ids.
    return np.argsort(np.argsort(first))[places].astype(np.int64)


def temporal_watches(times: np.ndarray, bounds: window_choice.Windows) -> np.ndarray:
    """Returns the split of each watch, `[watches] uint8`."""
    edges = [bounds.validation, bounds.ranking, bounds.test]
    codes = [_Split.TRAIN, _Split.VALIDATION, _Split.CONTEXT, _Split.TEST]
    return np.array(codes, np.uint8)[np.searchsorted(edges, times, side="right")]


def temporal_impressions(
    times: np.ndarray, bounds: window_choice.Windows
) -> np.ndarray:
    """Returns the split of each impression, `[impressions] uint8`."""
    edges = [bounds.ranking, bounds.ranking_validation, bounds.test]
    codes = [_Split.CONTEXT, _Split.TRAIN, _Split.VALIDATION, _Split.TEST]
    return np.array(codes, np.uint8)[np.searchsorted(edges, times, side="right")]


def leave_one_out_watches(offsets: np.ndarray, completed: np.ndarray) -> np.ndarray:
    """Returns the split of each watch, `[watches] uint8`.

    Args:
      offsets: `[users + 1]` of the watches.
      completed: `[watches] bool`.
    """
    labels = np.flatnonzero(completed)
    ends = np.searchsorted(labels, offsets)
    users = np.flatnonzero(np.diff(ends) >= _MIN_WATCHES)
    lasts = ends[1:][users]
    validation, test = labels[lasts - 2], labels[lasts - 1]
    first_held_out = offsets[1:].copy()
    first_held_out[users] = validation
    places = np.arange(offsets[-1])
    is_later = places >= np.repeat(first_held_out, np.diff(offsets))
    splits = np.where(is_later, _Split.CONTEXT, _Split.TRAIN).astype(np.uint8)
    splits[validation] = _Split.VALIDATION
    splits[test] = _Split.TEST
    return splits


def impressions_by_watches(
    users: np.ndarray,
    times: np.ndarray,
    offsets: np.ndarray,
    watch_times: np.ndarray,
    watch_splits: np.ndarray,
) -> np.ndarray:
    """Returns the split of each impression, by the user's first held-out watches.

    Args:
      users: `[impressions]`, place of the user in `offsets`.
      times: `[impressions]`, seconds.
      offsets: `[users + 1]` of the watches.
      watch_times: `[watches]`.
      watch_splits: `[watches]`.
    """
    splits = np.full(len(times), _Split.TRAIN, np.uint8)
    for split in (_Split.VALIDATION, _Split.TEST):
        first = np.full(len(offsets) - 1, np.iinfo(np.int64).max)
        rows = np.flatnonzero(watch_splits == split)
        owners = np.searchsorted(offsets, rows, side="right") - 1
        np.minimum.at(first, owners, watch_times[rows])
        splits[times >= first[users]] = split
    return splits
