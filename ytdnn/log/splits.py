"""Protocols: the split of watches and impressions (DESIGN §7).

temporal: candidates train on [start, validation), validate on [validation, ranking);
the ranker trains on [ranking, ranking_validation), validates up to test; both are
tested on events at or after `test`.

leave_one_out: each user's last watch is the test, the one before it validation, in the
stated order; users with fewer than three watches only train. With a rule for completed
watches, only those count; others after the validation's are context.

split: as in the column `watches.split`. A user's impressions train up to the first
validation watch, and are the test from the first test watch on, as for leave_one_out.
`temporal` uses that column too if the log has it, but only if it is in order of time:
no model may learn from events after its test.
"""

import numpy as np
import polars as pl

from ytdnn.base import schema
from ytdnn.log import events, windows

_Split = events.Split
_MIN_WATCHES = 3  # one to train on, one to validate, one to test


def given_watches(names: pl.Series) -> np.ndarray:
    """Returns the split of each watch by its name, `[watches] uint8`."""
    codes = np.zeros(len(names), np.uint8)
    for name in schema.SPLITS:
        codes[(names == name).to_numpy()] = getattr(_Split, name.upper())
    return codes


def temporal_watches(times: np.ndarray, bounds: windows.Windows) -> np.ndarray:
    """Returns the split of each watch, `[watches] uint8`."""
    edges = [bounds.validation, bounds.ranking, bounds.test]
    codes = [
        _Split.TRAIN,
        _Split.VALIDATION,
        _Split.CONTEXT,
        _Split.TEST,
    ]
    return np.array(codes, np.uint8)[np.searchsorted(edges, times, side="right")]


def temporal_impressions(times: np.ndarray, bounds: windows.Windows) -> np.ndarray:
    """Returns the split of each impression, `[impressions] uint8`."""
    edges = [bounds.ranking, bounds.ranking_validation, bounds.test]
    codes = [
        _Split.CONTEXT,
        _Split.TRAIN,
        _Split.VALIDATION,
        _Split.TEST,
    ]
    return np.array(codes, np.uint8)[np.searchsorted(edges, times, side="right")]


def leave_one_out_watches(offsets: np.ndarray, completed: np.ndarray) -> np.ndarray:
    """Returns the split of each watch, `[watches] uint8`.

    Args:
      offsets: `[users + 1]` of the watches.
      completed: `[watches] bool`.
    """
    users, validation, test = _held_out(offsets, completed)
    first_held_out = offsets[1:].copy()
    first_held_out[users] = validation
    places = np.arange(offsets[-1])
    is_later = places >= np.repeat(first_held_out, np.diff(offsets))
    splits = np.where(is_later, _Split.CONTEXT, _Split.TRAIN).astype(np.uint8)
    splits[validation] = _Split.VALIDATION
    splits[test] = _Split.TEST
    return splits


def _held_out(
    offsets: np.ndarray, completed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns users with enough watches, and the positions of their held-out ones."""
    places = np.flatnonzero(completed)
    ends = np.searchsorted(places, offsets)
    users = np.flatnonzero(np.diff(ends) >= _MIN_WATCHES)
    lasts = ends[1:][users]
    return users, places[lasts - 2], places[lasts - 1]


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
      watch_times: `[watches]`, non-decreasing for each user.
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
