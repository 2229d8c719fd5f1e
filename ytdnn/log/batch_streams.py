"""Training batches of a log that may exceed the memory: window by window.

A *window* is a group of shards with all events in memory. The shards of a window are a
function of the seed, the order of windows one of (seed, epoch), and the next window is
read while the current one is trained on. A set that fits one window is read once, as a
whole.

Several machines can read a part of the rows of each batch.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Protocol, TypeVar

import numpy as np
import tensorflow as tf

from ytdnn.base import machine_facts
from ytdnn.log import prepared, shard_index

Result = TypeVar("Result")
_COLLECT_EVENTS = 1 << 20


class WholeBatch:
    """The rows of each batch that a reader reads: all.

    Attributes:
      number: Number of the reader, from 0, in the order of the batch's rows.
      count: Number of readers.
    """

    number, count = 0, 1

    def slots(self, step: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns the positions of the reader's rows in the order of an epoch.

        Args:
          step: Step of the epoch, scalar int64.
          rows: Number of rows of a whole batch.

        Returns:
          `[rows / count] int64`.
        """
        return step * rows + tf.range(rows, dtype=tf.int64)

    def own(self, values: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns the reader's rows of values for a whole batch, `[rows, ...]`."""
        del rows
        return values


WHOLE = WholeBatch()


def step_batches(
    first: int, end: int, cut: Callable[[tf.Tensor], dict[str, tf.Tensor]]
) -> tf.data.Dataset:
    """Returns a batch for each step from `first` to `end`, with a prefetch of two.

    Args:
      first: First step.
      end: Step after the last.
      cut: Function that returns the batch of a step, a scalar int64.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    # TensorFlow would read ahead once more behind it, at a hand-over a step.
    options.experimental_optimization.inject_prefetch = False
    batches = tf.data.Dataset.range(first, end).map(cut, num_parallel_calls=2)
    return batches.prefetch(2).with_options(options)


class Batches(Protocol):
    """Batches of data in memory; each reader can read a part of their rows."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""

    def part(self, rows: WholeBatch) -> "Batches":
        """Returns the batches of a reader that reads some rows of each batch."""


class Datasets(Protocol):
    """The batches of a training as consecutive datasets, which can be read in parts."""

    def __call__(self, epoch: int, first_step: int) -> Iterator[tf.data.Dataset]:
        """Yields consecutive datasets, from a step of an epoch on."""

    def part(self, rows: WholeBatch) -> "Datasets":
        """Returns the datasets of a reader that reads some rows of each batch."""


@dataclasses.dataclass(frozen=True)
class Window:
    """A group of shards that are in memory together.

    Attributes:
      shards: Numbers of the shards, ascending.
      stream: Key that distinguishes its draws from other windows'; empty: it is the
        whole log.
    """

    shards: tuple[int, ...]
    stream: tuple[int, ...] = ()


class WindowSource(Protocol):
    """Opens windows of a log."""

    def steps(self, window: Window) -> int:
        """Returns the batches of an epoch, without reading the window."""

    def open(self, window: Window) -> Batches:
        """Reads a window."""


class BatchStream:
    """The batches of a log, window by window."""

    def __init__(
        self,
        source: WindowSource,
        sizes: Sequence[int],
        most: int,
        seed: int,
        portion: WholeBatch = WHOLE,
    ) -> None:
        """Creates the stream; nothing is read yet.

        Args:
          source: Source that opens windows.
          sizes: Events of each shard.
          most: Maximum number of events of a window, unless a single shard has more.
          seed: Seed of the order.
          portion: Rows of each batch that this reader cuts.
        """
        self._source, self._sizes, self._most = source, sizes, most
        self._seed = seed
        self._portion = portion
        self._opened: dict[Window, futures.Future[Batches]] = {}
        self._pool = futures.ThreadPoolExecutor(1)
        self._collector = Collector()
        self._windows = self._grouped()

    def part(self, rows: WholeBatch) -> "BatchStream":
        """Returns the batches of a reader that reads some rows of each batch."""
        return BatchStream(self._source, self._sizes, self._most, self._seed, rows)

    def _grouped(self) -> list[Window]:
        """Returns the windows."""
        shards = range(len(self._sizes))
        if sum(self._sizes) <= self._most or len(shards) == 1:
            return [Window(tuple(shards))]
        rng = np.random.Generator(np.random.Philox([self._seed, len(shards), 0]))
        order = rng.permutation(len(shards)).tolist()
        parts = grouped(self._sizes, self._most, order)
        return [Window(part, (1 + part[0],)) for part in parts]

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of an epoch."""
        return sum(map(self._steps, self._windows))

    def _steps(self, window: Window) -> int:
        if not window.stream:
            return self._begun(window).result().steps_per_epoch
        return self._source.steps(window)

    def __call__(self, epoch: int, first_step: int) -> Iterator[tf.data.Dataset]:
        """Yields the batches of an epoch from a step on, a dataset for each window."""
        order = self._order(epoch)
        ends = np.cumsum([0, *map(self._steps, order)]).tolist()
        for place, (start, stop) in enumerate(itertools.pairwise(ends)):
            begin = max(start, first_step)
            if begin >= stop:
                continue
            self._read_ahead(order[place:][:2])
            # No name here may hold it, or its window would outlive its end.
            yield self._own(order[place])(epoch, begin - start).take(stop - begin)
        self._release(self._order(epoch + 1)[:1])

    def _order(self, epoch: int) -> list[Window]:
        """Returns the windows as an epoch takes them."""
        rng = np.random.Generator(np.random.Philox([self._seed, epoch, 0, 0]))
        return [self._windows[place] for place in rng.permutation(len(self._windows))]

    def _own(self, window: Window) -> Batches:
        """Returns the reader's part of the batches of a window."""
        opened = self._begun(window).result()
        return opened if self._portion is WHOLE else opened.part(self._portion)

    def _begun(self, window: Window) -> futures.Future[Batches]:
        """Begins to read a window, if that has not begun."""
        if window not in self._opened:
            self._opened[window] = self._pool.submit(self._source.open, window)
        return self._opened[window]

    def _read_ahead(self, kept: Sequence[Window]) -> None:
        """Releases finished windows, and begins to read the next one."""
        self._release(kept)
        for window in kept:
            self._begun(window)

    def _release(self, kept: Sequence[Window]) -> None:
        """Releases all windows but some."""
        done = set(self._opened) - set(kept)
        for window in done:
            del self._opened[window]
        self._collector.release(
            sum(self._sizes[shard] for window in done for shard in window.shards)
        )


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
            self._num_events = 0
            machine_facts.collect()


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
    parts = shard_index.bounded(np.array([sizes[shard] for shard in order]), most)
    return [tuple(sorted(order[part])) for part in parts]


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
        self, ask: Callable[[prepared.PreparedData], Result], close: Callable[[], None]
    ) -> list[Result]:
        """Returns the result of each window, freed before the next one is read.

        Args:
          ask: Function of a window.
          close: Function that is called after each of several windows, so that nothing
            holds it.
        """
        results, collector = [], Collector()
        for place, group in enumerate(self._groups):
            results.append(ask(self[place]))
            if len(self) > 1:
                close()
                shards = self._data.log.shards
                collector.release(sum(shards[number].num_events for number in group))
        return results
