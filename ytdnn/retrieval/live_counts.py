"""Counts of the watches up to each request: what is popular now.

The popularity of the last quarter of an hour, hour, day, week or of all time, alone or
with the transitions after the user's last watch. A count holds what was watched
strictly before the second of a request, less a delay, and nothing of the request
itself. A log is read once, and counts move on from request to request.
"""

import copy
import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.log import events, prepared, window_choice

# Seconds of the windows by name; None: all time.
WINDOWS: dict[str, int | None] = {
    "last_15_minutes": 900,
    "last_hour": 3_600,
    "last_day": 86_400,
    "last_week": 604_800,
    "all_time": None,
}
THEN_NEXT = "_then_next"  # ends the names of counts with transitions
# Transitions are rarer than watches: they are counted in a window so many times longer,
# with half the weight of all watches, less where there are few (three count nothing).
_LONGER = 4
_WEIGHT = 0.5
_FEW = 3.0
_LONGEST = _LONGER * 604_800

Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class CountedRequests:
    """Requests with one answer each.

    Attributes:
      moments: `[n] int64`, the second before which watches count.
      last: `[n]` catalogue index of the user's last watch before, 0 = none.
      answers: `[n]` catalogue index of the answer.
      removed: Distinct catalogue indices that are in no list.
    """

    moments: Integers
    last: npt.NDArray[np.integer]
    answers: npt.NDArray[np.integer]
    removed: ragged.Ragged


class LiveCounts:
    """The watches of a log by time, to count them up to any moment.

    Attributes:
      size: Number of catalogue indices, 0 included.
      times: `[watches] int64`, ascending, of those that are not early.
      videos: `[watches]` catalogue index of each.
    """

    def __init__(self, data: prepared.PreparedData, begin: int) -> None:
        """Reads the watches of all users; of early ones only their number is kept.

        Args:
          data: The prepared set.
          begin: The first moment that is asked for.
        """
        self.size = data.num_videos + 1
        self._early = np.zeros(self.size, np.int64)
        parts, counted_from = [], window_choice.counted_from(data.config)
        for shard in data.log.shards:
            columns = _watches(shard.read().watches)
            is_counted = columns[0] >= counted_from
            times, videos, before = (column[is_counted] for column in columns)
            is_late = times >= begin - _LONGEST
            self._early += np.bincount(videos[~is_late], minlength=self.size)
            parts.append([column[is_late] for column in (times, videos, before)])
        times, videos, before = map(np.concatenate, zip(*parts, strict=True))
        order = np.argsort(times, kind="stable")
        self.times, self.videos = times[order], videos[order]
        self._before = before[order]

    def with_watches(
        self, times: Integers, videos: npt.NDArray, before: npt.NDArray
    ) -> "LiveCounts":
        """Returns the counts with further watches, none of them early.

        Args:
          times: `[n]` seconds.
          videos: `[n]` catalogue index of each.
          before: `[n]` that of the user's watch before, 0 = none.
        """
        made = copy.copy(self)
        made.__dict__.pop("_transitions", None)
        every = np.append(self.times, times)
        order = np.argsort(every, kind="stable")
        made.times, made.videos = every[order], np.append(self.videos, videos)[order]
        made._before = np.append(self._before, before)[order]
        return made

    def ranks(self, window: str, requests: CountedRequests) -> dict[str, Integers]:
        """Returns the place of each answer among all videos, from 0; -1: not counted.

        Equal counts are ordered by catalogue index; removed videos have no place.

        Args:
          window: A name of `WINDOWS`.
          requests: The requests.

        Returns:
          `[n]` by the window's name, and with transitions by that with `THEN_NEXT`.
        """
        seconds = WINDOWS[window]
        stops = np.searchsorted(self.times, requests.moments)
        starts = np.zeros_like(stops)
        counts, start, stop = self._early.copy(), 0, 0
        if seconds is not None:
            starts = np.searchsorted(self.times, requests.moments - seconds)
            counts[:] = 0
        ranks = np.full((2, len(stops)), -1, np.int64)
        for row in np.argsort(requests.moments, kind="stable").tolist():
            np.add.at(counts, self.videos[stop : stops[row]], 1)
            np.subtract.at(counts, self.videos[start : starts[row]], 1)
            start, stop = starts[row], stops[row]
            answer = requests.answers[row]
            offsets = requests.removed.offsets[row : row + 2]
            gone = requests.removed.values[slice(*offsets)]
            ranks[0, row] = _rank(counts, _NOTHING, answer, gone)
            following = self._following(requests, row, seconds, counts)
            ranks[1, row] = ranks[0, row]
            if len(following[0]):
                ranks[1, row] = _rank(counts, following, answer, gone)
        return dict(zip((window, window + THEN_NEXT), ranks, strict=True))

    def scores(self, name: str, moment: int) -> npt.NDArray[np.float32]:
        """Returns the counts of all videos at a moment, `[num_videos] float32`.

        Args:
          name: A name of `WINDOWS`.
          moment: The second before which watches count.
        """
        window, start, early = WINDOWS[name], 0, self._early
        if window is not None:
            start = int(np.searchsorted(self.times, moment - window))
            early = np.zeros_like(early)
        counted = self.videos[start : np.searchsorted(self.times, moment)]
        counts = np.bincount(counted, minlength=self.size) + early
        return counts[1:].astype(np.float32)

    def _following(
        self, requests: CountedRequests, row: int, window: int | None, counts: Integers
    ) -> tuple[Integers, npt.NDArray[np.float64]]:
        """Returns videos that followed the last watch, and their share of counts."""
        moment = int(requests.moments[row])
        longer = _LONGEST if window is None else _LONGER * window
        counted = self.followed(int(requests.last[row]), moment - longer, moment)
        if not len(counted):
            return _NOTHING
        nexts, number = np.unique(counted, return_counts=True)
        share = _WEIGHT * max(int(counts.sum()), 1) / (number.sum() + _FEW)
        return nexts, number * share

    def followed(self, video: int, begin: int, end: int) -> Integers:
        """Returns the videos watched right after a video in some time.

        Args:
          video: Catalogue index, 0 = none.
          begin: First second.
          end: The second after the last.
        """
        offsets, times, videos = self._transitions
        if not video:
            return np.zeros(0, np.int64)
        own = slice(offsets[video], offsets[video + 1])
        first, last = np.searchsorted(times[own], [begin, end])
        return videos[own][first:last].astype(np.int64)

    def with_following(self) -> Integers:
        """Returns the catalogue indices that something was watched right after."""
        return np.flatnonzero(np.diff(self._transitions[0]))

    @functools.cached_property
    def _transitions(self) -> tuple[Integers, Integers, npt.NDArray[np.integer]]:
        """Offsets by video, times and videos of what was watched right after it."""
        order = np.argsort(self._before, kind="stable")
        sizes = np.bincount(self._before, minlength=self.size)
        return np.append(0, np.cumsum(sizes)), self.times[order], self.videos[order]


