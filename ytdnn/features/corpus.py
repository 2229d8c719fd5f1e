"""Events of the log before a moment, summed by video, channel or topic (PAPER §4.1).

A corpus statistic is read at the midnight (UTC) before an impression, and at the latest
at the serving moment. The time between two such moments is a *span*. No statistic needs
a finer resolution, so events are counted once by group and span (`cells.Cells`), and
every statistic adds up cells.

The values of the ranker's impressions, and those served, are cached with the prepared
set; the cells they are computed from only until all features are opened. They take 6
bytes for each pair of video and day with a watch, and for impressions with all
quantities up to 38.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.features import cells
from ytdnn.log import catalogues, events, positions, prepared

RECENT_SECONDS = 7 * schema.DAY_SECONDS
_STRIDE = 1 << 32  # of spans in the number of a cell
# Sums of multiples of 2⁻¹² are exact in float64 up to 2⁴¹, so that what happens to one
# video, or later, changes no other sum by a rounding error.
_UNITS = 1 << 12

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]
OfEvents = Callable[[prepared.PreparedData], npt.NDArray]


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
        """Returns the larger group that a statistic of this one is smoothed towards."""
        has_channels = set(CHANNEL.columns) <= data.catalogue.columns
        return CHANNEL if self == VIDEO and has_channels else CORPUS

    def video_groups(self, data: prepared.PreparedData) -> Integers:
        """Returns the group of each catalogue index, `[catalogue + 1]`, 0 = none."""
        return data.once((VideoGroup, self), lambda: self._video_groups(data.catalogue))

    def _video_groups(self, catalogue: catalogues.Catalogue) -> Integers:
        if self == VIDEO:
            return np.arange(catalogue.num_videos + 1)
        if self == CORPUS:
            return np.minimum(np.arange(catalogue.num_videos + 1), 1)
        texts = catalogue.videos[self.column or ""].cast(pl.String)
        ranks = texts.rank("dense").fill_null(0).cast(pl.Int64)
        return np.append(0, ranks.to_numpy())


VIDEO = VideoGroup("video")
CHANNEL = VideoGroup("channel", schema.CHANNEL_ID)
TOPIC = VideoGroup("topic", schema.TOPIC)
CORPUS = VideoGroup("corpus")
GROUPS = (VIDEO, CHANNEL, TOPIC)


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A number of each event, to be summed by statistics.

    Attributes:
      table: Table of the events.
      of_events: Function that returns `[events]` numbers; None: 1 each.
    """

    table: positions.Event
    of_events: OfEvents | None = None


def serving_moment(data: prepared.PreparedData) -> int:
    """Returns the moment of the served tables: the end of the ranker's window.

    For protocols without windows it is the end of the log.
    """
    windows = data.manifest.facts.get("windows")
    if windows is not None:
        return int(windows["test"])
    return data.once(serving_moment, lambda: data.windows.end_of_log + 1)


def moments(data: prepared.PreparedData, times: Integers) -> Integers:
    """Returns the moment at which a statistic is read for each time."""
    end = serving_moment(data)
    return np.where(times < end, times - times % schema.DAY_SECONDS, end)


def spans(data: prepared.PreparedData, times: Integers) -> Integers:
    """Returns the span that contains each time, a number that grows with time.

    An event is earlier than a moment exactly if its span is smaller. Spans begin at
    midnights, at the serving moment, and seven days before the serving moment.
    """
    end = serving_moment(data)
    started = (times >= end).astype(np.int64) + (times >= end - RECENT_SECONDS)
    days: Integers = times // schema.DAY_SECONDS + started
    return days


def _moments_of_spans(data: prepared.PreparedData, of_events: Integers) -> Integers:
    """Returns the moment at which a statistic is read for an event of each span."""
    end = serving_moment(data)
    is_recent = of_events > (end - RECENT_SECONDS) // schema.DAY_SECONDS
    is_after = of_events > end // schema.DAY_SECONDS + 1
    return np.where(is_after, end, (of_events - is_recent) * schema.DAY_SECONDS)


