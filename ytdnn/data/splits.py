"""Protocols: which watches and impressions train, validate and test (DESIGN §7).

temporal: candidates train on [start, validation), validate on [validation, ranking);
the ranker trains on [ranking, ranking_validation), validates up to test; both are
tested on what lies at or after `test`.

leave_one_out: each user's last watch is the test, the one before it validation, in
the stated order; users with fewer than three watches only train. Where a rule says
which watches are completed, only those are meant and counted; others after the
validation's are context.

split: as the column `watches.split` says. A user's impressions train up to the first
validation watch, and are the test from the first test watch on, as for leave_one_out.
`temporal` takes that column too where the log has it, but only if it is in order of
time: no model may learn from what comes after its test.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import polars as pl

from ytdnn import configs, errors, schema
from ytdnn.data import order_statistics, prepared

_Split = prepared.Split
_MIN_WATCHES = 3

Spans = dict[str, tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Windows:
    """Where the windows of the temporal protocol begin (s since the epoch)."""

    validation: int
    ranking: int
    ranking_validation: int
    test: int


def bounds(config: configs.Data, watches: pl.LazyFrame) -> Windows | None:
    """Returns the windows of the temporal protocol, None of the others.

    Raises:
      errors.UserError: The log's `split` column is missing or does not fit.
    """
    spans = None
    if schema.SPLIT in watches.collect_schema():
        spans = functools.partial(_spans, watches)
    times = order_statistics.of_frame(watches, schema.TIME)
    late = functools.partial(_num_late, watches)
    return bounds_of(config, times, spans, late)


def bounds_of(
    config: configs.Data,
    times: order_statistics.Counts,
    spans: Callable[[], Spans] | None,
    num_late: Callable[[str, int], int],
) -> Windows | None:
    """Returns the windows of the temporal protocol, None of the others.

    Args:
      config: The protocol.
      times: Of the watches.
      spans: Returns first and last time of each value of the `split` column; None:
        there is no such column.
      num_late: How many watches of a split lie at or after a second.

    Raises:
      errors.UserError: The log's `split` column is missing or does not fit.
    """
    if config.protocol == "temporal":
        if spans is not None:
            return _given_windows(spans(), num_late)
        return windows_of(config, times)
    if config.protocol == "split" and spans is None:
        raise errors.UserError(
            f"expected column {schema.WATCHES}.{schema.SPLIT} for data.protocol=split, "
            f"found none: name yours with --columns={schema.WATCHES}.{schema.SPLIT}="
            f"YOUR_COLUMN, or use another protocol"
        )
    if config.protocol == "split" and spans is not None:
        require_splits(set(spans()))
    return None


def _spans(watches: pl.LazyFrame) -> Spans:
    time = pl.col(schema.TIME)
    grouped = watches.group_by(schema.SPLIT)
    found = grouped.agg(time.min().alias("first"), time.max().alias("last"))
    rows = found.collect(engine="streaming").iter_rows()
    return {name: (first, last) for name, first, last in rows}


def _num_late(watches: pl.LazyFrame, split: str, start: int) -> int:
    late = (pl.col(schema.SPLIT) == split) & (pl.col(schema.TIME) >= start)
    rows = watches.filter(late).select(pl.len())
    return int(rows.collect(engine="streaming").item())


def windows_of(config: configs.Data, times: order_statistics.Counts) -> Windows:
    """Returns windows that hold the configured shares of the watches.

    Args:
      config: The shares.
      times: Of the watches.

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
    first, *edges = order_statistics.nearest(times, [0.0, *shares.values()])
    found = Windows(**dict(zip(shares, edges, strict=True)))
    if found.validation <= first:
        raise errors.UserError(
            f"expected watches at several times for data.protocol=temporal, found the "
            f"training window empty (first watch {first}, window ends "
            f"{found.validation}): use --protocol=leave_one_out"
        )
    return found


def _given_windows(spans: Spans, num_late: Callable[[str, int], int]) -> Windows:
    """Returns the windows of a `split` column that is in order of time.

    Both stages train on `train` and validate on `validation`: the ranker has no
    window of its own.

    Raises:
      errors.UserError: A split is missing, or one overlaps with the next in time.
    """
    require_splits(set(spans))
    train, validation, test = (spans[name] for name in schema.SPLITS)
    _require_order(num_late, "train", "test", test[0], train[1])
    _require_order(num_late, "train", "validation", validation[0], train[1])
    _require_order(num_late, "validation", "test", test[0], validation[1])
    return Windows(
        validation=validation[0],
        ranking=min(first for first, _ in spans.values()),
        ranking_validation=validation[0],
        test=test[0],
    )


def require_splits(found: set[str]) -> None:
    """Checks that a `split` column has watches of every kind.

    Raises:
      errors.UserError: It has not.
    """
    missing = [name for name in schema.SPLITS if name not in found]
    if missing:
        raise errors.UserError(
            f"expected {schema.WATCHES}.{schema.SPLIT} to hold "
            f"{', '.join(schema.SPLITS)}, found no {' and no '.join(missing)}: mark "
            f"some watches so"
        )


def _require_order(
    num_late: Callable[[str, int], int], before: str, after: str, start: int, last: int
) -> None:
    if last < start:
        return
    number = num_late(before, start)
    raise errors.UserError(
        f"expected {schema.WATCHES}.{schema.SPLIT} in order of time for "
        f"data.protocol=temporal, found {number:,} {before} watches at or after the "
        f"first {after} watch (time {start}), as a random split has: a model would "
        f"learn from what comes after its test; split by time, or use --protocol=split"
    )


def given_watches(names: pl.Series) -> np.ndarray:
    """Returns the split of each watch by its name, `[watches] uint8`."""
    codes = np.zeros(len(names), np.uint8)
    for name in schema.SPLITS:
        codes[(names == name).to_numpy()] = getattr(_Split, name.upper())
    return codes


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


def impressions_by_watches(
    users: np.ndarray,
    times: np.ndarray,
    offsets: np.ndarray,
    watch_times: np.ndarray,
    watch_splits: np.ndarray,
) -> np.ndarray:
    """Returns the split of each impression, by the user's first held-out watches.

    Args:
      users: `[impressions]`, the user's place among `offsets`.
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
