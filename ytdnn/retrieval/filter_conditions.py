"""Conditions on columns, evaluated as ranges of the codes of sorted values.

Whether a given video is permitted is told from its own codes. A mask of all videos is
made only where their vectors are scored (`nearest`). The videos of a code are adjacent
in an order of their column, as in a database, so that counting or listing a range needs
no pass over the catalogue. A column with several values of a video, such as tags, is as
many columns next to each other as a video has values at most.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.retrieval import row_ops

Tensor: TypeAlias = tf.Tensor

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

    codes: Tensor
    order: Tensor
    starts: Tensor
    offsets: Tensor

    @property
    def num_videos(self) -> Tensor:
        """Number of videos of the catalogue, `[] int32`."""
        return self.starts[self.offsets[1] - 1] - 1

    def codes_of(self, columns: Tensor, videos: Tensor) -> Tensor:
        """Returns codes of videos, in the common shape of the arguments, `int32`.

        Args:
          columns: Places of columns.
          videos: Catalogue indices.
        """
        return tf.gather(tf.reshape(self.codes, [-1]), self._cells(columns, videos))

    def ends(self, columns: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
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

    def videos(self, columns: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Returns the videos of ranges `[ranges] int32` as a `tf.RaggedTensor`."""
        places = tf.ragged.range(*self.ends(columns, low, high))
        columns = tf.repeat(columns, places.row_lengths())
        cells = self._cells(columns, places.flat_values)
        return places.with_flat_values(tf.gather(tf.reshape(self.order, [-1]), cells))

    def _cells(self, columns: Tensor, places: Tensor) -> Tensor:
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
    return [tf.Variable(tensor, trainable=False) for tensor in tensors]


class Ranges(NamedTuple):
    """Ranges of codes that sets of conditions amount to, `[sets, n] int32` each.

    Attributes:
      columns: Place of the column.
      low: Lowest code.
      high: Highest code; lower than `low`: no video.
      groups: Number of the group, of which one range must be met; -1: no range. The
        ranges of a group are of one column, and single codes or one range.
    """

    columns: Tensor
    low: Tensor
    high: Tensor
    groups: Tensor

    def spread(self, widths: Tensor, most: int) -> "Ranges":
        """Returns the ranges of all columns of a video's values.

        Args:
          widths: `[sets, n] int32` number of columns of each range.
          most: Largest of them.
        """
        if most == 1:
            return self
        shape = [tf.shape(widths)[0], tf.shape(widths)[1] * most]
        places = tf.range(most)
        is_own = places < widths[..., tf.newaxis]
        columns = self.columns[..., tf.newaxis] + tf.where(is_own, places, 0)
        groups = tf.where(is_own, self.groups[..., tf.newaxis], -1)
        low, high = tf.repeat(self.low, most, 1), tf.repeat(self.high, most, 1)
        return Ranges(tf.reshape(columns, shape), low, high, tf.reshape(groups, shape))