def countable(
    data: prepared.PreparedData, table: positions.Event = "impressions"
) -> npt.NDArray[np.bool_]:
    """Returns whether a statistic may count each event, `[events] bool`.

    With windows of time it may count all: moments separate them. Without, a user's
    held-out events can be before other users' training events, so they are left out.
    """
    splits = np.asarray(getattr(data.log.shard, table).splits)
    if data.config.protocol == "temporal":
        return np.ones(len(splits), bool)
    return ~np.isin(splits, [events.Split.VALIDATION, events.Split.TEST])


class CorpusSums:
    """Sums of quantities over the events of a whole log, by group and span.

    Attributes:
      data: The prepared set.
    """

    def __init__(self, data: prepared.PreparedData) -> None:
        """Stores the set; events are counted and summed on first use."""
        self.data = data
        self._cells: dict[tuple[str, VideoGroup], cells.Cells] = {}
        self._places: dict[tuple[str, VideoGroup], list[Integers]] = {}
        self._cumulated: dict[tuple[Quantity, VideoGroup], npt.NDArray] = {}

    def cells(self, table: positions.Event, group: VideoGroup) -> cells.Cells:
        """Returns a table's countable events by group and span."""
        key = table, group
        if key not in self._cells:
            number = int(group.video_groups(self.data).max()) + 1
            self._cells[key] = cells.counted(lambda: self._events(*key), number)
        return self._cells[key]

    def cumulated(self, quantity: Quantity, group: VideoGroup) -> npt.NDArray:
        """Returns the sum of a quantity before each of the `cells`, `[cells + 1]`."""
        of_events, key = quantity.of_events, (quantity, group)
        if of_events is None:
            return self.cells(quantity.table, group).counts
        if key not in self._cumulated:
            self._cumulated[key] = self._summed(quantity, of_events, group)
        return self._cumulated[key]

    def _summed(
        self, quantity: Quantity, of_events: OfEvents, group: VideoGroup
    ) -> npt.NDArray:
        """Sums a quantity that is not a mere count; whole numbers stay integers."""
        of_group = self.cells(quantity.table, group)
        size = len(of_group)
        total: npt.NDArray = np.zeros(size, np.int64)
        places = self._places_of_events(quantity.table, group)
        for shard, of_shard in zip(self._shards(), places, strict=True):
            values = of_events(shard)[countable(shard, quantity.table)]
            if values.dtype == np.bool_:
                total += np.bincount(of_shard[values], minlength=size)
            else:
                exact = np.rint(np.asarray(values, np.float64) * _UNITS) / _UNITS
                total = total + np.bincount(of_shard, exact, size)
        is_whole = total.dtype == np.int64
        result = np.zeros(size + 1, of_group.counts.dtype if is_whole else np.float64)
        np.cumsum(total, out=result[1:])
        return result

    def _places_of_events(
        self, table: positions.Event, group: VideoGroup
    ) -> list[Integers]:
        """Returns the cell of each countable event, a list entry for each shard."""
        key = table, group
        if key not in self._places:
            of_group = self.cells(table, group)
            self._places[key] = [of_group.places(*own) for own in self._events(*key)]
        return self._places[key]

    def _events(
        self, table: positions.Event, group: VideoGroup
    ) -> Iterator[tuple[Integers, Integers]]:
        """Yields the group and the span of the countable events of each shard."""
        of_videos = group.video_groups(self.data)
        for shard in self._shards():
            rows = getattr(shard.log.shard, table)
            keep = countable(shard, table)
            times = np.asarray(rows.times, np.int64)[keep]
            yield of_videos[np.asarray(rows.videos)[keep]], spans(self.data, times)

    def _shards(self) -> Iterator[prepared.PreparedData]:
        return map(self.data.with_log, self.data.log.whole.each_shard())


def sums(data: prepared.PreparedData, keep: bool = False) -> CorpusSums:
    """Returns the sums of the whole log.

    Args:
      data: The prepared set, or a window of it.
      keep: Whether they are cached for ever, not only while features are opened.
    """
    cached = data.once if keep else data.shared
    return cached(CorpusSums, lambda: CorpusSums(data.whole))


