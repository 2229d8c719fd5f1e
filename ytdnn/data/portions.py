"""Which rows of a global batch one of several processes cuts.

Batches are functions of (seed, epoch, step). Where several processes train together,
each cuts its own rows of every batch out of the log and never reads the others'; put
side by side they are the very batch that one process would have cut.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Protocol

import tensorflow as tf

from ytdnn import errors


@dataclasses.dataclass(frozen=True)
class Portion:
    """One of the equal portions of every batch.

    Attributes:
      number: Number, from 0, in the order of the batch's rows.
      count: Number of all portions.
    """

    number: int = 0
    count: int = 1

    def size(self, rows: int) -> int:
        """Returns how many of a batch's rows it has.

        Raises:
          errors.UserError: They cannot be shared out evenly.
        """
        if rows % self.count:
            raise errors.UserError(
                f"expected a training.batch_size that {self.count} replicas can share, "
                f"received one of {rows:,} rows (slices of label.slice_length for the "
                f"candidates): choose a multiple of {self.count}"
            )
        return rows // self.count

    def slots(self, step: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns the positions of its rows in the order of an epoch.

        Args:
          step: Step of the epoch, scalar int64.
          rows: Number of rows of a whole batch.

        Returns:
          `[rows / count] int64`.
        """
        own = self.size(rows)
        first = step * rows + self.number * own
        return first + tf.range(own, dtype=tf.int64)

    def own(self, values: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns its rows of values drawn for a whole batch, `[rows, ...]`."""
        own = self.size(rows)
        return values[self.number * own : (self.number + 1) * own]


WHOLE = Portion()


def of_steps(
    first: int, end: int, cut: Callable[[tf.Tensor], dict[str, tf.Tensor]]
) -> tf.data.Dataset:
    """Returns a batch for each step from `first` to `end`, two cut ahead of training.

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
    """Batches of data in memory that several readers can cut in portions."""

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""
        ...

    def part(self, reader: int, num_readers: int) -> "Batches":
        """Returns the batches of one of several readers, which cut a portion each."""
        ...


class Datasets(Protocol):
    """The batches of a training, a dataset at a time, in parts likewise."""

    def __call__(self, epoch: int, first_step: int) -> Iterator[tf.data.Dataset]:
        """Yields datasets one behind another, from a step of an epoch on."""
        ...

    def part(self, reader: int, num_readers: int) -> "Datasets":
        """Returns the datasets of one of several readers, which cut a portion each.

        All parts have as many steps, and their datasets change at the same ones.
        """
        ...
