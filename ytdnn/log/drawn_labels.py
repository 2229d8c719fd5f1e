"""Labels drawn anew each epoch, each with a context of its own (PAPER §3.4).

A fixed number of labels for each user, so that a few very active users do not dominate.
Neighbours are rarely drawn together, so an example is a slice of one position; if every
next watch is a label, `slice_batches.SliceBatches` shares histories instead.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from ytdnn.log import batch_streams, log_tensors, slice_batches

Features = dict[str, tf.Tensor]
_LABELS_A_STEP = 1 << 22
_DRAWS_A_COUNT = 4  # of Philox: numbers between two states that `advance` reaches


class Numbers(Protocol):
    """Uniform random numbers, one after another."""

    def random(self, size: int) -> np.ndarray:
        """Returns the next numbers, `[size] float64` in [0, 1)."""


class LabelRange(NamedTuple):
    """Labels of a shard window that are consecutive in the whole log too.

    Attributes:
      first: Place of the first label among all labels of the whole log.
      size: Number of labels.
    """

    first: int
    size: int


class OfRuns:
    """The random numbers of some labels, equal to those in a draw of all labels."""

    def __init__(self, key: Sequence[int], runs: Sequence[LabelRange]) -> None:
        """Creates the generator of draws.

        Args:
          key: Key of the random generator that draws for the whole log.
          runs: The labels, in order.
        """
        parts = [self._of(key, run) for run in runs]
        self._numbers = np.concatenate([np.zeros(0), *parts])
        self._taken = 0

    @staticmethod
    def _of(key: Sequence[int], run: LabelRange) -> np.ndarray:
        steps, left = divmod(run.first, _DRAWS_A_COUNT)
        rng = np.random.Generator(np.random.Philox(list(key)).advance(steps))
        return rng.random(left + run.size)[left:]

    def random(self, size: int) -> np.ndarray:
        """Returns the next numbers, `[size] float64` in [0, 1)."""
        self._taken += size
        return self._numbers[self._taken - size : self._taken]


def draw(
    labels: np.ndarray, users: np.ndarray, per_user: int, rng: Numbers
) -> np.ndarray:
    """Draws labels of each user without replacement, all sets equally likely.

    Args:
      labels: `[n] int64` flat positions, ascending.
      users: `[n]` user of each label.
      per_user: Number of labels of each user, who may have fewer; 0 = all.
      rng: Random numbers of the draw, in order of the labels.

    Returns:
      The drawn positions, ascending by user.
    """
    if per_user == 0:
        return labels
    parts = [part[_ranks(users[part], rng) < per_user] for part in _whole_users(users)]
    return labels[np.concatenate(parts)] if parts else labels


def _whole_users(users: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the places of some users' labels at a time, to bound the memory."""
    firsts = np.flatnonzero(np.diff(users, prepend=-1))
    block = firsts // _LABELS_A_STEP
    starts = firsts[np.flatnonzero(np.diff(block, prepend=-1))]
    for start, stop in zip(starts, np.append(starts[1:], len(users)), strict=True):
        yield np.arange(start, stop)


def _ranks(users: np.ndarray, rng: Numbers) -> np.ndarray:
    """Returns the rank of each row among its user's in a random order."""
    order = np.lexsort((rng.random(len(users)), users))
    firsts = np.searchsorted(users, users)
    ranks = np.empty(len(users), np.int64)
    ranks[order] = np.arange(len(users)) - firsts
    return ranks


