"""Sums over a log's events strictly before a moment, by group of videos.

An event is one number, of its group and its second. These are sorted once, and a sum is
the difference of cumulated values at two places. Events before a first moment, of which
only totals are asked, are summed but not stored, in most logs the greater part.
"""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

STRIDE = 1 << 36  # seconds of a group in a code: a thousand years before and after 1970
_HALF = STRIDE // 2
# Sums of multiples of 2⁻¹² are exact in float64 up to 2⁴¹, so that what happens to one
# video, or later, changes no other sum by a rounding error.
_UNITS = 1 << 12

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]
Read = Callable[[], Iterable[tuple[Integers, Integers, npt.NDArray]]]
"""Reads the log: group, time and value of the events of a shard, `[events]` each."""


def to_codes(groups: Integers, times: Integers) -> Integers:
    """Returns numbers that are ordered by group, then by time, `[n] int64`.

    Args:
      groups: `[n]`, less than 2²⁷.
      times: `[n]` seconds.
    """
    codes = np.asarray(groups, np.int64) * STRIDE
    codes += np.clip(times, -_HALF, _HALF - 1) + _HALF
    return codes


def from_codes(codes: Integers) -> tuple[Integers, Integers]:
    """Returns groups and times."""
    groups, times = np.divmod(codes, STRIDE)
    return groups, times - _HALF


@dataclasses.dataclass(frozen=True)
class SortedEvents:
    """The events of a log by group and second.

    Attributes:
      since: First moment of which sums can be asked.
      earlier: `[groups]` number of events before it.
      codes: `[events]` of all others (`to_codes`), ascending.
    """

    since: int
    earlier: Integers
    codes: Integers

    def places(self, groups: Integers, moments: Integers) -> Integers:
        """Returns the number of events of `codes` before a moment of a group, `[n]`."""
        return np.searchsorted(self.codes, to_codes(groups, moments))

    def firsts(self) -> Integers:
        """Returns the place of each group's first event, `[groups]`."""
        every = np.arange(len(self.earlier))
        return self.places(every, np.full(len(every), -_HALF))

    def counts(self) -> "PrefixSums":
        """Returns the sums of 1 for each event."""
        return PrefixSums(self.earlier - self.firsts(), None)

    def sums(self, read: Read) -> "PrefixSums":
        """Returns the sums of a value, in units of 2⁻¹².

        Args:
          read: Yields all events, of which `codes` are a part, in any order.
        """
        total, earlier = np.zeros(len(self.codes) + 1), np.zeros(len(self.earlier))
        for groups, times, values in read():
            exact = np.rint(np.asarray(values, np.float64) * _UNITS) / _UNITS
            late = times >= self.since
            earlier += np.bincount(groups[~late], exact[~late], len(earlier))
            places = self.places(groups[late], times[late])
            np.add.at(total, places + 1, exact[late])
        cumulated = np.cumsum(total, out=total)
        return PrefixSums(earlier - cumulated[self.firsts()], cumulated)


@dataclasses.dataclass(frozen=True)
class PrefixSums:
    """Sums before places among a log's events.

    Attributes:
      offsets: `[groups]`, to be added to the sum before a place of the group.
      cumulated: `[events + 1]` sum before each place; None: it is the place.
    """

    offsets: npt.NDArray
    cumulated: Floats | None

    def before(self, groups: Integers, places: Integers) -> Floats:
        """Returns the sums over the events of each group before a place, `[n]`.

        Args:
          groups: `[n]`, 0 = none, whose sum is 0.
          places: `[n]`, see `SortedEvents.places`.
        """
        until = places if self.cumulated is None else self.cumulated[places]
        return np.where(groups > 0, until + self.offsets[groups], 0).astype(np.float64)


def sort_events(read: Read, num_groups: int, since: int) -> SortedEvents:
    """Returns the events of a log, sorted.

    Args:
      read: Yields the events of each shard.
      num_groups: Number of groups.
      since: First moment of which sums will be asked.
    """
    earlier = np.zeros(num_groups, np.int64)
    parts: list[Integers] = [np.zeros(0, np.int64)]
    for groups, times, _ in read():
        late = times >= since
        earlier += np.bincount(groups[~late], minlength=num_groups)
        parts.append(to_codes(groups[late], times[late]))
    codes = np.concatenate(parts)
    codes.sort()
    return SortedEvents(since, earlier, codes)
