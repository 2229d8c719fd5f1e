"""Which rows of a global batch one of several processes cuts.

Batches are functions of (seed, epoch, step). Where several processes train together,
each cuts its own rows of every batch out of the log and never reads the others'; put
side by side they are the very batch that one process would have cut.
"""

import tensorflow as tf

from ytdnn import errors
from ytdnn.log import streaming


class Portion(streaming.WholeBatch):
    """One of the equal portions of every batch."""

    def __init__(self, number: int, count: int) -> None:
        """Takes the portion's number, from 0, and the number of portions."""
        self.number, self.count = number, count

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
        """Returns the positions of its rows in the order of an epoch."""
        own = self.size(rows)
        first = step * rows + self.number * own
        return first + tf.range(own, dtype=tf.int64)

    def own(self, values: tf.Tensor, rows: int) -> tf.Tensor:
        """Returns its rows of values drawn for a whole batch, `[rows, ...]`."""
        own = self.size(rows)
        return values[self.number * own : (self.number + 1) * own]
