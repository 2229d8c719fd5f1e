"""Statistics of videos, channels and topics as of a moment (PAPER §4.1).

A ratio is smoothed by ten events with the ratio of the larger group: the channel's for
a video (the corpus's if the log has no channels), and the corpus's for a channel or
topic.
"""

import abc
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, corpus, encodings
from ytdnn.log import positions, prepared

SMOOTHING_EVENTS = 10.0  # average ones, added to each group's
_OF_ROWS = "cells of logged impressions"

Marks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]


def _clicks(data: prepared.PreparedData) -> Marks:
    return np.asarray(data.impressions.clicked)


def _unclicked(data: prepared.PreparedData) -> Marks:
    return ~_clicks(data)


def _seconds(data: prepared.PreparedData) -> Floats:
    seconds = data.impressions.seconds
    if seconds is None:
        raise ValueError("expected watch seconds of impressions, found none")
    return np.where(_clicks(data), seconds, 0.0)


def _durations(data: prepared.PreparedData) -> Floats:
    """Returns the duration of each impression's video, 0 where it is unknown."""
    column = data.videos[schema.DURATION_SECONDS].cast(pl.Float64)
    known = column.fill_nan(None).fill_null(0.0).to_numpy()
    durations: Floats = np.append(0.0, known)[data.impressions.videos]
    return durations


def _clicks_of_known_duration(data: prepared.PreparedData) -> Marks:
    return _clicks(data) & (_durations(data) > 0.0)


def _fractions(data: prepared.PreparedData) -> Floats:
    durations = _durations(data)
    fractions = _seconds(data) / np.where(durations > 0.0, durations, np.inf)
    return np.minimum(fractions, 1.0)


IMPRESSIONS = corpus.Quantity("impressions")
WATCHES = corpus.Quantity("watches")
CLICKS = corpus.Quantity("impressions", _clicks)
UNCLICKED = corpus.Quantity("impressions", _unclicked)
# Watched after a click, in seconds and in shares of the video (at most 1).
SECONDS = corpus.Quantity("impressions", _seconds)
FRACTIONS = corpus.Quantity("impressions", _fractions)
CLICKS_OF_KNOWN_DURATION = corpus.Quantity("impressions", _clicks_of_known_duration)


class CorpusStatistic(encodings.Continuous):
    """A number of the video's group as of a moment; -1 without a group.

    Training and evaluation read the table of the midnight (UTC) before the impression,
    and at the latest that of the end of the training window, which is the exported one.
    So no table contains the example or later events.

    Attributes:
      statistic: Name of the statistic, without its group.
      needs: Columns that it needs in addition to the group's, as "table.column".
    """

    scope = base_feature.Scope.VIDEO
    networks = default_in = frozenset({base_feature.RANKING})
    statistic: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group of videos."""
        self.name = f"{group.name}_{self.statistic}"
        self.group = group
        self.columns = self.needs + group.columns

    def values(self, requests: corpus.StatisticRequests) -> corpus.Floats:
        """Returns the number by video and moment."""
        groups = self.group.video_groups(requests.data)[requests.videos]
        numbers = self.group_values(requests, self.group)
        return np.where(groups > 0, numbers, positions.MISSING)

    @abc.abstractmethod
    def group_values(
        self, requests: corpus.StatisticRequests, group: corpus.VideoGroup
    ) -> corpus.Floats:
        """Returns the number of each video's group at each moment, `[n]`."""

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Computes the values of logged impressions at once, others on demand."""
        data, end = log.data, corpus.serving_moment(log.data)
        with tf.device("CPU"):
            of_rows = log.once(
                _OF_ROWS, lambda: tf.constant(corpus.rows_of_logged(data))
            )
        logged = self._once(data, corpus.logged)
        served = self._once(data, corpus.served)

        def read(at: positions.Positions) -> tf.Tensor:
            if at.is_logged and positions.are_ranked(of_rows, at.rows):
                return tf.gather(logged, tf.gather(of_rows, at.rows))[..., tf.newaxis]
            times = np.asarray(at.times)
            if at.is_logged:  # and of no window of the ranker
                times = np.asarray(data.impressions.times)[np.asarray(at.rows)]
            moments = np.where(times == 0, end, corpus.moments(data, times))
            if (moments == end).all():
                return tf.gather(served, at.videos)
            videos = np.asarray(at.videos)
            moments = np.broadcast_to(moments[..., np.newaxis], videos.shape)
            requests = corpus.StatisticRequests(
                corpus.sums(data, keep=True), videos.ravel(), moments.ravel()
            )
            return tf.constant(self.values(requests).reshape(videos.shape), tf.float32)

        return read

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader of the table at the end of the training window."""
        return base_feature.RowsOfVideos(self._once(data, corpus.served).numpy())

    def _once(
        self,
        data: prepared.PreparedData,
        requests: Callable[[prepared.PreparedData], corpus.StatisticRequests],
    ) -> tf.Tensor:
        """Returns values as a tensor, cached with the prepared set for all windows."""

        def make() -> tf.Tensor:
            values = self.values(requests(data)).astype(np.float32)
            with tf.init_scope(), tf.device("CPU"):
                return tf.constant(values)

        return data.once((self, requests), make)


