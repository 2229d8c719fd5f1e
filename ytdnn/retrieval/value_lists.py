"""The codes of some columns of videos, and the videos of each code, as in a database.

The videos of a range of codes are adjacent in their column's order, so that counting
and listing them needs no pass over the catalogue.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_ALIGNED = 16  # int32 of 64 bytes: a row that starts there is sliced without a copy
_NO_CODE = -1


class ValueLists(NamedTuple):
    """Tensors of all columns; code 0 is an unknown value.

    Attributes:
      codes: `[columns, width] int32` code of each video, by catalogue index; -1 beyond
        the catalogue.
      order: `[columns, width] int32` catalogue indices by code, those of the same code
        in their order.
      starts: `[sum of codes + 2] int32` place in `order` of the first video of each
        code, of all columns after each other; the last of a column is its end.
      offsets: `[columns + 1] int32` place in `starts` of each column's code 0.
    """

    codes: tf.Tensor
    order: tf.Tensor
    starts: tf.Tensor
    offsets: tf.Tensor

    @property
    def num_videos(self) -> tf.Tensor:
        """Number of videos of the catalogue, `[] int32`."""
        return self.starts[self.offsets[1] - 1] - 1

    def codes_of(self, columns: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns codes of videos, in the common shape of the arguments, `int32`.

        Args:
          columns: Places of columns.
          videos: Catalogue indices.
        """
        return tf.gather(tf.reshape(self.codes, [-1]), self._cells(columns, videos))

    def ends(
        self, columns: tf.Tensor, low: tf.Tensor, high: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns where ranges of codes start and end in the columns' orders.

        Args:
          columns: `[…] int32` places of columns.
          low: `[…] int32` lowest codes.
          high: `[…] int32` highest codes; a range with `low > high` is empty.
        """
        first = tf.gather(self.offsets, columns)
        most = tf.gather(self.offsets, columns + 1) - first - 1  # one beyond the codes
        low = tf.clip_by_value(low, 0, most)
        beyond = tf.clip_by_value(tf.minimum(high, most) + 1, low, most)
        start, end = (tf.gather(self.starts, first + code) for code in (low, beyond))
        return start, end

    def videos(self, columns: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
        """Returns the videos of ranges after each other, `tf.RaggedTensor [ranges, …]`.

        Args:
          columns: `[ranges] int32` places of columns.
          low: `[ranges] int32` lowest codes.
          high: `[ranges] int32` highest codes.
        """
        places = tf.ragged.range(*self.ends(columns, low, high))
        columns = tf.repeat(columns, places.row_lengths())
        cells = self._cells(columns, places.flat_values)
        return places.with_flat_values(tf.gather(tf.reshape(self.order, [-1]), cells))

    def within(self, column: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
        """Returns whether each video has a code of a range, `[width] bool`.

        Args:
          column: `[] int32` place of the column.
          low: `[] int32`, at least 0.
          high: `[] int32`.
        """
        codes = self.codes[column]
        return (codes >= low) & (codes <= high)

    def _cells(self, columns: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        width = tf.shape(self.codes, tf.int64)[1]
        return tf.cast(columns, tf.int64) * width + tf.cast(places, tf.int64)


class Variables(tf.Module):
    """The tensors of `ValueLists` as variables, so that a SavedModel holds them."""

    def __init__(self, codes: Sequence[npt.NDArray[np.int32]]) -> None:
        """Creates the variables.

        Args:
          codes: Code of each video by catalogue index, `[num_videos + 1]` each, of
            every column.
        """
        super().__init__()
        size = max([1, *map(len, codes)])
        width = -(-size // _ALIGNED) * _ALIGNED
        table = np.full([max(1, len(codes)), width], _NO_CODE, np.int32)
        order = np.zeros_like(table)
        starts: list[npt.NDArray[np.int32]] = []
        for row, column in enumerate(codes):
            table[row, :size] = column
            order[row, :size] = np.argsort(column, kind="stable")
            counts = np.bincount(column)
            starts.append(np.append(0, counts.cumsum()).astype(np.int32))
        lengths = np.cumsum([0, *map(len, starts)]).astype(np.int32)
        starts.append(np.zeros(1, np.int32))  # one at least, if there is no column
        tensors = (table, order, np.concatenate(starts), lengths)
        self._variables = [tf.Variable(one, trainable=False) for one in tensors]

    def read(self) -> ValueLists:
        """Returns the tensors."""
        return ValueLists(*(one.read_value() for one in self._variables))
