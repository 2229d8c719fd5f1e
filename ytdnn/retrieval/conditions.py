"""The videos that conditions on columns permit, as ranges of codes of their values.

Whether a given video is permitted is told from its own codes. A mask of all videos is
made only where their vectors are scored (`nearest`). The videos of a code are adjacent
in an order of their column, as in a database, so that counting or listing a range needs
no pass over the catalogue.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.retrieval import rows

_MOST = 2**31 - 1
_LEAST_SCANNED = 1 / 16  # share of the videos from which a comparison of all is faster
_ALIGNED = 16  # int32 of 64 bytes: a row that starts there is sliced without a copy
_NO_CODE = -1


class ValueLists(NamedTuple):
    """The codes of columns of videos, and the videos of each code.

    Attributes:
      codes: `[columns, width] int32` code of each video, by catalogue index; 0 is an
        unknown value, -1 is beyond the catalogue.
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
        """Returns the videos of ranges `[ranges] int32` as a `tf.RaggedTensor`."""
        places = tf.ragged.range(*self.ends(columns, low, high))
        columns = tf.repeat(columns, places.row_lengths())
        cells = self._cells(columns, places.flat_values)
        return places.with_flat_values(tf.gather(tf.reshape(self.order, [-1]), cells))

    def _cells(self, columns: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        width = tf.shape(self.codes, tf.int64)[1]
        return tf.cast(columns, tf.int64) * width + tf.cast(places, tf.int64)


def list_variables(codes: Sequence[npt.NDArray[np.int32]]) -> list[tf.Variable]:
    """Returns the tensors of `ValueLists` as variables, so that a SavedModel has them.

    Args:
      codes: Code of each video by catalogue index, `[num_videos + 1]` each, of every
        column.
    """
    size = max([1, *map(len, codes)])
    width = -(-size // _ALIGNED) * _ALIGNED
    table = np.full([max(1, len(codes)), width], _NO_CODE, np.int32)
    order = np.zeros_like(table)
    starts: list[npt.NDArray[np.int32]] = []
    for row, column in enumerate(codes):
        table[row, :size] = column
        order[row, :size] = np.argsort(column, kind="stable")
        starts.append(np.append(0, np.bincount(column).cumsum()).astype(np.int32))
    lengths = np.cumsum([0, *map(len, starts)]).astype(np.int32)
    starts.append(np.zeros(1, np.int32))  # one at least, if there is no column
    tensors = (table, order, np.concatenate(starts), lengths)
    return [tf.Variable(one, trainable=False) for one in tensors]


class Ranges(NamedTuple):
    """Ranges of codes that sets of conditions amount to, `[sets, n] int32` each.

    Attributes:
      columns: Place of the column.
      low: Lowest code.
      high: Highest code; lower than `low`: no video.
      groups: Number of the group, of which one range must be met; -1: no range. The
        ranges of a group are of one column, and single codes or one range.
    """

    columns: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    groups: tf.Tensor


class Conditions(NamedTuple):
    """The videos that the conditions of some requests permit.

    A distinct set of conditions is `n` ranges of codes. A video is permitted if the
    weights of the ranges that it is in add up to `wanted`: alternatives of one column
    are disjoint and count one, a range that is not permitted takes one away.

    Attributes:
      lists: Codes and videos of all columns.
      columns: `[sets, n] int32` place of the column of each range.
      low: `[sets, n] int32` lowest code.
      high: `[sets, n] int32` highest code; lower than `low`: no video.
      weights: `[sets, n] int32`, 1, -1, or 0 where there is no range.
      wanted: `[sets] int32` sum of the weights of a permitted video.
      share: `[sets] float32` share of permitted videos; with several conditions an
        estimate, as if they were independent.
      which: `[batch] int32`, the set of each request.
      is_given: `[batch] bool`, requests with conditions.
    """

    lists: ValueLists
    columns: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    weights: tf.Tensor
    wanted: tf.Tensor
    share: tf.Tensor
    which: tf.Tensor
    is_given: tf.Tensor

    def take(self, mask: tf.Tensor) -> "Conditions":
        """Returns the conditions of some of the requests, `mask [batch] bool`."""
        which, is_given = (
            tf.boolean_mask(values, mask) for values in (self.which, self.is_given)
        )
        return self._replace(which=which, is_given=is_given)

    def shares(self) -> tf.Tensor:
        """Returns the share of the videos that each request permits, `[batch]`."""
        return tf.cond(
            tf.reduce_any(self.is_given),
            lambda: tf.where(self.is_given, tf.gather(self.share, self.which), 1.0),
            lambda: tf.ones(tf.shape(self.which)),
        )

    def holds(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether the conditions permit each video, `[batch, k] bool`.

        Args:
          videos: `[batch, k] int32` catalogue indices.
        """
        return tf.cond(
            tf.reduce_any(self.is_given),
            lambda: self._met(videos) | ~self.is_given[:, tf.newaxis],
            lambda: tf.ones(tf.shape(videos), tf.bool),
        )

    def _met(self, videos: tf.Tensor) -> tf.Tensor:
        columns, low, high, weights = (
            tf.gather(one, self.which)[:, tf.newaxis]
            for one in (self.columns, self.low, self.high, self.weights)
        )
        codes = self.lists.codes_of(columns, videos[:, :, tf.newaxis])
        inside = (codes >= low) & (codes <= high)
        total = tf.reduce_sum(tf.where(inside, weights, 0), axis=2)
        return tf.equal(total, tf.gather(self.wanted, self.which)[:, tf.newaxis])

    def mask(self, place: tf.Tensor) -> tf.Tensor:
        """Returns whether a set of conditions permits each video, `[num_videos] bool`.

        Args:
          place: `[] int32` place of the set.
        """
        columns, low, high, weights = (
            one[place] for one in (self.columns, self.low, self.high, self.weights)
        )
        start, end = self.lists.ends(columns, low, high)
        width = tf.shape(self.lists.codes)[1]
        is_wide = tf.cast(end - start, tf.float32) >= _LEAST_SCANNED * tf.cast(
            width, tf.float32
        )
        narrow = tf.where(~is_wide & (weights != 0))[:, 0]
        listed = self.lists.videos(
            *(tf.gather(one, narrow) for one in (columns, low, high))
        )
        added = tf.repeat(tf.gather(weights, narrow), listed.row_lengths())
        cells = listed.flat_values[:, tf.newaxis]
        total = tf.scatter_nd(cells, tf.cast(added, tf.int16), [width])
        wide = tf.where(is_wide & (weights != 0))[:, 0]

        def scan(number: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            row = wide[number]
            codes = self.lists.codes[columns[row]]
            inside = (codes >= low[row]) & (codes <= high[row])
            weight = tf.cast(weights[row], tf.int16)
            return number + 1, total + weight * tf.cast(inside, tf.int16)

        _, total = tf.while_loop(
            lambda number, total: number < tf.size(wide),
            scan,
            (tf.constant(0), total),
            parallel_iterations=1,
        )
        held = tf.equal(tf.cast(self.wanted[place], tf.int16), total)
        return held[1 : self.lists.num_videos + 1]


def from_ranges(
    lists: ValueLists,
    ranges: Ranges,
    is_permitted: Sequence[bool],
    is_void: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """Returns the fields of `Conditions` from `columns` to `share`, in their order.

    Args:
      lists: Codes and videos of all columns.
      ranges: The ranges of each set.
      is_permitted: Whether each group is one of permitted videos, not of left-out ones.
      is_void: `[sets] bool`, sets that permit no video.
    """
    columns, low, high, groups = ranges
    weights = _weights(ranges, is_permitted)
    start, end = lists.ends(columns, low, high)
    sizes = _by_group(tf.where(weights != 0, end - start, 0), groups, is_permitted)
    is_used = _by_group(tf.ones_like(groups), groups, is_permitted) > 0
    wanted = tf.reduce_sum(tf.cast(is_used & tf.constant(is_permitted), tf.int32), 1)
    shares = tf.cast(sizes / lists.num_videos, tf.float32)
    shares = tf.where(tf.constant(is_permitted), tf.minimum(shares, 1.0), 1.0 - shares)
    share = tf.reduce_prod(tf.where(is_used, shares, 1.0), axis=1)
    share = tf.where(is_void, 0.0, share)
    wanted += tf.cast(is_void, tf.int32)
    return columns, low, high, weights, wanted, share


def _weights(ranges: Ranges, is_permitted: Sequence[bool]) -> tf.Tensor:
    """Returns the weights of ranges, 0 for a repeated one and one of no code."""
    _, low, high, groups = ranges
    signs = tf.where(tf.constant(is_permitted), 1, -1)
    of_groups = tf.gather(signs, tf.maximum(groups, 0))
    has_videos = (groups >= 0) & (low <= high)
    keys = tf.cast(groups, tf.int64) * _MOST + tf.cast(low, tf.int64)
    is_first = rows.occurrence(tf.where(has_videos, keys, -1)) == 0
    return tf.where(has_videos & is_first, of_groups, tf.zeros_like(groups))


def _by_group(
    values: tf.Tensor, groups: tf.Tensor, is_permitted: Sequence[bool]
) -> tf.Tensor:
    """Returns sums of values `[sets, n]` by group, `[sets, groups]`."""
    number, sets = len(is_permitted), tf.shape(groups)[0]
    segments = tf.range(sets)[:, tf.newaxis] * number + groups
    segments = tf.where(groups >= 0, segments, -1)
    totals = tf.math.unsorted_segment_sum(values, segments, sets * number)
    return tf.reshape(totals, [sets, number])