class Conditions(NamedTuple):
    """The videos that the conditions of some requests permit.

    A distinct set of conditions is `n` ranges of codes, those of a column and operator
    a group. A video is permitted if the signs of the groups of which it is in a range
    add up to `wanted`: a group that is not permitted takes one away.

    Attributes:
      lists: Codes and videos of all columns.
      columns: `[sets, n] int32` place of the column of each range.
      low: `[sets, n] int32` lowest code.
      high: `[sets, n] int32` highest code; lower than `low`: no video.
      groups: `[sets, n] int32` place of each range's group in `signs`.
      signs: `[groups] int32`, 1, -1, or 0 for that of no range.
      wanted: `[sets] int32` sum of the signs of a permitted video.
      share: `[sets] float32` share of permitted videos; with several conditions an
        estimate, as if they were independent.
      which: `[batch] int32`, the set of each request.
      is_given: `[batch] bool`, requests with conditions.
    """

    lists: ValueLists
    columns: Tensor
    low: Tensor
    high: Tensor
    groups: Tensor
    signs: Tensor
    wanted: Tensor
    share: Tensor
    which: Tensor
    is_given: Tensor

    def take(self, mask: Tensor) -> "Conditions":
        """Returns the conditions of some of the requests, `mask [batch] bool`."""
        which, is_given = (
            tf.boolean_mask(values, mask) for values in (self.which, self.is_given)
        )
        return self._replace(which=which, is_given=is_given)

    def shares(self) -> Tensor:
        """Returns the share of the videos that each request permits, `[batch]`."""
        return tf.cond(
            tf.reduce_any(self.is_given),
            lambda: tf.where(self.is_given, tf.gather(self.share, self.which), 1.0),
            lambda: tf.ones(tf.shape(self.which)),
        )

    def holds(self, videos: Tensor) -> Tensor:
        """Returns whether the conditions permit each video, `[batch, k] bool`.

        Args:
          videos: `[batch, k] int32` catalogue indices.
        """
        return tf.cond(
            tf.reduce_any(self.is_given),
            lambda: self._met(videos) | ~self.is_given[:, tf.newaxis],
            lambda: tf.ones(tf.shape(videos), tf.bool),
        )

    def _met(self, videos: Tensor) -> Tensor:
        columns, low, high, groups = (
            tf.gather(tensor, self.which)[:, tf.newaxis]
            for tensor in (self.columns, self.low, self.high, self.groups)
        )
        codes = self.lists.codes_of(columns, videos[:, :, tf.newaxis])
        inside = tf.cast((codes >= low) & (codes <= high), tf.float32)
        number_of = tf.one_hot(groups[:, 0], tf.size(self.signs))
        hits = tf.cast(tf.matmul(inside, number_of) > 0.0, tf.int32)
        total = tf.reduce_sum(hits * self.signs, axis=2)
        return tf.equal(total, tf.gather(self.wanted, self.which)[:, tf.newaxis])

    def mask(self, place: Tensor) -> Tensor:
        """Returns whether a set of conditions permits each video, `[num_videos] bool`.

        Args:
          place: `[] int32` place of the set.
        """
        columns, low, high, groups = (
            tensor[place] for tensor in (self.columns, self.low, self.high, self.groups)
        )
        start, end = self.lists.ends(columns, low, high)
        width = tf.shape(self.lists.codes)[1]
        least = _LEAST_SCANNED * tf.cast(width, tf.float32)
        is_wide = tf.cast(end - start, tf.float32) >= least
        is_range = tf.gather(self.signs, groups) != 0
        narrow = tf.where(~is_wide & is_range)[:, 0]
        listed = self.lists.videos(
            *(tf.gather(tensor, narrow) for tensor in (columns, low, high))
        )
        rows_of = tf.repeat(tf.gather(groups, narrow), listed.row_lengths())
        cells = tf.stack([rows_of, listed.flat_values], axis=1)
        ones = tf.ones(tf.shape(rows_of), tf.int16)
        hits = tf.scatter_nd(cells, ones, [tf.size(self.signs), width])
        wide = tf.where(is_wide & is_range)[:, 0]

        def scan(number: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
            row = wide[number]
            codes = self.lists.codes[columns[row]]
            inside = (codes >= low[row]) & (codes <= high[row])
            more = tf.cast(inside, tf.int16)[tf.newaxis]
            group = groups[row][tf.newaxis, tf.newaxis]
            return number + 1, tf.tensor_scatter_nd_add(hits, group, more)

        _, hits = tf.while_loop(
            lambda number, hits: number < tf.size(wide),
            scan,
            (tf.constant(0), hits),
            parallel_iterations=1,
        )
        signs = tf.cast(self.signs, tf.int16)[:, tf.newaxis]
        total = tf.reduce_sum(tf.minimum(hits, 1) * signs, axis=0)
        held = tf.equal(tf.cast(self.wanted[place], tf.int16), total)
        return held[1 : self.lists.num_videos + 1]


def from_ranges(
    lists: ValueLists, ranges: Ranges, is_permitted: Sequence[bool], is_void: Tensor
) -> tuple[Tensor, ...]:
    """Returns the fields of `Conditions` from `columns` to `share`, in their order.

    Args:
      lists: Codes and videos of all columns.
      ranges: The ranges of each set.
      is_permitted: Whether each group is one of permitted videos, not of left-out ones.
      is_void: `[sets] bool`, sets that permit no video.
    """
    columns, low, high, groups = ranges
    start, end = lists.ends(columns, low, high)
    sizes = tf.where(_is_first(ranges, tf.size(lists.offsets)), end - start, 0)
    sizes = _by_group(sizes, groups, is_permitted)
    is_used = _by_group(tf.ones_like(groups), groups, is_permitted) > 0
    wanted = tf.reduce_sum(tf.cast(is_used & tf.constant(is_permitted), tf.int32), 1)
    shares = tf.cast(sizes / lists.num_videos, tf.float32)
    shares = tf.minimum(shares, 1.0)  # a video's several values count each
    shares = tf.where(tf.constant(is_permitted), shares, 1.0 - shares)
    share = tf.reduce_prod(tf.where(is_used, shares, 1.0), axis=1)
    share = tf.where(is_void, 0.0, share)
    wanted += tf.cast(is_void, tf.int32)
    used, places = tf.unique(tf.reshape(groups, [-1]))
    signs = tf.where(tf.gather(is_permitted, tf.maximum(used, 0)), 1, -1)
    signs = tf.where(used >= 0, signs, 0)
    places = tf.reshape(places, tf.shape(groups))
    return columns, low, high, places, signs, wanted, share


def _is_first(ranges: Ranges, num_columns: Tensor) -> Tensor:
    """Returns whether each range holds codes, and is no repeated one of its group."""
    columns, low, high, groups = (tf.cast(each, tf.int64) for each in ranges)
    has_codes = (groups >= 0) & (low <= high)
    keys = (groups * tf.cast(num_columns, tf.int64) + columns) * _MOST + low
    return has_codes & (row_ops.occurrence(tf.where(has_codes, keys, -1)) == 0)


def _by_group(values: Tensor, groups: Tensor, is_permitted: Sequence[bool]) -> Tensor:
    """Returns sums of values `[sets, n]` by group, `[sets, groups]`."""
    number, sets = len(is_permitted), tf.shape(groups)[0]
    segments = tf.range(sets)[:, tf.newaxis] * number + groups
    segments = tf.where(groups >= 0, segments, -1)
    totals = tf.math.unsorted_segment_sum(values, segments, sets * number)
    return tf.reshape(totals, [sets, number])
