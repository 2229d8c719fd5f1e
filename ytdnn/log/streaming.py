"""Training batches of a log that may exceed the memory: window by window.

A *window* is a group of shards with all events in memory. The shards of a window are a
function of the seed, the order of windows one of (seed, epoch), and the next window is
read while the current one is trained on. A set that fits one window is read once, as a
whole.

An epoch can be read in parts by several machines: each reader has shards of its own,
and a global batch is the concatenation of all readers' rows at a step. With fewer
shards than readers, each reads a range of rows of the global batch.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Protocol

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import shard_windows

Batch = dict[str, tf.Tensor]


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


def of_steps(
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
        ...

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""
        ...

    def part(self, rows: WholeBatch) -> "Batches":
        """Returns the batches of a reader that reads some rows of each batch."""
        ...


class Datasets(Protocol):
    """The batches of a training as consecutive datasets, which can be read in parts."""

    def __call__(self, epoch: int, first_step: int) -> Iterator[tf.data.Dataset]:
        """Yields consecutive datasets, from a step of an epoch on."""
        ...

    def part(self, rows: WholeBatch) -> "Datasets":
        """Returns the datasets of one of several readers of a part of the rows.

        All parts have the same number of steps, and their datasets end at the same
        steps.
        """
        ...


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

    def steps(self, window: Window, num_readers: int) -> int:
        """Returns the batches of an epoch, without reading the window."""
        ...

    def open(self, window: Window, num_readers: int) -> Batches:
        """Reads a window.

        Args:
          window: Window of the log.
          num_readers: Number of readers of a global batch's rows.
        """
        ...


class BatchStream:
    """The batches of a log, window by window."""

    def __init__(
        self,
        source: WindowSource,
        sizes: Sequence[int],
        most: int,
        seed: int,
        num_readers: int = 1,
        reader: WholeBatch | None = None,
    ) -> None:
        """Creates the stream; nothing is read yet.

        Args:
          source: Source that opens windows.
          sizes: Events of each shard.
          most: Maximum number of events of a window, unless a single shard has more.
          seed: Seed of the order.
          num_readers: Number of parts in which a global batch is read.
          reader: Rows of a global batch that this reader reads; None: all parts.
        """
        self._source, self._sizes, self._most = source, sizes, most
        self._seed = seed
        self._reader = reader
        # With fewer shards than readers all read the same and take rows of it.
        self._num_groups = num_readers if len(sizes) >= num_readers else 1
        self._opened: dict[Window, futures.Future[Batches]] = {}
        self._pool = futures.ThreadPoolExecutor(1)
        self._collector = shard_windows.Collector()
        self._groups = self._grouped()
        if self._num_groups > 1 and not all(map(self._has_steps, self._groups)):
            self._num_groups = 1  # all read the same, where one would read nothing
            self._groups = self._grouped()

    def of_readers(self, num_readers: int) -> "BatchStream":
        """Returns the same log in global batches of several readers, all parts."""
        return self._like(num_readers, None)

    def part(self, rows: WholeBatch) -> "BatchStream":
        """Returns the part of each global batch of one of several readers.

        All parts have the same number of steps, and their datasets end at the same
        steps.

        Args:
          rows: Rows of a global batch that the reader reads.
        """
        return self._like(rows.count, rows)

    def _like(self, num_readers: int, reader: WholeBatch | None) -> "BatchStream":
        return BatchStream(
            self._source, self._sizes, self._most, self._seed, num_readers, reader
        )

    def _grouped(self) -> list[list[Window]]:
        """Returns the windows of each group of shards."""
        every = range(len(self._sizes))
        fits = sum(self._sizes) <= self._most or len(every) == 1
        if self._num_groups == 1 and fits:
            return [[Window(tuple(every))]]
        rng = np.random.Generator(np.random.Philox([self._seed, len(every), 0]))
        order = rng.permutation(len(every)).tolist()
        found = []
        for group in range(self._num_groups):
            own = order[group :: self._num_groups]
            parts = shard_windows.grouped(self._sizes, self._most, own)
            found.append([Window(part, (1 + part[0],)) for part in parts])
        return found

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of an epoch, that of the group with most."""
        return max(sum(map(self._steps, group)) for group in self._groups)

    def _has_steps(self, group: list[Window]) -> bool:
        return any(map(self._steps, group))

    def _steps(self, window: Window) -> int:
        if not window.stream:
            return self._open(window).steps_per_epoch
        return self._source.steps(window, self._num_groups)

    def __call__(self, epoch: int, first_step: int) -> Iterator[tf.data.Dataset]:
        """Yields the batches of an epoch from a step on, a dataset at a time.

        A dataset ends with a group's window.
        """
        orders = [self._order(epoch, group) for group in range(self._num_groups)]
        starts = [np.cumsum([0, *map(self._steps, order)]) for order in orders]
        bounds = sorted({int(step) for ends in starts for step in ends})
        shown = range(self._num_groups)
        if self._reader is not None and self._num_groups > 1:
            shown = range(self._reader.number, self._reader.number + 1)
        for start, stop in itertools.pairwise(bounds):
            begin = max(start, first_step)
            if begin >= stop:
                continue
            places = [
                int(np.searchsorted(ends[1:], begin, side="right")) for ends in starts
            ]
            self._read_ahead([(orders[g], places[g]) for g in shown])
            # No name here may hold it, or its window would outlive its end.
            yield _zipped(
                [
                    self._part(
                        epoch, orders[g], starts[g], places[g], begin, stop - begin
                    )
                    for g in shown
                ]
            )
        self._release([self._order(epoch + 1, g)[0] for g in shown])

    def _order(self, epoch: int, group: int) -> list[Window]:
        """Returns the windows of a group as an epoch takes them."""
        of_group = self._groups[group]
        rng = np.random.Generator(np.random.Philox([self._seed, epoch, 0, group]))
        return [of_group[place] for place in rng.permutation(len(of_group))]

    def _part(
        self,
        epoch: int,
        order: list[Window],
        starts: np.ndarray,
        place: int,
        begin: int,
        size: int,
    ) -> tf.data.Dataset:
        """Returns one group's batches of some steps, empty ones after its end."""
        if place == len(order):
            filled = [window for window in order if self._steps(window)]
            last = self._own(filled[-1])(epoch, 0)
            return last.take(1).map(_emptied).repeat(size)
        first = begin - int(starts[place])
        return self._own(order[place])(epoch, first).take(size)

    def _own(self, window: Window) -> Batches:
        """Returns the batches of a window, or a reader's part of them."""
        opened = self._open(window)
        if self._reader is None or self._num_groups > 1:
            return opened
        return opened.part(self._reader)

    def _open(self, window: Window) -> Batches:
        if window not in self._opened:
            self._submit(window)
        return self._opened[window].result()

    def _submit(self, window: Window) -> None:
        self._opened[window] = self._pool.submit(
            self._source.open, window, self._num_groups
        )

    def _read_ahead(self, wanted: Sequence[tuple[list[Window], int]]) -> None:
        """Releases finished windows, and begins to read the next ones."""
        kept = [
            window
            for order, place in wanted
            for window in order[min(place, len(order) - 1) :][:2]
        ]
        self._release(kept)
        for window in kept:
            if window not in self._opened:
                self._submit(window)

    def _release(self, kept: Sequence[Window]) -> None:
        """Releases all windows but some."""
        done = set(self._opened) - set(kept)
        for window in done:
            del self._opened[window]
        self._collector.release(
            sum(self._sizes[shard] for window in done for shard in window.shards)
        )


def _emptied(batch: Batch) -> Batch:
    """Returns a batch with all weights 0."""
    none = {k: tf.zeros_like(batch[k]) for k in (schema.WEIGHTS, schema.LABELS)}
    return batch | none


def _zipped(parts: Sequence[tf.data.Dataset]) -> tf.data.Dataset:
    """Returns batches of the rows of all parts, concatenated."""
    if len(parts) == 1:
        return parts[0]

    def stacked(*batches: Batch) -> Batch:
        return {
            name: _concat([batch[name] for batch in batches]) for name in batches[0]
        }

    return tf.data.Dataset.zip(tuple(parts)).map(stacked).prefetch(2)


def _concat(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Concatenates rows; bags of tokens, which differ in width, are padded."""
    if tensors[0].shape.rank != 2 or tensors[0].shape[1] is not None:
        return tf.concat(tensors, axis=0)
    width = tf.reduce_max([tf.shape(tensor)[1] for tensor in tensors])
    padded = [tf.pad(t, [[0, 0], [0, width - tf.shape(t)[1]]]) for t in tensors]
    return tf.concat(padded, axis=0)
