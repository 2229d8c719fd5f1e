"""The user's own past, by hand and as every feature."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from tests.features import contract, pasts
from ytdnn.log import prepared

DAY = 86_400
# Of a video whose channel, topic or language is known: the past, and whether each
# watch, and each impression, has the value.
OfColumn = Callable[[pasts.Past, np.ndarray, np.ndarray], float]
COLUMNS = {"channel": "channel_id", "topic": "topic", "language": "language"}


def _last(number: int) -> OfColumn:
    return lambda past, watched, shown: int(watched[-number:].sum())


def _last_days(days: int) -> OfColumn:
    def count(past: pasts.Past, watched: np.ndarray, shown: np.ndarray) -> float:
        is_recent = past.watch_times >= past.now - DAY * days
        return int((watched & is_recent).sum()) if past.now else -1.0

    return count


def _mean_fraction(past: pasts.Past, watched: np.ndarray, shown: np.ndarray) -> float:
    durations = [past.value_of("duration_seconds", v) for v in past.watched]
    fractions = np.minimum(past.watch_seconds / np.array(durations, float), 1.0)
    return pasts.mean(fractions[watched])


OF_COLUMN: dict[str, OfColumn] = {
    "user_{}_watches": lambda past, watched, shown: int(watched.sum()),
    "user_{}_watches_of_last_10": _last(10),
    "user_{}_watches_of_last_50": _last(50),
    "user_{}_watches_of_last_day": _last_days(1),
    "user_{}_watches_of_last_3_days": _last_days(3),
    "user_{}_watches_of_last_7_days": _last_days(7),
    "user_{}_watches_of_last_21_days": _last_days(21),
    "user_{}_watch_share": lambda past, watched, shown: pasts.mean(watched),
    "seconds_since_{}_watch": lambda past, watched, shown: pasts.since(
        past, past.watch_times[watched]
    ),
    "user_{}_mean_watch_seconds": lambda past, watched, shown: pasts.mean(
        past.watch_seconds[watched]
    ),
    "user_{}_mean_watched_fraction": _mean_fraction,
    "user_{}_impressions": lambda past, watched, shown: int(shown.sum()),
    "user_{}_clicks": lambda past, watched, shown: int(past.clicked[shown].sum()),
    "user_{}_click_rate": lambda past, watched, shown: float(
        (past.clicked[shown].sum() + 1) / (shown.sum() + 10)
    ),
    "seconds_since_{}_impression": lambda past, watched, shown: pasts.since(
        past, past.shown_times[shown]
    ),
}
OF_VIDEO: dict[str, Callable[[pasts.Past], float]] = {
    "num_earlier_watches": lambda past: int((past.watched == past.video).sum()),
    "seconds_since_video_watch": lambda past: pasts.since(
        past, past.watch_times[past.watched == past.video]
    ),
    "num_earlier_impressions": lambda past: int((past.shown == past.video).sum()),
    "num_unclicked_impressions": lambda past: int(
        (past.shown[~past.clicked] == past.video).sum()
    ),
    "num_impressions_of_last_96": lambda past: int(
        (past.shown[-96:] == past.video).sum()
    ),
    "seconds_since_impression": lambda past: pasts.since(
        past, past.shown_times[past.shown == past.video]
    ),
    "user_watches": lambda past: len(past.watched),
    "user_watches_of_last_day": lambda past: (
        int((past.watch_times >= past.now - DAY).sum()) if past.now else -1.0
    ),
    "user_mean_watch_seconds": lambda past: pasts.mean(past.watch_seconds),
    "user_click_rate": lambda past: (
        float((past.clicked.sum() + 1) / (len(past.shown) + 10))
        if len(past.shown)
        else -1.0
    ),
}
_ALWAYS_KNOWN = {"user_watches", *(name for name in OF_VIDEO if name[:4] == "num_")}


def _of_column(value: OfColumn, column: str) -> Callable[[pasts.Past], float]:
    """Returns the number where the video has a value in the column, -1 elsewhere."""

    def by_hand(past: pasts.Past) -> float:
        if past.value_of(column, past.video) is None:
            return -1.0
        watched, shown = (past.same(column, v) for v in (past.watched, past.shown))
        return value(past, watched, shown)

    return by_hand


def _declare(name: str, by_hand: Callable[[pasts.Past], float]) -> None:
    """Adds a class of tests of the feature to this module."""
    own = {
        "name": name,
        "by_hand": lambda self, past: by_hand(past),
        "always_known": name in _ALWAYS_KNOWN,
    }
    cls = type(f"Test_{name}", (pasts.PastContract,), own)
    is_alike = "topic" in name or name.endswith(("50", "_day", "_7_days", "_21_days"))
    globals()[cls.__name__] = pytest.mark.thorough(cls) if is_alike else cls


for name, of_video in OF_VIDEO.items():
    _declare(name, of_video)
for pattern, of_column in OF_COLUMN.items():
    for noun in ("channel", "topic"):
        _declare(pattern.format(noun), _of_column(of_column, COLUMNS[noun]))
_share = OF_COLUMN["user_{}_watch_share"]
_declare("user_language_watch_share", _of_column(_share, "language"))


def test_videos_that_were_never_shown_to_a_user_have_no_past(
    data: prepared.PreparedData,
) -> None:
    split_requests = contract.SplitRequests.from_data(data)
    unwatched = np.full_like(split_requests.videos, data.num_videos)
    never = contract.SplitRequests(
        split_requests.users, split_requests.ends, split_requests.times, unwatched
    )
    for name, expected in (
        ("num_earlier_impressions", 0.0),
        ("seconds_since_impression", -1.0),
    ):
        held = globals()[f"Test_{name}"]()
        found = held._values(held.feature(data), data, never)
        tf.debugging.assert_equal(found, tf.fill(tf.shape(found), expected))
