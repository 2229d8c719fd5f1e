"""The rows of a global batch that one of several processes reads.

Batches are functions of (seed, epoch, step). When several processes train together,
each reads only its own rows of every batch from the log; concatenated, they equal the
batch of a single process.
"""

import tensorflow as tf

from ytdnn.base import errors
from ytdnn.log import streaming


class Portion(streaming.WholeBatch):
    """One of the equal portions of every batch."""

    def __init__(self, number: int, count: int) -> None:
        """Stores the portion's number, from 0, and the number of portions."""
        self.number, self.count = number, count

    def size(self, rows: int) -> int:
        """Returns the number of a batch's rows in this portion.

        Raises:
          errors.UserError: The rows cannot be divided evenly.
        """
        if rows % self.count:
            raise errors.UserError(
                f"expected a training.batch_size that {self.count} replicas can share, "
                f"received one of {rows:,} rows (slices of label.slice_length for the "
                f"candidates): choose a multiple of {self.count}"
            )
        return rows // self.count

    def slots(self, step: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns the positions of the portion's rows in the order of an epoch."""
        own = self.size(rows)
        first = step * rows + self.number * own
        return first + tf.range(own, dtype=tf.int64)

    def own(self, values: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns the portion's rows of values for a whole batch, `[rows, ...]`."""
        own = self.size(rows)
        return values[self.number * own : (self.number + 1) * own]
