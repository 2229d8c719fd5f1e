"""Events counted by group of videos and span of time, in a few bytes of each.

A log has more events than fit into memory with a number of 8 bytes each, and than one
sort takes. So they are read twice, a shard at a time: once to count the events of each
group, and once to put the span of each into its group's place. Groups are then sorted
part by part.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

_EVENTS_A_PART = 1 << 22
_REQUESTS_A_PART = 1 << 18  # so that a part stays in the cache
_HALF = 32  # bits of a group in the number that a shard is sorted by

Integers = npt.NDArray[np.integer]
Read = Callable[[], Iterable[tuple[Integers, Integers]]]
"""Reads the log: the group of each event of a shard and its span, `[events]` each."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """The pairs of group and span that have an event, sorted.

    Attributes:
      firsts: `[groups + 1] int64`, group g has the cells from `firsts[g]` to before
        `firsts[g + 1]`.
      lowest: The first span.
      spans: `[cells]`, ascending in each group, counted from `lowest` on.
      counts: `[cells + 1]`, events before each cell.
    """

    firsts: Integers
    lowest: int
    spans: Integers
    counts: Integers

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.spans)

    def places(self, groups: Integers, spans: Integers) -> Integers:
        """Returns the first cell of each group that is not before a span, `[n]`.

        Args:
          groups: `[n]`.
          spans: `[n]`.
        """
        places = np.empty(len(groups), self.counts.dtype)
        for start in range(0, len(groups), _REQUESTS_A_PART):
            part = slice(start, start + _REQUESTS_A_PART)
            places[part] = self._places(groups[part], spans[part])
        return places

    def _places(self, groups: Integers, spans: Integers) -> Integers:
        """Halves the range of each group's cells until one place is left."""
        low, high = self.firsts[groups], self.firsts[groups + 1]
        wanted, last = spans - self.lowest, len(self.spans) - 1
        for _ in range(int(np.max(high - low, initial=0)).bit_length()):
            middle = (low + high) >> 1
            is_before = self.spans[np.minimum(middle, last)] < wanted
            is_before &= low < high
            low = np.where(is_before, middle + 1, low)
            high = np.where(is_before, high, middle)
        return low


def counted(read: Read, num_groups: int) -> Cells:
    """Returns the cells of a log's events.

    Args:
      read: Yields groups and spans of the events of each shard; it is called twice.
      num_groups: Number of groups.
    """
    sizes = np.zeros(num_groups, np.int64)
    lowest, highest = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    for groups, spans in read():
        sizes += np.bincount(groups, minlength=num_groups)
        lowest = min(lowest, int(spans.min(initial=lowest)))
        highest = max(highest, int(spans.max(initial=highest)))
    if not sizes.any():
        lowest = highest = 0
    firsts = np.append(0, np.cumsum(sizes))
    is_short = highest - lowest < np.iinfo(np.int16).max
    slots = np.empty(firsts[-1], np.int16 if is_short else np.int32)
    filled = firsts[:-1].copy()
    for groups, spans in read():
        _fill(slots, filled, groups, spans - lowest)
    return _distinct(slots, firsts, lowest)


def _fill(slots: Integers, filled: Integers, groups: Integers, spans: Integers) -> None:
    """Puts the spans of a shard behind those of earlier shards.

    Args:
      slots: `[events]` of the log, by group.
      filled: `[groups]`, next empty slot of each; moved.
      groups: `[n]` of the shard's events.
      spans: `[n]`, from 0.
    """
    order = groups.astype(np.int64) << _HALF
    order |= spans
    order.sort()  # of one number, many times faster than by two
    ordered = order >> _HALF
    sizes = np.bincount(ordered, minlength=len(filled))
    places = (filled - np.cumsum(sizes) + sizes)[ordered]
    places += np.arange(len(places))
    slots[places] = order & ((1 << _HALF) - 1)
    filled += sizes


def _distinct(slots: Integers, firsts: Integers, lowest: int) -> Cells:
    """Returns the distinct spans of each group, counted; `slots` is overwritten."""
    size, num_spans = len(slots), int(slots.max(initial=0)) + 1
    # Pages of it that stay unused take no memory.
    dtype = np.int32 if size < 2**31 else np.int64
    counts: Integers = np.empty(size + 1, dtype)
    counts[0], of_cells, done = 0, np.zeros(len(firsts), np.int64), 0
    for begin, stop in _parts(firsts):
        part = slots[firsts[begin] : firsts[stop]]
        sizes = np.diff(firsts[begin : stop + 1])
        codes, numbers = _counted(part, sizes, num_spans)
        groups, spans = np.divmod(codes, num_spans)
        end = done + len(codes)
        slots[done:end] = spans  # no further than what is read already
        counts[done + 1 : end + 1] = firsts[begin] + np.cumsum(numbers)
        ends = np.cumsum(np.bincount(groups, minlength=stop - begin))
        of_cells[begin + 1 : stop + 1] = done + ends
        done = end
    kept = slots[:done] if 2 * done > size else slots[:done].copy()
    return Cells(of_cells, lowest, kept, counts[: done + 1])


def _parts(firsts: Integers) -> Iterator[tuple[int, int]]:
    """Yields ranges of groups with a bounded number of events, or of one group."""
    begin, num_groups = 0, len(firsts) - 1
    while begin < num_groups:
        most = firsts[begin] + _EVENTS_A_PART
        stop = int(np.searchsorted(firsts, most, side="right")) - 1
        stop = min(max(stop, begin + 1), num_groups)
        yield begin, stop
        begin = stop


def _counted(
    spans: Integers, sizes: Integers, num_spans: int
) -> tuple[Integers, Integers]:
    """Returns the number of each pair of group and span, and its events.

    Args:
      spans: `[events]`, sorted by group.
      sizes: `[groups]`, events of each.
      num_spans: Number of spans.
    """
    if len(sizes) == 1:  # has any number of events
        parts = range(0, len(spans), _EVENTS_A_PART)
        of_spans = np.zeros(num_spans, np.int64)
        for start in parts:
            part = spans[start : start + _EVENTS_A_PART]
            of_spans += np.bincount(part, minlength=num_spans)
        codes = np.flatnonzero(of_spans)
        return codes, of_spans[codes]
    numbers = np.repeat(np.arange(len(sizes)) * num_spans, sizes)
    numbers += spans
    numbers.sort()
    is_first = np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)]
    firsts = np.flatnonzero(is_first)
    return numbers[firsts], np.diff(np.append(firsts, len(numbers)))
