"""Warnings about a log once it is prepared: legal, but unlikely.

Each warning is one line with advice. The log is read from its prepared shards, so that
warnings do not depend on the engine.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import polars as pl

from ytdnn.base import formats, ragged, schema
from ytdnn.log import event_log, user_shards

_MOST_SHARE = 0.5  # from which an oddity is the rule in the log
_MANY_REPEATS = 0.2  # of the watches, from which repeating is a habit
_LEAST_WATCHES = 200  # of which that can be said
_LEAST_HOLDERS = 5  # users or videos, of which one with most of the events is odd
_LEAST_EVENTS = 50  # of which that can be said
_MILLISECONDS, _MINUTES = 100.0, 20.0  # times the duration that a median is above
UNWATCHED_CLICKS = "clicked impressions are of videos that the user has no watch of"
_NO_IDS = ("", "null", "none", "nan", "na", "n/a", "nil", "undefined", "\\n")
_QUOTED = r"""^(".*"|'.*')$"""
_MOST_NAMED = 3


def notes(
    videos: pl.DataFrame,
    users: pl.DataFrame,
    shards: Sequence[user_shards.LazyShard],
) -> list[str]:
    """Returns a line for each likely mistake.

    Args:
      videos: The catalogue (see `PreparedData.videos`).
      users: See `PreparedData.users`.
      shards: The events.
    """
    found = _Events(videos)
    for shard in shards:
        found.add(shard)
    return [
        *_odd_ids(users, schema.USER_ID),
        *_odd_ids(videos, schema.VIDEO_ID),
        *_dominant(found.of_users(), users[schema.USER_ID], "user"),
        *_dominant(found.of_videos, videos[schema.VIDEO_ID], "video"),
        *found.seconds_notes(),
        *_late_uploads(videos, found.last),
        *found.clicks_notes(),
        *found.repeats_notes(),
    ]


class _Events:
    """Counts over the events of all shards."""

    def __init__(self, videos: pl.DataFrame) -> None:
        self._num_videos = videos.height
        self._durations = _column(videos, schema.DURATION_SECONDS)
        self._users: list[np.ndarray] = []
        self.of_videos = np.zeros(videos.height, np.int64)
        self.last = 0
        self._repeats = 0
        self._ratios: dict[str, list[np.ndarray]] = {}
        self._clicks = np.zeros(2, np.int64)  # without a watch, all

    def add(self, shard: user_shards.LazyShard) -> None:
        """Counts the events of a shard."""
        read = shard.read()
        offsets, videos = np.asarray(read.watches.offsets), read.watches.videos
        sizes, indices = np.diff(offsets), np.asarray(videos)
        self._users.append(sizes)
        self.of_videos += np.bincount(indices, minlength=self._num_videos + 1)[1:]
        self.last = max(self.last, int(np.max(read.watches.times, initial=0)))
        owners = np.repeat(np.arange(len(sizes)), sizes)
        watched = np.sort(owners * (self._num_videos + 1) + indices)
        self._repeats += int((np.diff(watched) == 0).sum())
        self._add_seconds(schema.WATCHES, read.watches.seconds, indices)
        shown = read.impressions
        if shown is None:
            return
        clicked = np.asarray(shown.clicked)
        seen = np.asarray(shown.videos)[clicked]
        if shown.seconds is not None:
            seconds = np.asarray(shown.seconds)[clicked]
            self._add_seconds(schema.IMPRESSIONS, seconds, seen)
        asked = np.asarray(shown.users)[clicked] * np.int64(self._num_videos + 1) + seen
        self._clicks += ((~ragged.are_among(asked, watched)).sum(), len(asked))

    def _add_seconds(
        self, table: str, seconds: np.ndarray | None, videos: np.ndarray
    ) -> None:
        if seconds is None or self._durations is None:
            return
        durations = np.append(np.nan, self._durations)[videos]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.asarray(seconds) / durations
        ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
        self._ratios.setdefault(table, []).append(ratios.astype(np.float32))

    def of_users(self) -> np.ndarray:
        """Returns the number of watches of each user, `[users] int64`."""
        return np.concatenate(self._users) if self._users else np.zeros(0, np.int64)

    def seconds_notes(self) -> Iterator[str]:
        """Yields a line for each table with seconds above most durations."""
        for table, parts in self._ratios.items():
            ratios = np.concatenate(parts)
            share = float((ratios > 1.001).mean()) if len(ratios) else 0.0
            if share <= _MOST_SHARE:
                continue
            middle = float(np.median(ratios))
            guess = "are the seconds and videos.duration_seconds of one unit?"
            if middle >= _MILLISECONDS:
                guess = (
                    f"if they are milliseconds, "
                    f"--columns={table}.watch_seconds=YOUR_COLUMN/1000"
                )
            elif middle >= _MINUTES:
                guess = "is videos.duration_seconds in minutes? Multiply it by 60"
            yield (
                f"note: {table}.watch_seconds are above the duration of the video in "
                f"{share:.0%} of {len(ratios):,} rows, {middle:.3g} times it in the "
                f"median: {guess}"
            )

    def clicks_notes(self) -> Iterator[str]:
        """Yields a line where most clicks have no watch."""
        without, number = self._clicks.tolist()
        if number and without > _MOST_SHARE * number:
            yield (
                f"note: {without:,} of {number:,} {UNWATCHED_CLICKS}: if a click is a "
                f"watch, set --config.data.clicks_are_watches=true; else check that "
                f"{schema.WATCHES} and {schema.IMPRESSIONS} are of the same users and "
                f"days"
            )

    def repeats_notes(self) -> Iterator[str]:
        """Yields a line where videos are often watched again."""
        number = int(self.of_videos.sum())
        if number >= _LEAST_WATCHES and self._repeats > _MANY_REPEATS * number:
            yield (
                f"note: {self._repeats / number:.0%} of the watches are of a video the "
                f"user had watched before, and by default no list holds one: "
                f"`ytdnn train --workdir=… --repeats` keeps them in lists and answers"
            )


def _column(frame: pl.DataFrame, name: str) -> np.ndarray | None:
    if name not in frame.columns:
        return None
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _odd_ids(frame: pl.DataFrame, name: str) -> Iterator[str]:
    if frame[name].dtype != pl.String:
        return
    plain = pl.col(name).str.strip_chars().str.to_lowercase()
    is_odd = plain.is_in(_NO_IDS) | plain.str.contains(_QUOTED)
    odd = frame.filter(is_odd)[name].to_list()
    if odd:
        shown = ", ".join(map(repr, odd[:_MOST_NAMED]))
        more = ", …" if len(odd) > _MOST_NAMED else ""
        yield (
            f"note: {name} {shown}{more} {_are(len(odd))} read as any other id: leave "
            f"out rows without an id by --where, and write ids without quotes"
        )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _dominant(counts: np.ndarray, ids: pl.Series, noun: str) -> Iterator[str]:
    total, holders = int(counts.sum()), int((counts > 0).sum())
    if total < _LEAST_EVENTS or holders < _LEAST_HOLDERS:
        return
    place = int(np.argmax(counts))
    if counts[place] > _MOST_SHARE * total:
        yield (
            f"note: {noun} {event_log.brief(repr(ids[place]), 60)} has "
            f"{counts[place] / total:.0%} of all watches: leave it out with --where if "
            f"it is a robot, a test or a missing id"
        )


def _late_uploads(videos: pl.DataFrame, last: int) -> Iterator[str]:
    uploads = _column(videos, schema.UPLOAD_TIME)
    if uploads is None or not np.isfinite(uploads).any():
        return
    first = float(np.nanmin(uploads))
    if first > last:
        yield (
            f"note: all uploads lie after the last watch ({formats.day(first)}, "
            f"{formats.day(last)}): check the units of videos.upload_time and "
            f"watches.time"
        )


def _is_date(number: int) -> bool:
    try:
        datetime.datetime.strptime(str(number), "%Y%m%d")
    except ValueError:
        return False
    return 19_700_101 <= number <= 20_991_231


_Guess = tuple[Callable[[int], bool], str]
_UNITS: tuple[_Guess, ...] = (
    (_is_date, "dates written as numbers: write 20240501 as 2024-05-01"),
    (
        lambda n: 10_957 <= n < 36_526,
        "days since 1970: multiply them by 86,400",
    ),
    (
        lambda n: 36_526 <= n < 73_051,
        "days of a spreadsheet: write them as ISO text, as 2024-05-01T12:00:00",
    ),
    (
        lambda n: 262_968 <= n < 701_280,
        "hours since 1970: multiply them by 3,600",
    ),
    (
        lambda n: 15_778_080 <= n < 42_076_800,
        "minutes since 1970: multiply them by 60",
    ),
)  # each counts from the years 2000 to 2050 or 2100


def unit_of(times: Iterable[int]) -> str:
    """Returns the probable unit of times before 2000, with advice; empty if unclear.

    Example:
      >>> unit_of([19_844, 19_850])
      'days since 1970: multiply them by 86,400'
    """
    values = list(times)
    for fits, words in _UNITS:
        if all(map(fits, values)):
            return words
    return ""
