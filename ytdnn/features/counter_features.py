"""Counters of videos, channels, topics and columns of the log's own (PAPER §4.1).

A ratio is smoothed by ten events: that of a window with the group's own ratio of all
time, which is smoothed with the ratio of the larger group: the channel's for a video
(the corpus's if the log has no channels), and the corpus's for all others.
"""

import functools
import itertools
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ytdnn.base import schema
from ytdnn.features import counter_sums, counters, past_sums
from ytdnn.log import prepared

SMOOTHING_EVENTS = 10.0  # average ones, added to each group's

Marks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]
Sums = tuple[counter_sums.Floats, counter_sums.Floats]
Requests = counter_sums.CounterRequests
Group = counter_sums.VideoGroup
Window = counter_sums.CounterWindow


def _clicks(data: prepared.PreparedData) -> Marks:
    return np.asarray(data.impressions.clicked)


def _seconds(data: prepared.PreparedData) -> Floats:
    seconds = data.impressions.seconds
    if seconds is None:
        raise ValueError("expected watch seconds of impressions, found none")
    return np.where(_clicks(data), seconds, 0.0)


def _durations(data: prepared.PreparedData) -> Floats:
    """Returns the duration of each impression's video, 0 where it is unknown."""
    return past_sums.durations(data.catalogue)[data.impressions.videos]


def _are_of_known_duration(data: prepared.PreparedData) -> Marks:
    return _clicks(data) & (_durations(data) > 0.0)


def _fractions(data: prepared.PreparedData) -> Floats:
    durations = _durations(data)
    fractions = _seconds(data) / np.where(durations > 0.0, durations, np.inf)
    return np.minimum(fractions, 1.0)


IMPRESSIONS = counter_sums.Quantity("impressions")
WATCHES = counter_sums.Quantity("watches")
CLICKS = counter_sums.Quantity("impressions", _clicks)
CLICKS_OF_KNOWN_DURATION = counter_sums.Quantity("impressions", _are_of_known_duration)
# Watched after a click, in seconds and in shares of the video (at most 1).
SECONDS = counter_sums.Quantity("impressions", _clicks, _seconds)
FRACTIONS = counter_sums.Quantity("impressions", _are_of_known_duration, _fractions)


class _Count(counters.Counter):
    """Events of the group in the window.

    Attributes:
      quantity: Quantity that is counted.
    """

    quantity: ClassVar[counter_sums.Quantity]

    def group_values(self, requests: Requests, group: Group) -> counter_sums.Floats:
        """Counts."""
        return requests.sum(self.quantity, group, self.window)


class NumImpressions(_Count):
    """How often the video (channel, topic) was shown to all users."""

    statistic, quantity, needs = "impressions", IMPRESSIONS, ("impressions.time",)


class NumClicks(_Count):
    """How often the video (channel, topic) was clicked on a page."""

    statistic, quantity, needs = "clicks", CLICKS, ("impressions.time",)


class NumWatches(_Count):
    """How often the video (channel, topic) was watched, on a page or elsewhere."""

    statistic, quantity, needs = "watches", WATCHES, ("watches.time",)


class NumRecentWatches(NumWatches):
    """Watches of the video (channel, topic) in the seven days before the request."""

    statistic = "recent_watches"

    def __init__(self, group: Group) -> None:
        """Declares the feature of a group of videos."""
        super().__init__(group)
        self.window = counter_sums.WEEK


class _Ratio(counters.Counter):
    """A smoothed ratio of two sums.

    Attributes:
      numerator: Quantity of the numerator.
      denominator: Quantity of the denominator.
    """

    numerator: counter_sums.Quantity
    denominator: counter_sums.Quantity

    def group_values(self, requests: Requests, group: Group) -> counter_sums.Floats:
        """Returns `(numerator + 10 · prior) / (denominator + 10)`."""
        prior = self._ratio(requests, group)
        if self.window == counter_sums.EVER:
            return prior
        return _smoothed(self._sums(requests, group, self.window), prior)

    def _ratio(self, requests: Requests, group: Group) -> counter_sums.Floats:
        """Returns the ratio of all time, smoothed with that of the parent.

        The ratio of the corpus itself is not smoothed, and 0 before the first event.
        The parent of a video without a channel is the corpus.
        """
        above, below = self._sums(requests, group, counter_sums.EVER)
        if group == counter_sums.CORPUS:
            return above / np.where(below > 0, below, 1.0)
        prior = self._ratio(requests, group.parent(requests.data))
        return _smoothed((above, below), prior)

    def _sums(self, requests: Requests, group: Group, window: Window) -> Sums:
        return (
            requests.sum(self.numerator, group, window),
            requests.sum(self.denominator, group, window),
        )


