"""Events of the log before a moment, summed by video, channel or topic (PAPER §4.1).

A corpus statistic is read at the midnight (UTC) before an impression, and at the latest
at the serving moment. The time between two such moments is a *span*. No statistic needs
a finer resolution, so events are summed once by video and span (`Cells`), and every
statistic adds up cells. The cells are cached with their prepared set.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.log import catalogues, events, positions, prepared, ragged, schema

RECENT_SECONDS = 7 * schema.DAY_SECONDS
_STRIDE = 1 << 32  # of spans in the number of a cell
# Sums of multiples of 2⁻¹² are exact in float64 up to 2⁴¹, so that what happens to one
# video, or later, changes no other sum by a rounding error.
_UNITS = 1 << 12

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]


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

    def name_of(self, statistic: str) -> str:
        """Returns a statistic's name, such as `channel_click_rate`."""
        return f"{self.name}_{statistic}"

    def parent(self, data: prepared.PreparedData) -> "VideoGroup":
        """Returns the larger group that a statistic of this one is smoothed towards."""
        has_channels = set(CHANNEL.columns) <= data.catalogue.columns
        return CHANNEL if self == VIDEO and has_channels else CORPUS

    def of_videos(self, data: prepared.PreparedData) -> Integers:
        """Returns the group of each catalogue index, `[catalogue + 1]`, 0 = none."""
        return data.once((VideoGroup, self), lambda: self._of_videos(data.catalogue))

    def _of_videos(self, catalogue: catalogues.Catalogue) -> Integers:
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
      of_events: Function that returns `[events]` numbers.
    """

    table: positions.Event
    of_events: Callable[[prepared.PreparedData], npt.NDArray]


@dataclasses.dataclass(frozen=True)
class Cells:
    """Events of a table by video and span, of all shards.

    Attributes:
      numbers: `[cells] int64`, ascending numbers of the cells; see `_numbers`.
      moments: `[cells] int64`, first moment at which a statistic includes the cell.
    """

    numbers: Integers
    moments: Integers

    @property
    def videos(self) -> Integers:
        """Catalogue indices, `[cells]`."""
        return self.numbers // _STRIDE

    @property
    def spans(self) -> Integers:
        """See `spans`, `[cells]`."""
        return self.numbers % _STRIDE - _STRIDE // 2


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
    found: Integers = times // schema.DAY_SECONDS + started
    return found


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


def cells(data: prepared.PreparedData, table: positions.Event) -> Cells:
    """Returns a table's events by video and span, read a shard at a time."""
    return data.once((Cells, table), lambda: _cells(data.whole, table))


def _cells(data: prepared.PreparedData, table: positions.Event) -> Cells:
    shards = map(data.with_log, data.log.each_shard())
    of_shards = [_first_of_cells(shard, table) for shard in shards]
    numbers, times = (np.concatenate(found) for found in zip(*of_shards, strict=True))
    found, first = np.unique(numbers, return_index=True)
    return Cells(numbers=found, moments=moments(data, times[first]))


def _first_of_cells(
    data: prepared.PreparedData, table: positions.Event
) -> tuple[Integers, Integers]:
    """Returns the number of each cell of a shard, and the time of an event in it."""
    numbers, first = np.unique(_numbers(data, table), return_index=True)
    return numbers, np.asarray(getattr(data.log.shard, table).times, np.int64)[first]


def _numbers(data: prepared.PreparedData, table: positions.Event) -> Integers:
    """Returns the number of each event's cell, `[events] int64`: by video, by span."""
    logged = getattr(data.log.shard, table)
    of_times = spans(data, np.asarray(logged.times, np.int64))
    return np.asarray(logged.videos, np.int64) * _STRIDE + of_times + _STRIDE // 2


def of_events(
    data: prepared.PreparedData, table: positions.Event
) -> npt.NDArray[np.int32]:
    """Returns the cell of each event of a prepared set or shard window, `[events]`."""

    def find() -> npt.NDArray[np.int32]:
        known = cells(data, table).numbers
        return np.searchsorted(known, _numbers(data, table)).astype(np.int32)

    if data.whole is data and len(data.log.shards) == 1:
        return data.once((of_events, table), find)
    return find()


def _of_cells(data: prepared.PreparedData, quantity: Quantity) -> Floats:
    """Returns the sum of a quantity over the events of each cell that count."""
    total = np.zeros(len(cells(data, quantity.table).numbers))
    for shard in map(data.whole.with_log, data.log.whole.each_shard()):
        values = quantity.of_events(shard) * countable(shard, quantity.table)
        exact = np.rint(np.asarray(values, np.float64) * _UNITS) / _UNITS
        places = of_events(shard, quantity.table)
        total += np.bincount(places, exact, len(total))
    return total


class StatisticRequests:
    """Videos and moments to compute statistics for.

    Attributes:
      data: The prepared set.
      videos: `[n]` catalogue indices.
      moments: `[n]`, moments that `moments` returned.
    """

    def __init__(
        self, data: prepared.PreparedData, videos: Integers, moments: Integers
    ) -> None:
        """Stores the arguments; events are looked up on first use."""
        self.data = data
        self.videos = videos
        self.moments = moments
        self._found: dict[tuple[object, ...], tuple[Integers, Integers]] = {}

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
        first, stop = self._ranges(quantity.table, group, seconds)
        sums = self.data.once(
            (quantity, group),
            lambda: _join(self.data, quantity.table, group).cumulated(
                self.data.once(quantity, lambda: _of_cells(self.data, quantity))
            ),
        )
        return sums[stop] - sums[first]

    def _ranges(
        self, table: positions.Event, group: VideoGroup, seconds: int
    ) -> tuple[Integers, Integers]:
        key = table, group, seconds
        if key not in self._found:
            groups = group.of_videos(self.data)[self.videos]
            until = spans(self.data, self.moments - seconds)
            first, stop = _join(self.data, table, group).ranges(groups, until)
            self._found[key] = first, np.where(groups > 0, stop, first)
        return self._found[key]


def logged(data: prepared.PreparedData) -> StatisticRequests:
    """Returns the videos of logged impressions, a row for each of their cells."""
    found = cells(data, "impressions")
    return data.once(
        logged, lambda: StatisticRequests(data.whole, found.videos, found.moments)
    )


def served(data: prepared.PreparedData) -> StatisticRequests:
    """Returns every catalogue index, from 0, at the serving moment."""
    every = np.arange(data.num_videos + 1)
    moment = np.full(len(every), serving_moment(data))
    return data.once(served, lambda: StatisticRequests(data.whole, every, moment))


def _join(
    data: prepared.PreparedData, table: positions.Event, group: VideoGroup
) -> ragged.Earlier:
    """Returns a table's cells, sorted by group and span once."""
    found = cells(data, table)
    return data.once(
        (ragged.Earlier, table, group),
        lambda: ragged.Earlier(group.of_videos(data)[found.videos], found.spans),
    )
