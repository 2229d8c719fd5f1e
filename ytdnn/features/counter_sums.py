"""Sums of a log's quantities by groups of videos, in windows before moments.

A quantity is a number of each event, such as 1 or the watch seconds of a click; a group
is a video, or the videos of a channel, a topic or another column. Its events are read
shard by shard and sorted once (`point_in_time_sums`) for all counters that sum it.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import ragged, schema
from ytdnn.features import point_in_time_sums
from ytdnn.log import events, log_tensors, prepared, window_choice

_REQUESTS_A_PART = 1 << 18  # so that a part stays in the cache

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]
OfEvents = Callable[[prepared.PreparedData], npt.NDArray]


class CounterWindow(NamedTuple):
    """The time before a request in which events count.

    Attributes:
      name: Name, as in names of features.
      seconds: Length; 0: it has no begin.
    """

    name: str = ""
    seconds: int = 0


EVER = CounterWindow()
WEEK = CounterWindow("week", 7 * schema.DAY_SECONDS)
DAY = CounterWindow("day", schema.DAY_SECONDS)
HOUR = CounterWindow("hour", schema.DAY_SECONDS // 24)
WINDOWS = (EVER, WEEK, DAY, HOUR)


@dataclasses.dataclass(frozen=True)
class VideoGroup:
    """A grouping of videos: each by itself, by a column, or all in one group.

    Attributes:
      name: Name, as in names of features.
      column: Column of `videos`; None: each video is a group, or all are one group.
    """

    name: str
    column: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The log's columns that the grouping needs, as "table.column"."""
        return () if self.column is None else (f"{schema.VIDEOS}.{self.column}",)

    def parent(self, data: prepared.PreparedData) -> "VideoGroup":
        """Returns the larger group that a ratio of this one is smoothed towards."""
        has_channels = set(CHANNEL.columns) <= data.catalogue.columns
        return CHANNEL if self == VIDEO and has_channels else CORPUS

    def video_groups(self, data: prepared.PreparedData) -> Integers:
        """Returns the group of each catalogue index, `[catalogue + 1]`, 0 = none."""
        return data.once((VideoGroup, self), lambda: self._video_groups(data.catalogue))

    def _video_groups(self, catalogue: prepared.Catalogue) -> Integers:
        if self == VIDEO:
            return np.arange(catalogue.num_videos + 1)
        if self == CORPUS:
            return np.minimum(np.arange(catalogue.num_videos + 1), 1)
        texts = prepared.first_texts(catalogue.videos[self.column or ""])
        return np.append(0, texts.rank("dense").fill_null(0).cast(pl.Int64).to_numpy())


