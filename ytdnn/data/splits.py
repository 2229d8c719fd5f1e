"""Protocols: which watches and impressions train, validate and test (DESIGN §7).

temporal: candidates train on [start, validation), validate on [validation, ranking);
the ranker trains on [ranking, ranking_validation), validates up to test; both are
tested on what lies at or after `test`.

leave_one_out: each user's last watch is the test, the one before it validation, in
the stated order; users with fewer than three watches only train. Where a rule says
which watches are completed, only those are meant and counted; others after the
validation's are context.
"""

import dataclasses

import numpy as np
import polars as pl

from ytdnn import configs, errors, schema
from ytdnn.data import prepared

_Split = prepared.Split
_MIN_WATCHES = 3


@dataclasses.dataclass(frozen=True)
class Windows:
    """Where the windows of the temporal protocol begin (s since the epoch)."""

    validation: int
    ranking: int
    ranking_validation: int
    test: int


def windows(config: configs.Data, watches: pl.LazyFrame) -> Windows:
    """Returns windows that hold the configured shares of the watches.

    Raises:
      errors.UserError: Shares leave no training, or all watches share one time.
    """
    training = 1.0 - config.test_fraction - config.ranking_fraction
    if training <= 0.0:
        raise errors.UserError(
            f"expected data.test_fraction + data.ranking_fraction < 1, found "
            f"{config.test_fraction} + {config.ranking_fraction}: lower one"
        )
    held_out = config.validation_fraction
    shares = {
        "validation": training * (1.0 - held_out),
        "ranking": training,
        "ranking_validation": training + config.ranking_fraction * (1.0 - held_out),
        "test": training + config.ranking_fraction,
    }
    time = pl.col(schema.TIME)
    bounds = watches.select(
        time.min().alias("first"),
        *(time.quantile(share).cast(pl.Int64).alias(k) for k, share in shares.items()),
    ).collect(engine="streaming")
    first = bounds["first"].item()
    found = Windows(**{name: bounds[name].item() for name in shares})
    if found.validation <= first:
        raise errors.UserError(
            f"expected watches at several times for data.protocol=temporal, found the "
            f"training window empty (first watch {first}, window ends "
            f"{found.validation}): use --protocol=leave_one_out"
        )
    return found


def temporal_watches(times: np.ndarray, bounds: Windows) -> np.ndarray:
    """Returns the split of each watch, `[watches] uint8`."""
    edges = [bounds.validation, bounds.ranking, bounds.test]
    codes = [
        _Split.TRAIN,
        _Split.VALIDATION,
        _Split.CONTEXT,
        _Split.TEST,
    ]
    return np.array(codes, np.uint8)[np.searchsorted(edges, times, side="right")]


def temporal_impressions(times: np.ndarray, bounds: Windows) -> np.ndarray:
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
    """Returns users with enough watches, and where their two held-out ones lie."""
    places = np.flatnonzero(completed)
    ends = np.searchsorted(places, offsets)
    users = np.flatnonzero(np.diff(ends) >= _MIN_WATCHES)
    lasts = ends[1:][users]
    return users, places[lasts - 2], places[lasts - 1]


def leave_one_out_impressions(
    users: np.ndarray,
    times: np.ndarray,
    offsets: np.ndarray,
    watch_times: np.ndarray,
    completed: np.ndarray,
) -> np.ndarray:
    """Returns the split of each impression, by the user's two held-out watches.

    Args:
      users: `[impressions]`, the user's place among `offsets`.
      times: `[impressions]`, seconds.
      offsets: `[users + 1]` of the watches.
      watch_times: `[watches]`, non-decreasing for each user.
      completed: `[watches] bool`.
    """
    never = np.iinfo(np.int64).max
    validation = np.full(len(offsets) - 1, never)
    test = np.full(len(offsets) - 1, never)
    enough, validation_watches, test_watches = _held_out(offsets, completed)
    validation[enough] = watch_times[validation_watches]
    test[enough] = watch_times[test_watches]
    splits = np.full(len(times), _Split.TRAIN, np.uint8)
    splits[times >= validation[users]] = _Split.VALIDATION
    splits[times >= test[users]] = _Split.TEST
    return splits