def _smoothed(sums: Sums, prior: counter_sums.Floats) -> counter_sums.Floats:
    return (sums[0] + SMOOTHING_EVENTS * prior) / (sums[1] + SMOOTHING_EVENTS)


class ClickRate(_Ratio):
    """Clicks over impressions of the video (channel, topic) to all users, smoothed."""

    statistic, needs = "click_rate", ("impressions.time",)
    numerator, denominator = CLICKS, IMPRESSIONS


class _OfSeconds(_Ratio):
    """A ratio of watch seconds of impressions."""

    needs: tuple[str, ...] = ("impressions.watch_seconds",)

    def exists(self, data: prepared.PreparedData) -> bool:
        """Whether the log has watch seconds."""
        return super().exists(data) and data.log.has_watch_seconds


class SecondsOdds(_OfSeconds):
    """Watch seconds over unclicked impressions of the video (channel, topic), smoothed.

    The target of the weighted logistic head (PAPER §4.2), averaged over users.
    """

    statistic, numerator, denominator = "seconds_odds", SECONDS, IMPRESSIONS

    def _sums(self, requests: Requests, group: Group, window: Window) -> Sums:
        above, shown = super()._sums(requests, group, window)
        return above, shown - requests.sum(CLICKS, group, window)


class SecondsPerClick(_OfSeconds):
    """Mean watch seconds of a click on the video (channel, topic), smoothed."""

    statistic, numerator, denominator = "seconds_per_click", SECONDS, CLICKS


class WatchedFraction(_OfSeconds):
    """Mean share of the video watched after a click on it (channel, topic), smoothed.

    At most 1 for each click; clicks on videos of unknown duration do not count.
    """

    statistic = "watched_fraction"
    numerator, denominator = FRACTIONS, CLICKS_OF_KNOWN_DURATION
    needs = ("impressions.watch_seconds", "videos.duration_seconds")


class OutcomeMean(_Ratio):
    """Mean of an outcome over the impressions where it is known, smoothed."""

    def __init__(
        self,
        outcome: str,
        group: Group,
        window: Window,
    ) -> None:
        """Declares the feature, which no ranker reads by default.

        Args:
          outcome: Name of the column of impressions.
          group: The group.
          window: Time that counts.
        """
        self.statistic, self.needs = f"{outcome}_mean", (f"impressions.{outcome}",)
        self.numerator, self.denominator = _outcome_quantities(outcome)
        super().__init__(group, window, is_default=False)


@functools.cache
def _outcome_quantities(
    name: str,
) -> tuple[counter_sums.Quantity, counter_sums.Quantity]:
    """Returns the sum of an outcome, and the number of impressions that have it."""

    def values(data: prepared.PreparedData) -> Floats:
        place = [outcome.name for outcome in data.catalogue.outcomes].index(name)
        return np.asarray(data.impressions.outcomes)[:, place]

    def are_known(data: prepared.PreparedData) -> Marks:
        return ~np.isnan(values(data))

    sums = counter_sums.Quantity("impressions", are_known, values)
    return sums, counter_sums.Quantity("impressions", are_known)


def _for_groups(*kinds: type[counters.Counter]) -> tuple[counters.Counter, ...]:
    return tuple(kind(group) for kind in kinds for group in counter_sums.GROUPS)


CLICK_RATES = _for_groups(ClickRate)
COUNTS = _for_groups(NumImpressions, NumWatches, NumRecentWatches)
WATCH_TIMES = _for_groups(SecondsOdds, SecondsPerClick, WatchedFraction)
# Where videos live for hours these say most: of news impressions they raise the AUC
# from .673 to .680, and by less where counters are old or frozen (docs/results.md).
RECENT = tuple(
    kind(counter_sums.VIDEO, window)
    for kind in (ClickRate, NumImpressions, NumWatches)
    for window in (counter_sums.DAY, counter_sums.HOUR)
)
FEATURES = (*CLICK_RATES, *COUNTS, *WATCH_TIMES, *RECENT)
_KINDS: tuple[type[_Count | _Ratio], ...] = (
    NumImpressions,
    NumClicks,
    NumWatches,
    ClickRate,
    SecondsOdds,
    SecondsPerClick,
    WatchedFraction,
)


def every(data: prepared.PreparedData) -> Iterator[counters.Counter]:
    """Yields the counters with a name such as "videos.genre_clicks_day".

    Args:
      data: The prepared set, which has the groups and the numbers.
    """
    columns = data.videos.columns
    own = [Group(f"{schema.VIDEOS}.{c}", c) for c in columns]
    for group, window in itertools.product(
        (*counter_sums.GROUPS, *own), counter_sums.WINDOWS
    ):
        for kind in _KINDS:
            yield kind(group, window, is_default=False)
        for outcome in data.catalogue.outcomes:
            yield OutcomeMean(outcome.name, group, window)