VIDEO = VideoGroup("video")
CHANNEL = VideoGroup("channel", schema.CHANNEL_ID)
TOPIC = VideoGroup("topic", schema.TOPIC)
CORPUS = VideoGroup("corpus")
GROUPS = (VIDEO, CHANNEL, TOPIC)


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A number of each event, to be summed by counters.

    Attributes:
      table: Table of the events.
      are_counted: Function that returns which events count, `[events] bool`; None: all.
      of_events: Function that returns `[events]` numbers; None: 1 each.
    """

    table: log_tensors.Event
    are_counted: OfEvents | None = None
    of_events: OfEvents | None = None


def serving_moment(data: prepared.PreparedData) -> int:
    """Returns the moment of the served counters: the end of the ranker's window.

    For protocols without windows it is the end of the log.
    """
    windows = data.manifest.facts.get("windows")
    if windows is not None:
        return int(windows["test"])
    return data.once(serving_moment, lambda: data.windows.end_of_log + 1)


def countable(
    data: prepared.PreparedData, table: log_tensors.Event = "impressions"
) -> npt.NDArray[np.bool_]:
    """Returns whether a counter may count each event, `[events] bool`.

    With windows of time it may count all: the time separates them. Without, a user's
    held-out events can be before other users' training events, so they are left out.
    """
    splits = np.asarray(getattr(data.log.shard, table).splits)
    if data.config.protocol == "temporal":
        return np.ones(len(splits), bool)
    return ~np.isin(splits, [events.Split.VALIDATION, events.Split.TEST])


class QuantitySums:
    """Sums of quantities over the events of a whole log, by group, as of moments.

    Attributes:
      data: The prepared set.
      delay: Age in seconds from which events are known to a request.
    """

    def __init__(self, data: prepared.PreparedData, since: int) -> None:
        """Stores the set; events are sorted and summed on first use.

        Args:
          data: The prepared set.
          since: First moment of which sums will be asked.
        """
        self.data = data
        self.delay = round(data.config.counters_delay_seconds)
        self._since = since - self.delay
        self._sorted: dict[
            tuple[Quantity, VideoGroup], point_in_time_sums.SortedEvents
        ] = {}
        self._sums: dict[
            tuple[Quantity, VideoGroup], point_in_time_sums.PrefixSums
        ] = {}

    def events(
        self, quantity: Quantity, group: VideoGroup
    ) -> tuple[Quantity, point_in_time_sums.SortedEvents]:
        """Returns the sorted events of a quantity, and the quantity of their number."""
        number = dataclasses.replace(quantity, of_events=None)
        key = number, group
        if key not in self._sorted:
            size = int(group.video_groups(self.data).max()) + 1
            self._sorted[key] = point_in_time_sums.sort_events(
                lambda: self._read(*key), size, self._since
            )
        return number, self._sorted[key]

    def sums(
        self, quantity: Quantity, group: VideoGroup
    ) -> point_in_time_sums.PrefixSums:
        """Returns the sums of a quantity before places among its events."""
        key = quantity, group
        if key not in self._sums:
            number, of_group = self.events(*key)
            is_number = number == quantity
            self._sums[key] = (
                of_group.counts()
                if is_number
                else of_group.sums(lambda: self._read(*key))
            )
        return self._sums[key]

    def _read(
        self, quantity: Quantity, group: VideoGroup
    ) -> Iterator[tuple[Integers, Integers, npt.NDArray]]:
        """Yields group, time and number of the countable events of each shard."""
        of_videos = group.video_groups(self.data)
        begin = window_choice.counted_from(self.data.config)
        for shard in map(self.data.with_log, self.data.log.whole.each_shard()):
            rows = getattr(shard.log.shard, quantity.table)
            keep = countable(shard, quantity.table)
            keep &= np.asarray(rows.times) >= begin
            if quantity.are_counted is not None:
                keep = keep & quantity.are_counted(shard)
            times = np.asarray(rows.times, np.int64)[keep]
            groups = of_videos[np.asarray(rows.videos)[keep]]
            values = times
            if quantity.of_events is not None:
                values = quantity.of_events(shard)[keep]
            yield groups, times, values


def sums_at(data: prepared.PreparedData, moments: Integers, keep: bool) -> QuantitySums:
    """Returns the sums of the whole log as of some moments.

    Args:
      data: The prepared set, or a window of it.
      moments: `[n]` seconds.
      keep: Whether they are cached for ever, not only while features are opened.
    """
    times = point_in_time_sums.from_codes(ranked_numbers(data))[1]
    first = data.once(sums_at, lambda: times.min(initial=serving_moment(data)))
    since = int(first) - WEEK.seconds
    if int(np.min(moments, initial=first)) < first:
        since = np.iinfo(np.int64).min  # before the ranker's windows: rarely asked
    cached = data.once if keep else data.shared
    return cached((QuantitySums, since), lambda: QuantitySums(data.whole, since))


class CounterRequests:
    """Videos and moments to count for.

    Attributes:
      data: The prepared set.
      videos: `[n]` catalogue indices.
      moments: `[n]` seconds.
    """

    def __init__(
        self, of_log: QuantitySums, videos: Integers, moments: Integers
    ) -> None:
        """Stores the arguments; events are looked up on first use."""
        self.data = of_log.data
        self.videos = videos
        self.moments = moments
        self._of_log = of_log
        self._places: dict[tuple[object, ...], Integers] = {}

    def parts(self) -> Iterator["CounterRequests"]:
        """Yields bounded parts in order."""
        for part in ragged.slices(len(self.videos), _REQUESTS_A_PART):
            yield CounterRequests(self._of_log, self.videos[part], self.moments[part])

    def sum(
        self, quantity: Quantity, group: VideoGroup, window: CounterWindow = EVER
    ) -> Floats:
        """Returns sums over events of each video's group in a window, `[n]`.

        The window ends strictly before the moment, less the delay of counters. The sum
        is 0 for a video without a group.
        """
        total = self._before(quantity, group, 0)
        if not window.seconds:
            return total
        return total - self._before(quantity, group, window.seconds)

    def _before(self, quantity: Quantity, group: VideoGroup, seconds: int) -> Floats:
        """Returns sums over events that are earlier than so many seconds before."""
        groups = group.video_groups(self.data)[self.videos]
        number, of_group = self._of_log.events(quantity, group)
        key = number, group, seconds
        if key not in self._places:
            moments = self.moments - self._of_log.delay - seconds
            self._places[key] = of_group.places(groups, moments)
        return self._of_log.sums(quantity, group).before(groups, self._places[key])


def logged(data: prepared.PreparedData) -> CounterRequests:
    """Returns the videos of the ranker's impressions, each once for a request time."""
    videos, moments = point_in_time_sums.from_codes(ranked_numbers(data))
    return CounterRequests(sums_at(data, moments, keep=False), videos, moments)


def served(data: prepared.PreparedData) -> CounterRequests:
    """Returns every catalogue index, from 0, at the serving moment."""
    every = np.arange(data.num_videos + 1)
    moments = np.full(len(every), serving_moment(data))
    return CounterRequests(sums_at(data, moments, keep=False), every, moments)


def ranked_numbers(data: prepared.PreparedData) -> Integers:
    """Returns the distinct `numbers_of` of the ranker's impressions, ascending."""

    def find() -> Integers:
        shards = map(data.whole.with_log, data.log.whole.each_shard())
        numbers = [numbers_of(each, each.impressions.ranked) for each in shards]
        ordered = np.sort(
            np.concatenate(numbers)
        )  # few are twice: faster than `unique`
        return ordered[np.diff(ordered, prepend=-1) > 0]

    return data.once(ranked_numbers, find)


def numbers_of(data: prepared.PreparedData, rows: Integers) -> Integers:
    """Returns a number of the video and request time of impressions, `[n] int64`."""
    shown = data.impressions
    times = np.asarray(shown.request_times)[rows]
    return point_in_time_sums.to_codes(np.asarray(shown.videos)[rows], times)