class StatisticRequests:
    """Videos and moments to compute statistics for.

    Attributes:
      data: The prepared set.
      videos: `[n]` catalogue indices.
      moments: `[n]`, moments that `moments` returned.
    """

    def __init__(self, of_log: CorpusSums, videos: Integers, moments: Integers) -> None:
        """Stores the arguments; events are looked up on first use."""
        self.data = of_log.data
        self.videos = videos
        self.moments = moments
        self._sums = of_log
        self._stops: dict[tuple[object, ...], Integers] = {}

    def total(self, quantity: Quantity, group: VideoGroup) -> Floats:
        """Returns sums over events of each video's group before its moment, `[n]`.

        The sum is 0 for a video without a group.
        """
        return self._sum(quantity, group, 0)

    def recent(self, quantity: Quantity, group: VideoGroup) -> Floats:
        """Returns the sums over the seven days before each moment, `[n]`."""
        until_then = self._sum(quantity, group, RECENT_SECONDS)
        return self.total(quantity, group) - until_then

    def _sum(self, quantity: Quantity, group: VideoGroup, seconds: int) -> Floats:
        """Returns sums over events that are earlier than so many seconds before."""
        groups = group.video_groups(self.data)[self.videos]
        before = self._sums.cumulated(quantity, group)
        firsts = self._sums.cells(quantity.table, group).firsts
        differences = before[self._stops_of(quantity.table, group, seconds)]
        differences = np.where(groups > 0, differences - before[firsts[groups]], 0)
        return differences.astype(np.float64)

    def _stops_of(
        self, table: positions.Event, group: VideoGroup, seconds: int
    ) -> Integers:
        """Returns the cell at which each sum ends, `[n]`."""
        key = table, group, seconds
        if key not in self._stops:
            groups = group.video_groups(self.data)[self.videos]
            until = spans(self.data, self.moments - seconds)
            self._stops[key] = self._sums.cells(table, group).places(groups, until)
        return self._stops[key]


def logged(data: prepared.PreparedData) -> StatisticRequests:
    """Returns the videos of the ranker's impressions, a row for each of `_numbers`."""
    numbers = _ranked_numbers(data)

    def make() -> StatisticRequests:
        of_spans = numbers % _STRIDE - _STRIDE // 2
        read_at = _moments_of_spans(data, of_spans)
        return StatisticRequests(sums(data), numbers // _STRIDE, read_at)

    return data.shared(logged, make)


def rows_of_logged(data: prepared.PreparedData) -> npt.NDArray[np.int32]:
    """Returns the row of `logged` of each impression of a set or window, `[events]`.

    It is -1 for impressions before the ranker's windows, which are only history.
    """
    shown = data.impressions
    places = np.full(len(shown), -1, np.int32)
    rows = shown.ranked
    places[rows] = np.searchsorted(_ranked_numbers(data), _numbers(data, rows))
    return places


def _ranked_numbers(data: prepared.PreparedData) -> Integers:
    """Returns the distinct `_numbers` of the ranker's impressions, ascending."""

    def find() -> Integers:
        shards = map(data.whole.with_log, data.log.whole.each_shard())
        numbers = [
            np.unique(_numbers(shard_data, shard_data.impressions.ranked))
            for shard_data in shards
        ]
        return np.unique(np.concatenate(numbers))

    return data.once((logged, _STRIDE), find)


def _numbers(data: prepared.PreparedData, rows: Integers) -> Integers:
    """Returns a number of the video and span of impressions, `[n] int64`."""
    shown = data.impressions
    of_times = spans(data, np.asarray(shown.times)[rows].astype(np.int64))
    videos = np.asarray(shown.videos)[rows].astype(np.int64)
    return videos * _STRIDE + of_times + _STRIDE // 2


def served(data: prepared.PreparedData) -> StatisticRequests:
    """Returns every catalogue index, from 0, at the serving moment."""
    every = np.arange(data.num_videos + 1)
    moment = np.full(len(every), serving_moment(data))
    return data.shared(served, lambda: StatisticRequests(sums(data), every, moment))