class _Count(CorpusStatistic):
    """Events of the group before the moment, of all or of recent days.

    Attributes:
      quantity: Quantity that is counted.
      is_recent: Whether only the seven days before the moment count.
    """

    quantity: ClassVar[corpus.Quantity]
    is_recent: ClassVar[bool] = False

    def group_values(
        self, requests: corpus.StatisticRequests, group: corpus.VideoGroup
    ) -> corpus.Floats:
        """Counts."""
        count = requests.recent if self.is_recent else requests.total
        return count(self.quantity, group)


class NumImpressions(_Count):
    """How often the video (channel, topic) was shown to all users."""

    statistic, quantity, needs = "impressions", IMPRESSIONS, ("impressions.time",)


class NumWatches(_Count):
    """How often the video (channel, topic) was watched, on a page or elsewhere."""

    statistic, quantity, needs = "watches", WATCHES, ("watches.time",)


class NumRecentWatches(NumWatches):
    """Watches of the video (channel, topic) in the seven days before the moment."""

    statistic, is_recent = "recent_watches", True


class _Ratio(CorpusStatistic):
    """A smoothed ratio of two sums.

    Attributes:
      numerator: Quantity of the numerator.
      denominator: Quantity of the denominator.
    """

    numerator: ClassVar[corpus.Quantity]
    denominator: ClassVar[corpus.Quantity]

    def group_values(
        self, requests: corpus.StatisticRequests, group: corpus.VideoGroup
    ) -> corpus.Floats:
        """Returns `(numerator + 10 · ratio of the parent) / (denominator + 10)`.

        The ratio of the corpus itself is not smoothed, and 0 before the first event.
        The parent of a video without a channel is the corpus.
        """
        above = requests.total(self.numerator, group)
        below = requests.total(self.denominator, group)
        if group == corpus.CORPUS:
            return above / np.where(below > 0, below, 1.0)
        prior = self.group_values(requests, group.parent(requests.data))
        return (above + SMOOTHING_EVENTS * prior) / (below + SMOOTHING_EVENTS)


class ClickRate(_Ratio):
    """Clicks over impressions of the video (channel, topic) to all users, smoothed."""

    statistic, needs = "click_rate", ("impressions.time",)
    numerator, denominator = CLICKS, IMPRESSIONS


class _OfSeconds(_Ratio):
    """A ratio of watch seconds of impressions."""

    needs: ClassVar[tuple[str, ...]] = ("impressions.watch_seconds",)

    def exists(self, data: prepared.PreparedData) -> bool:
        """Whether the log has watch seconds."""
        return super().exists(data) and data.log.has_watch_seconds


class SecondsOdds(_OfSeconds):
    """Watch seconds over unclicked impressions of the video (channel, topic), smoothed.

    The target of the weighted logistic head (PAPER §4.2), averaged over users.
    """

    statistic, numerator, denominator = "seconds_odds", SECONDS, UNCLICKED


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


def _for_groups(*kinds: type[CorpusStatistic]) -> tuple[CorpusStatistic, ...]:
    return tuple(kind(group) for kind in kinds for group in corpus.GROUPS)


CLICK_RATES = _for_groups(ClickRate)
COUNTS = _for_groups(NumImpressions, NumWatches, NumRecentWatches)
WATCH_TIMES = _for_groups(SecondsOdds, SecondsPerClick, WatchedFraction)
FEATURES = (*CLICK_RATES, *COUNTS, *WATCH_TIMES)