@dataclasses.dataclass(frozen=True)
class DrawnBatches:
    """The training batches of candidate generation, from labels drawn in each epoch.

    Attributes:
      log: The training watches.
      batch_size: Number of examples in a batch; the last is padded with weight 0.
      history_length: Greatest number of watches in a history.
      search_length: Greatest number of searches in a bag of tokens.
      per_user: Maximum number of labels of each user in an epoch; 0 = all.
      seed: Seed of the draw and of the order.
      runs: Ranges of its labels in a larger log; empty: it is the whole log.
      stream: Further key of the order's generator, where the log is a part of a larger
        one.
      portion: Rows of each batch that this reader cuts.
    """

    log: log_tensors.WatchLog
    batch_size: int
    history_length: int
    search_length: int
    per_user: int
    seed: int
    runs: tuple[LabelRange, ...] = ()
    stream: tuple[int, ...] = ()
    portion: batch_streams.WholeBatch = batch_streams.WHOLE

    def part(self, rows: batch_streams.WholeBatch) -> "DrawnBatches":
        """Returns the batches of a reader that reads some rows of each batch."""
        return dataclasses.replace(self, portion=rows)

    @property
    def num_examples(self) -> int:
        """Examples of an epoch."""
        _, users = self._labels
        counts = np.bincount(users)
        most = self.per_user or counts.max(initial=0)
        return int(np.minimum(counts, most).sum())

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-self.num_examples // self.batch_size)

    def positions(self, epoch: int) -> np.ndarray:
        """Returns the labels of an epoch, a function of (seed, epoch)."""
        key = [self.seed, epoch]
        rng = np.random.Generator(np.random.Philox([*key, *self.stream]))
        numbers = OfRuns(key, self.runs) if self.runs else rng
        return rng.permutation(draw(*self._labels, self.per_user, numbers))

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""
        positions = tf.constant(self.positions(epoch))
        num_steps = -(-int(positions.shape[0]) // self.batch_size)

        def cut(step: tf.Tensor) -> Features:
            slots = self.portion.slots(step, self.batch_size)
            return self.read(_at(positions, slots, self.log), step, epoch)

        return batch_streams.step_batches(first_step, num_steps, cut)

    @functools.cached_property
    def _labels(self) -> tuple[np.ndarray, np.ndarray]:
        labels = np.flatnonzero(self.log.weights.numpy())
        return labels, self.log.users.numpy()[labels]

    def read(self, labels: tf.Tensor, step: tf.Tensor, epoch: int) -> Features:
        """Reads labels with the context before them.

        Args:
          labels: `[rows] int64` flat positions; outside the log: weight 0.
          step: Step of the epoch, for draws of a subclass, as is `epoch`.
          epoch: Epoch, from 0.
        """
        del step, epoch
        return self._cut(labels)

    @functools.cached_property
    def _cut(self) -> Callable[[tf.Tensor], Any]:
        """Reads labels with the context before them; traced once for all epochs."""
        log, lengths = self.log, (self.history_length, self.search_length)
        return tf.function(
            lambda labels: slice_batches.cut(log, labels, 1, *lengths), autograph=False
        )


def _at(positions: tf.Tensor, slots: tf.Tensor, log: log_tensors.WatchLog) -> tf.Tensor:
    """Returns the positions in some slots; of slots behind the last, none of the log.

    Args:
      positions: `[n] int64` flat positions.
      slots: `[rows] int64`.
      log: The log.
    """
    last = int(positions.shape[0]) - 1
    taken = tf.gather(positions, tf.minimum(slots, last))
    return tf.where(slots <= last, taken, tf.constant(log.num_watches, tf.int64))


class FewSlices(slice_batches.SliceBatches):
    """The batches of slices that lie around the labels, if few watches are labels."""

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return -(-int(self._runs[1].sum()) // self.slices_per_batch)

    @functools.cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First label, number of slices and free positions of each run of labels.

        Labels less than a slice apart are in one run, so no slice meets two runs.
        """
        labels = np.flatnonzero(self.log.weights.numpy())
        begins = np.diff(labels, prepend=-self.slice_length) >= self.slice_length
        starts = labels[begins]
        lengths = labels[np.append(begins[1:], True)] - starts + 1
        numbers = -(-lengths // self.slice_length)
        return starts, numbers, numbers * self.slice_length - lengths

    def _firsts(self, generator: np.random.Generator) -> np.ndarray:
        """Draws the first positions of an epoch's slices, each label in one of them."""
        starts, numbers, free = self._runs
        starts = np.repeat(starts - generator.integers(free + 1), numbers)
        before = np.cumsum(numbers) - numbers
        places = np.arange(len(starts)) - np.repeat(before, numbers)
        return generator.permutation(starts + places * self.slice_length)

    def _step_cutter(self, epoch: int) -> Callable[[tf.Tensor], slice_batches.Features]:
        firsts = tf.constant(self._firsts(self.generator(epoch)), tf.int64)

        def cut_step(step: tf.Tensor) -> slice_batches.Features:
            slots = self.portion.slots(step, self.slices_per_batch)
            return self._cut(_at(firsts, slots, self.log))

        return cut_step
