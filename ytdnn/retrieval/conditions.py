"""The videos that conditions on columns permit, as ranges of their codes.

Whether a given video is permitted is told from its own codes, and few permitted videos
are listed from the lists of their values (`value_lists`). So only what permits many
videos and has several conditions, or is scored over all videos, needs a pass over the
catalogue.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from ytdnn.retrieval import rows, value_lists

_MOST = 2**31 - 1
FEW = 10_000  # videos that are listed and scored: 1.3 ms; of 60,000 it is 5 to 12
_LEAST_SCANNED = 1 / 16  # share of the videos from which a comparison of all is faster


class Ranges(NamedTuple):
    """Ranges of codes that sets of conditions amount to, `[distinct, n] int32` each.

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


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The videos that the conditions of some requests permit.

    A distinct set of conditions is `n` ranges of codes. A video is permitted if the
    weights of the ranges that it is in add up to `wanted`: alternatives of one column
    are disjoint and count one, a range that is not permitted takes one away.

    Attributes:
      lists: Codes and videos of all columns.
      columns: `[distinct, n] int32` place of the column of each range.
      low: `[distinct, n] int32` lowest code.
      high: `[distinct, n] int32` highest code; lower than `low`: no video.
      weights: `[distinct, n] int32`, 1, -1, or 0 where there is no range.
      wanted: `[distinct] int32` sum of the weights of a permitted video.
      is_listed: `[distinct, n] bool`, ranges that hold every permitted video, of the
        column where they hold fewest.
      num_listed: `[distinct] int32` number of videos in these.
      is_whole: `[distinct] bool`, sets for which all of these are permitted.
      number: `[distinct] int32` number of permitted videos; at most `FEW` of them: no
        less than it.
      others: `[distinct, num_videos + 1] bool`, videos that registered operators
        permit, by catalogue index; `[0, 0]`: none is in use.
      which: `[batch] int32`, the set of each request.
      is_given: `[batch] bool`, requests with conditions.
    """

    lists: value_lists.ValueLists
    columns: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    weights: tf.Tensor
    wanted: tf.Tensor
    is_listed: tf.Tensor
    num_listed: tf.Tensor
    is_whole: tf.Tensor
    number: tf.Tensor
    others: tf.Tensor
    which: tf.Tensor
    is_given: tf.Tensor

    def tensors(self) -> tuple[Any, ...]:
        """Returns the values of all fields, in their order."""
        return tuple(getattr(self, one.name) for one in dataclasses.fields(self))

    def take(self, mask: tf.Tensor) -> "Conditions":
        """Returns the conditions of some of the requests, `mask [batch] bool`."""
        which, is_given = (
            tf.boolean_mask(values, mask) for values in (self.which, self.is_given)
        )
        return dataclasses.replace(self, which=which, is_given=is_given)

    def holds(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether the conditions permit each video, `[batch, k] bool`.

        Args:
          videos: `[batch, k] int32` catalogue indices.
        """
        return tf.cond(
            tf.reduce_any(self.is_given),
            lambda: self._met(self.which, videos) | ~self.is_given[:, tf.newaxis],
            lambda: tf.ones(tf.shape(videos), tf.bool),
        )

    def videos(self, place: tf.Tensor) -> tf.Tensor:
        """Returns the videos that a set of conditions permits, `[number] int32`.

        Args:
          place: `[] int32` place of the set; the sets for which few are permitted need
            no pass over the catalogue.
        """

        def of_lists() -> tf.Tensor:
            mask = self.is_listed[place]
            parts = (
                tf.boolean_mask(one[place], mask)
                for one in (self.columns, self.low, self.high)
            )
            found = self.lists.videos(*parts).flat_values
            return tf.cond(self.is_whole[place], lambda: found, lambda: narrowed(found))

        def narrowed(found: tf.Tensor) -> tf.Tensor:
            is_met = self._met(place[tf.newaxis], found[tf.newaxis])[0]
            return tf.boolean_mask(found, is_met)

        def of_all() -> tf.Tensor:
            return tf.cast(tf.where(self.mask(place))[:, 0], tf.int32) + 1

        return tf.cond(self.num_listed[place] <= FEW, of_lists, of_all)

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

        def scanned(number: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            row = wide[number]
            inside = self.lists.within(columns[row], low[row], high[row])
            weight = tf.cast(weights[row], tf.int16)
            return number + 1, total + weight * tf.cast(inside, tf.int16)

        _, total = tf.while_loop(
            lambda number, total: number < tf.size(wide),
            scanned,
            (tf.constant(0), total),
            parallel_iterations=1,
        )
        held = tf.equal(tf.cast(self.wanted[place], tf.int16), total)
        held = held[1 : self.lists.num_videos + 1]
        return tf.cond(
            tf.size(self.others) > 0,
            lambda: held & self.others[place, 1:],
            lambda: held,
        )

    def _met(self, sets: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether sets of conditions permit videos, `[batch, k] bool`.

        Args:
          sets: `[batch] int32`.
          videos: `[batch, k] int32` catalogue indices.
        """
        columns, low, high, weights = (
            tf.gather(one, sets)[:, tf.newaxis]
            for one in (self.columns, self.low, self.high, self.weights)
        )
        codes = self.lists.codes_of(columns, videos[:, :, tf.newaxis])
        inside = (codes >= low) & (codes <= high)
        total = tf.reduce_sum(tf.where(inside, weights, 0), axis=2)
        met = tf.equal(total, tf.gather(self.wanted, sets)[:, tf.newaxis])

        def by_others() -> tf.Tensor:
            rows = tf.broadcast_to(sets[:, tf.newaxis], tf.shape(videos))
            return met & tf.gather_nd(self.others, tf.stack([rows, videos], axis=-1))

        return tf.cond(tf.size(self.others) > 0, by_others, lambda: met)


def from_ranges(
    lists: value_lists.ValueLists,
    ranges: Ranges,
    is_permitted: Sequence[bool],
    is_void: tf.Tensor,
    others: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """Returns the fields of `Conditions` that sets of ranges amount to.

    A pass over the catalogue is made for each set of several conditions that hold for
    many videos each, to count those that meet them all.

    Args:
      lists: Codes and videos of all columns.
      ranges: The ranges of each set.
      is_permitted: Whether each group is one of permitted videos, not of left-out ones.
      is_void: `[distinct] bool`, sets that permit no video.
      others: See `Conditions`.

    Returns:
      All fields from `columns` to `others`, in their order.
    """
    columns, low, high, groups = ranges
    weights = _weights(ranges, is_permitted)
    start, end = lists.ends(columns, low, high)
    sizes = _by_group(tf.where(weights != 0, end - start, 0), groups, is_permitted)
    is_used = _by_group(tf.ones_like(groups), groups, is_permitted) > 0
    is_needed = is_used & tf.constant(is_permitted)
    num_needed = tf.reduce_sum(tf.cast(is_needed, tf.int32), axis=1)
    num_used = tf.reduce_sum(tf.cast(is_used, tf.int32), axis=1)
    listed = tf.where(is_needed, sizes, _MOST)
    num_listed = tf.where(is_void, 0, tf.reduce_min(listed, axis=1))
    smallest = tf.argmin(listed, axis=1, output_type=tf.int32)[:, tf.newaxis]
    has_list = ((num_needed > 0) & ~is_void)[:, tf.newaxis]
    has_others = tf.size(others) > 0
    is_single = (num_used == 1) & ~has_others & ~is_void
    every = lists.num_videos
    left_out = tf.reduce_sum(tf.where(is_needed, 0, sizes), axis=1)
    number = tf.minimum(num_listed, every)
    number = tf.where(is_single & (num_needed == 0), every - left_out, number)
    made = Conditions(
        lists,
        *(columns, low, high, weights),
        wanted=num_needed + tf.cast(is_void, tf.int32),
        is_listed=tf.equal(groups, smallest) & has_list & (weights > 0),
        num_listed=num_listed,
        is_whole=is_single & (num_needed == 1),
        number=number,
        others=others,
        which=tf.zeros([0], tf.int32),
        is_given=tf.zeros([0], tf.bool),
    )
    is_unsure = ~is_single & (num_listed > FEW) & ((num_used > 0) | has_others)
    made = dataclasses.replace(made, number=_counted(made, is_unsure))
    return made.tensors()[1:-2]


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
    """Returns sums of values `[distinct, n]` by group, `[distinct, groups]`."""
    number, distinct = len(is_permitted), tf.shape(groups)[0]
    segments = tf.range(distinct)[:, tf.newaxis] * number + groups
    segments = tf.where(groups >= 0, segments, -1)
    totals = tf.math.unsorted_segment_sum(values, segments, distinct * number)
    return tf.reshape(totals, [distinct, number])


def _counted(conditions: Conditions, is_unsure: tf.Tensor) -> tf.Tensor:
    """Returns the number of permitted videos of each set, counted for some of them."""
    places = tf.where(is_unsure)

    def of_next(done: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        held = conditions.mask(tf.cast(places[done, 0], tf.int32))
        counted = tf.math.count_nonzero(held, dtype=tf.int32)
        cell = places[done][tf.newaxis]
        return done + 1, tf.tensor_scatter_nd_update(number, cell, counted[tf.newaxis])

    _, number = tf.while_loop(
        lambda done, number: done < tf.shape(places)[0],
        of_next,
        (tf.constant(0), conditions.number),
        parallel_iterations=1,
    )
    return number
