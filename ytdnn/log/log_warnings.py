"""Warnings about the tables of a log, before it is prepared: legal, but unlikely."""

import time
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from ytdnn.base import formats, schema
from ytdnn.log import events, order_statistics, plausibility

# Seconds: earlier watches are times of another unit more often than history.
_YEAR_2000 = 946_684_800
_WINDOWS = {
    events.Split.TRAIN: "training",
    events.Split.VALIDATION: "validation",
}
_MIDDLE = (0.01, 0.99)
_MOST_SPANS = 10.0  # times the middle 98 % that all of a log may span
MOST_MEDIAN_SECONDS = 4 * 3_600.0
NONE_INSIDE = " lies in"  # says the obstacle that other windows would remove


def of_watches(watches: pl.LazyFrame) -> list[str]:
    """Returns a line for each warning about times and seconds of watches."""
    median = None
    if schema.WATCH_SECONDS in watches.collect_schema():
        seconds = watches.select(pl.col(schema.WATCH_SECONDS).median())
        median = seconds.collect(engine="streaming").item()
    return of_times(order_statistics.of_frame(watches, schema.TIME), median)


def of_times(times: order_statistics.Counts, median: float | None) -> list[str]:
    """Returns a line for each warning about watches.

    Args:
      times: Times of the watches.
      median: Median of the watch seconds; None: the log has none.
    """
    shares = [0.0, 1.0, *_MIDDLE]
    first, last, low, high = order_statistics.nearest(times, shares)
    found = []
    if high < _YEAR_2000:
        unit = plausibility.unit_of([low, high])
        guess = f"{low:,} to {high:,} look like {unit}"
        guess = guess if unit else "give seconds since 1970 or ISO text"
        found.append(
            f"note: the watches lie between {formats.day(low)} and "
            f"{formats.day(high)}, before the year 2000: {guess}"
        )
    elif last - first < schema.DAY_SECONDS:
        found.append(
            f"note: all watches lie within {(last - first) / 3600:,.1f} hours: check "
            f"the unit of watches.time; splits by time need days "
            f"(--protocol=leave_one_out needs none)"
        )
    if last > time.time() + schema.DAY_SECONDS:
        found.append(f"note: the last watch lies in the future ({formats.day(last)})")
    if last - first > _MOST_SPANS * max(high - low, schema.DAY_SECONDS):
        found.append(
            f"note: 98 % of the watches lie between {formats.day(low)} and "
            f"{formats.day(high)}, the others reach from {formats.day(first)} to "
            f"{formats.day(last)}: are these times right?"
        )
    if median is not None and median > MOST_MEDIAN_SECONDS:
        found.append(
            f"note: half of watches.watch_seconds are above {median:,.0f} s: if they "
            f"are milliseconds, --columns=watches.watch_seconds=YOUR_COLUMN/1000"
        )
    return found


def shown_and_clicked(
    parts: Iterable[tuple[np.ndarray, np.ndarray]],
) -> np.ndarray | None:
    """Returns the number of unclicked and clicked impressions of each split.

    Args:
      parts: Parts of the log: splits `[impressions]`, see `events.Split`, and clicked
        `[impressions] bool`.

    Returns:
      `[2, splits] int64`; None without parts.
    """
    number, found = len(events.Split), None
    for splits, clicked in parts:
        cells = np.asarray(clicked) * np.int64(number) + np.asarray(splits)
        counts = np.bincount(cells, minlength=2 * number).reshape(2, number)
        found = counts if found is None else found + counts
    return found


def ranking_obstacle(
    shown: np.ndarray | None,
    needed: Sequence[events.Split] = tuple(_WINDOWS),
) -> str:
    """Returns why no ranker can be trained on a log; empty if one can.

    Args:
      shown: Counts from `shown_and_clicked`; None: the log has no impressions.
      needed: Windows that must have impressions.
    """
    if shown is None:
        return "the log has no impressions"
    if not shown.sum():
        return "impressions has no rows"
    for split in needed:
        skipped, clicked = shown[:, split].tolist()
        window = f"its {_WINDOWS[split]} window"
        if not skipped + clicked:
            return f"none of the {shown.sum():,} impressions{NONE_INSIDE} {window}"
        if split == events.Split.TRAIN and not (skipped and clicked):
            which = "all" if clicked else "none"
            number = f"{skipped + clicked:,} impressions"
            advice = (
                ": impressions needs a row for each video shown, clicked or not"
                if clicked
                else ""
            )
            return f"{which} of the {number} in {window} were clicked{advice}"
    return ""