class MovingCounts:
    """Watches of each video in some windows, as moments go on."""

    def __init__(self, counts: LiveCounts, windows: Sequence[int]) -> None:
        """Begins before the first watch.

        Args:
          counts: The watches, as early as the first moment less the longest window.
          windows: Length of each window, seconds.
        """
        self._log, self._windows = counts, windows
        self._counts = np.zeros((len(windows), counts.size), np.int64)
        self._spans = [(0, 0)] * len(windows)

    def at(self, moment: int) -> Integers:
        """Returns the watches of each video before a moment, `[windows, videos + 1]`.

        They are overwritten by the next call.

        Args:
          moment: Not before the last one.
        """
        times, videos = self._log.times, self._log.videos
        stop = int(np.searchsorted(times, moment))
        for place, window in enumerate(self._windows):
            start = int(np.searchsorted(times, moment - window))
            first, last = self._spans[place]
            np.add.at(self._counts[place], videos[max(last, start) : stop], 1)
            np.subtract.at(self._counts[place], videos[first : min(start, last)], 1)
            self._spans[place] = start, stop
        return self._counts


_NOTHING: tuple[Integers, npt.NDArray[np.float64]] = (
    np.zeros(0, np.int64),
    np.zeros(0),
)


def _watches(watches: events.Watches) -> tuple[np.ndarray, ...]:
    """Returns times, videos and the user's video before, without exact duplicates."""
    columns = (watches.users, watches.times, watches.videos)
    users, times, videos = (np.asarray(column) for column in columns)
    order = np.lexsort((videos, times, users))
    is_again = [c[order][1:] == c[order][:-1] for c in (users, times, videos)]
    keep = np.ones(len(order), bool)
    keep[order[1:][np.all(is_again, axis=0)]] = False
    users, times, videos = users[keep], times[keep], videos[keep]
    is_first = np.append(True, users[1:] != users[:-1])[: len(users)]
    before = np.where(is_first, 0, np.append(0, videos[:-1])[: len(users)])
    return times.astype(np.int64), videos, before


def _rank(
    counts: Integers,
    following: tuple[Integers, npt.NDArray[np.float64]],
    answer: int,
    gone: npt.NDArray[np.integer],
) -> int:
    """Returns the place of an answer, from 0; -1: nothing counts for it.

    Args:
      counts: `[num_videos + 1]`, of each video.
      following: Videos with a further score, ascending, and that score.
      answer: Catalogue index of the answer.
      gone: Distinct catalogue indices without a place.
    """
    nexts, more = following
    score = float(counts[answer] + more[nexts == answer].sum())
    if score <= 0.0:
        return -1
    place = int(np.count_nonzero(counts > int(score)))
    if score.is_integer():
        place += int(np.count_nonzero(counts[:answer] == int(score)))
    scores = counts[gone]
    if len(nexts):
        before = counts[nexts]
        place -= _num_above(nexts, before, answer, score)
        place += _num_above(nexts, before + more, answer, score)
        scores = scores.astype(float)
        is_next = ragged.are_among(gone, nexts)
        scores[is_next] += more[np.searchsorted(nexts, gone[is_next])]
    return place - _num_above(gone, scores, answer, score)


def _num_above(
    videos: npt.NDArray[np.integer],
    scores: npt.NDArray[np.number],
    answer: int,
    score: float,
) -> int:
    """Returns the number of videos that come before an answer with some score."""
    is_tie = (scores == score) & (videos < answer)
    return int(np.count_nonzero((scores > score) | is_tie))
