"""Turns the conditions on one column of videos into masks over the catalogue."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn import registries
from ytdnn.log import schema
from ytdnn.retrieval import attributes

SEPARATOR = "\x1f"  # of ASCII, for units
_FEW_VALUES = 8  # of a set: comparing each is faster than a look-up of every video
_MOST = 2**31 - 1
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


class ConditionColumn(tf.Module):
    """A column that conditions can be put on.

    Attributes:
      column: Name of the column.
      kind: Kind of its values, see `attributes.Attribute`.
      keys: The column with each of its operators.
      codes: `[num_videos + 1] int32`, by catalogue index.
    """

    def __init__(self, attribute: attributes.Attribute) -> None:
        """Creates the variables of a column."""
        super().__init__()
        self.kind, self.keys = attribute.kind, attribute.keys
        self.column = attribute.name
        self.codes = tf.Variable(attribute.codes, trainable=False)
        self._num_values = len(attribute.values)
        self._operators = {one: registries.OPERATORS[one] for one in attribute.others}
        if self._operators:
            kind = tf.string if attribute.kind == "text" else tf.float64
            known = tf.constant(attribute.values, kind, [self._num_values])
            self._distinct = tf.Variable(known, trainable=False)
        if isinstance(attribute.values, list):
            self._table = places_of(attribute.values)
        else:
            # One more than there are, so that every place has a value.
            sorted_values = np.append(attribute.values, np.inf)
            self._values = tf.Variable(sorted_values, trainable=False)

    def narrowed(
        self, held: tf.Tensor, own: tf.Tensor, values: tf.Tensor, times: tf.Tensor
    ) -> tf.Tensor:
        """Returns the part of a mask that meets the conditions too.

        A pass over the catalogue is made only for an operator that is in use.
        Registered operators come first.

        Args:
          held: `[distinct, num_videos + 1] bool`.
          own: `[distinct, n] int32` place among `keys` of each condition, -1 for a
            condition on another column.
          values: `[distinct, n]` texts.
          times: `[distinct] int64`.
        """
        for name in self._operators:
            is_own = self._is(own, name)
            held = tf.cond(
                tf.reduce_any(is_own),
                lambda name=name, is_own=is_own, held=held: (
                    held & self._met(name, is_own, values)
                ),
                lambda held=held: held,
            )
        if self.kind == "age":
            return held & self._within(*self._ages(own, values, times))
        if self.kind == "text":
            return self._of_sets(held, own, self._table.lookup(values) + 1)
        numbers = _numbers(values)
        exact = self._place(numbers, "left")
        is_same = tf.gather(self._values.read_value(), exact) == numbers
        held = tf.cond(
            tf.reduce_any(self._is(own, attributes.AT_MOST))
            | tf.reduce_any(self._is(own, attributes.AT_LEAST)),
            lambda: held & self._within(*self._bounds(own, numbers)),
            lambda: held,
        )
        return self._of_sets(held, own, tf.where(is_same, exact + 1, 0))

    def _met(self, name: str, is_own: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each video meets all conditions of a registered operator.

        Args:
          name: The operator.
          is_own: `[distinct, n] bool`, conditions with that operator.
          values: `[distinct, n]` texts.

        Returns:
          `[distinct, num_videos + 1] bool`.
        """
        places = tf.where(is_own)
        operands = tf.gather_nd(values, places)
        meets = self._operators[name].make(self._distinct.read_value(), operands)
        meets = tf.pad(meets, [[0, 0], [1, 0]])  # code 0: the value is unknown
        missed = tf.cast(~tf.gather(meets, self.codes, axis=1), tf.int32)
        number = tf.shape(is_own)[0]
        return tf.math.unsorted_segment_sum(missed, places[:, 0], number) == 0

    def _ages(
        self, own: tf.Tensor, values: tf.Tensor, times: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the bounds of upload times that bounds of ages amount to."""
        days = _numbers(values)
        moments = tf.cast(times, tf.float64)[:, tf.newaxis]
        moments -= tf.constant(schema.DAY_SECONDS, tf.float64) * days
        is_most, is_least = (
            self._is(own, name) for name in (attributes.AT_MOST, attributes.AT_LEAST)
        )
        return self._codes_between(moments, is_least=is_most, is_most=is_least)

    def _bounds(
        self, own: tf.Tensor, numbers: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        is_most, is_least = (
            self._is(own, name) for name in (attributes.AT_MOST, attributes.AT_LEAST)
        )
        return self._codes_between(numbers, is_least, is_most)

    def _codes_between(
        self, numbers: tf.Tensor, is_least: tf.Tensor, is_most: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the lowest and the highest code within bounds, `[distinct]` each.

        The lowest is at least 1 where there is a bound, so that unknown values are
        outside.

        Args:
          numbers: `[distinct, n] float64`, NaN for a bound that no video meets.
          is_least: `[distinct, n] bool`, lower bounds.
          is_most: `[distinct, n] bool`, upper bounds.
        """
        is_nan = tf.math.is_nan(numbers)
        first = tf.where(is_nan, _MOST, self._place(numbers, "left") + 1)
        last = tf.where(is_nan, -1, self._place(numbers, "right"))
        is_bounded = tf.cast(is_least | is_most, tf.int32)
        low = tf.reduce_max(tf.where(is_least, first, is_bounded), axis=1)
        high = tf.reduce_min(tf.where(is_most, last, _MOST), axis=1)
        return low, high

    def _within(self, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
        codes = self.codes.read_value()[tf.newaxis]
        return (codes >= low[:, tf.newaxis]) & (codes <= high[:, tf.newaxis])

    def _of_sets(self, held: tf.Tensor, own: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
        """Returns the part of a mask in the sets of `in`, and not in those of `not_in`.

        Args:
          held: The mask, see `narrowed`.
          own: See `narrowed`.
          codes: `[distinct, n] int32` codes of the values, 0 for a value of no video.
        """
        is_in, is_out = (
            self._is(own, name) for name in (attributes.IN, attributes.NOT_IN)
        )
        inside, outside = (
            tf.where(mask & (codes > 0), codes, -1) for mask in (is_in, is_out)
        )
        free = ~tf.reduce_any(is_in, axis=1, keepdims=True)
        found = tf.cond(
            tf.reduce_all(free),
            lambda: held,
            lambda: held & (self._among(inside) | free),
        )
        return tf.cond(
            tf.reduce_any(is_out),
            lambda: found & ~self._among(outside),
            lambda: found,
        )

    def _among(self, codes: tf.Tensor) -> tf.Tensor:
        """Returns whether each video has one of some codes.

        Args:
          codes: `[distinct, n] int32`, -1 = none.
        """
        every = self.codes.read_value()
        found: tf.Tensor = _traced_among()(
            every, codes, tf.constant(self._num_values + 1)
        )
        return found

    def _is(self, own: tf.Tensor, operator: str) -> tf.Tensor:
        """Returns whether each condition has an operator, `[distinct, n] bool`."""
        key = attributes.key(self.column, operator)
        if key not in self.keys:
            return tf.zeros_like(own, tf.bool)
        return tf.equal(own, self.keys.index(key))

    def _place(self, numbers: tf.Tensor, side: str) -> tf.Tensor:
        """Returns how many values are below (or not above) each number."""
        flat = tf.reshape(numbers, [-1])
        found = tf.searchsorted(self._values.read_value(), flat, side=side)
        return tf.reshape(found, tf.shape(numbers))


@functools.cache
def _traced_among() -> Any:
    """Returns `_among` as a graph that all columns share."""
    specs = (
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([], tf.int32),
    )
    with tf.init_scope():  # it outlives the graph that asks first
        return tf.function(_among, autograph=False).get_concrete_function(*specs)


def _among(every: tf.Tensor, codes: tf.Tensor, num_values: tf.Tensor) -> tf.Tensor:
    """Returns whether each video has one of some codes, `[distinct, num_videos + 1]`.

    Args:
      every: `[num_videos + 1] int32` code of each video.
      codes: `[distinct, n] int32`, -1 = none.
      num_values: `[] int32`, greater than every code.
    """
    number = tf.reduce_sum(tf.cast(codes >= 0, tf.int32), axis=1)
    most = tf.reduce_max(number)
    codes = tf.sort(codes, axis=1, direction="DESCENDING")[:, :most]
    shape = [tf.shape(codes)[0], tf.size(every)]

    def compared() -> tf.Tensor:
        return tf.while_loop(
            lambda place, held: place < most,
            lambda place, held: (
                place + 1,
                held | tf.equal(every[tf.newaxis], codes[:, place, tf.newaxis]),
            ),
            (tf.constant(0), tf.zeros(shape, tf.bool)),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None])),
        )[1]

    def looked_up() -> tf.Tensor:
        rows = tf.broadcast_to(tf.range(shape[0])[:, tf.newaxis], tf.shape(codes))
        cells = tf.stack([rows, tf.maximum(codes, 0)], axis=-1)
        size = tf.stack([shape[0], num_values])
        table = tf.scatter_nd(cells, tf.cast(codes >= 0, tf.int32), size) > 0
        return tf.gather(table, every, axis=1)

    return tf.cond(most <= _FEW_VALUES, compared, looked_up)


def places_of(texts: Sequence[str]) -> tf.lookup.StaticHashTable:
    """Returns the table from texts to their places, -1 for other texts."""
    keys = tf.constant(list(texts) or [SEPARATOR], tf.string)  # none may be empty
    places = tf.range(len(texts), dtype=tf.int32) if texts else tf.constant([-1])
    initializer = tf.lookup.KeyValueTensorInitializer(keys, places)
    return tf.lookup.StaticHashTable(initializer, default_value=-1)


def _numbers(texts: tf.Tensor) -> tf.Tensor:
    """Returns texts as float64, NaN where they are no number."""
    is_number = tf.strings.regex_full_match(texts, _NUMBER)
    return tf.strings.to_number(tf.where(is_number, texts, "nan"), tf.float64)
