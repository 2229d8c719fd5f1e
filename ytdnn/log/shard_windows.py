"""Windows of a log that may exceed the memory: groups of shards, one at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ytdnn.log import prepared

Result = TypeVar("Result")
_COLLECT_EVENTS = 1 << 20


class Collector:
    """Frees the memory of finished windows.

    Their graphs have reference cycles, which only Python's garbage collector frees. A
    full collection takes 0.2 s, more than the training time of a small window, so it
    waits for a million released events (tens of megabytes).
    """

    def __init__(self) -> None:
        """Starts with no released events."""
        self._num_events = 0

    def release(self, num_events: int) -> None:
        """Counts the events of a window that is no longer referenced."""
        self._num_events += num_events
        if self._num_events >= _COLLECT_EVENTS:
            from ytdnn.base import environment

            self._num_events = 0
            environment.collect()


def grouped(
    sizes: Sequence[int], most: int, order: Sequence[int]
) -> list[tuple[int, ...]]:
    """Returns shards in groups of a bounded number of events, or a single shard.

    >>> grouped([5, 5, 9, 1], most=10, order=[3, 0, 2, 1])
    [(0, 3), (2,), (1,)]

    Args:
      sizes: Number of events of each shard.
      most: Maximum number of events of a group.
      order: Order of the shards.
    """
    found: list[list[int]] = []
    filled = most
    for shard in order:
        if filled + sizes[shard] > most or not found:
            found.append([])
            filled = 0
        found[-1].append(shard)
        filled += sizes[shard]
    return [tuple(sorted(group)) for group in found]


class ShardWindows:
    """The windows of a set, in order of its users.

    Each is made anew when it is asked for: a window keeps its events in memory once
    they are read, so nothing may hold the windows that are finished.
    """

    def __init__(self, data: prepared.PreparedData, most: int) -> None:
        """Groups the shards; nothing is read.

        Args:
          data: The prepared set.
          most: Maximum number of events of a window, unless a single shard has more.
        """
        self._data = data
        sizes = [shard.num_events for shard in data.log.shards]
        self._groups = grouped(sizes, most, range(len(sizes)))

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._groups)

    def __getitem__(self, place: int) -> prepared.PreparedData:
        """Returns a window; the set itself if it is the only one."""
        log = self._data.log
        shards = [log.shards[number] for number in self._groups[place]]
        return self._data.with_log(log.window(shards))

    def __iter__(self) -> Iterator[prepared.PreparedData]:
        """Yields the windows."""
        return map(self.__getitem__, range(len(self)))

    def collect(
        self,
        ask: Callable[[prepared.PreparedData], Result],
        close: Callable[[], None],
    ) -> list[Result]:
        """Returns the result of each window, freed before the next one is read.

        Args:
          ask: Function of a window.
          close: Function that is called after each of several windows, so that nothing
            holds it.
        """
        found, collector = [], Collector()
        for place, group in enumerate(self._groups):
            found.append(ask(self[place]))
            if len(self) > 1:
                close()
                shards = self._data.log.shards
                collector.release(sum(shards[number].num_events for number in group))
        return found
