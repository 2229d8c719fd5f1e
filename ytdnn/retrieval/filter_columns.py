"""Turns the conditions on one column of videos into ranges of its codes."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ytdnn.base import registries, schema
from ytdnn.retrieval import attributes

SEPARATOR = "\x1f"  # of ASCII, for units
_MOST = 2**31 - 1
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"

Range = tuple[tf.Tensor, tf.Tensor]
"""Lowest and highest codes; no video where the first is higher."""


class ConditionColumn(tf.Module):
    """A column that conditions can be put on.

    Attributes:
      column: Name of the column.
      kind: Kind of its values, see `attributes.Attribute`.
      keys: The column with each of its operators.
      others: Registered operators that it has in addition.
    """

    def __init__(self, attribute: attributes.Attribute) -> None:
        """Creates the variables of a column."""
        super().__init__()
        self.kind, self.keys = attribute.kind, attribute.keys
        self.column = attribute.name
        self.others = tuple(attribute.others)
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

    def ranges(self, own: tf.Tensor, values: tf.Tensor, times: tf.Tensor) -> Range:
        """Returns the codes that meet each condition, `[distinct, n] int32` each.

        The bounds of a set are one range, at the place of the first of them.

        Args:
          own: `[distinct, n] int32` place among `keys` of each condition, -1 for a
            condition on another column.
          values: `[distinct, n]` texts.
          times: `[distinct] int64`.
        """
        if self.kind == "text":
            return self._of_codes(own, self._table.lookup(values) + 1)
        numbers = _numbers(values)
        is_most, is_least = (
            self._is(own, name) for name in (attributes.AT_MOST, attributes.AT_LEAST)
        )
        if self.kind == "age":
            moments = tf.cast(times, tf.float64)[:, tf.newaxis]
            moments -= tf.constant(schema.DAY_SECONDS, tf.float64) * numbers
            return self._bounds(moments, is_least=is_most, is_most=is_least)
        exact = self._place(numbers, "left")
        is_same = tf.gather(self._values.read_value(), exact) == numbers
        low, high = self._of_codes(own, tf.where(is_same, exact + 1, 0))
        lowest, highest = self._bounds(numbers, is_least, is_most)
        is_bound = is_least | is_most
        return tf.where(is_bound, lowest, low), tf.where(is_bound, highest, high)

    def met(
        self, held: tf.Tensor, own: tf.Tensor, values: tf.Tensor, codes: tf.Tensor
    ) -> tf.Tensor:
        """Returns the part of a mask that meets the registered operators' conditions.

        Args:
          held: `[distinct, num_videos + 1] bool`.
          own: See `ranges`.
          values: See `ranges`.
          codes: `[num_videos + 1] int32` code of each video.
        """
        for name in self._operators:
            is_own = self._is(own, name)
            held = tf.cond(
                tf.reduce_any(is_own),
                lambda name=name, is_own=is_own, held=held: (
                    held & self._met(name, is_own, values, codes)
                ),
                lambda held=held: held,
            )
        return held

    def _met(
        self, name: str, is_own: tf.Tensor, values: tf.Tensor, codes: tf.Tensor
    ) -> tf.Tensor:
        """Returns whether each video meets all conditions of a registered operator.

        Args:
          name: The operator.
          is_own: `[distinct, n] bool`, conditions with that operator.
          values: `[distinct, n]` texts.
          codes: `[num_videos + 1] int32` code of each video.

        Returns:
          `[distinct, num_videos + 1] bool`.
        """
        places = tf.where(is_own)
        operands = tf.gather_nd(values, places)
        meets = self._operators[name].make(self._distinct.read_value(), operands)
        meets = tf.pad(meets, [[0, 0], [1, 0]])  # code 0: the value is unknown
        missed = tf.cast(~tf.gather(meets, codes, axis=1), tf.int32)
        number = tf.shape(is_own)[0]
        return tf.math.unsorted_segment_sum(missed, places[:, 0], number) == 0

    def _of_codes(self, own: tf.Tensor, codes: tf.Tensor) -> Range:
        """Returns the ranges of single values.

        Args:
          own: See `ranges`.
          codes: `[distinct, n] int32` codes of the values, 0 for a value of no video.
        """
        is_one = self._is(own, attributes.IN) | self._is(own, attributes.NOT_IN)
        is_one &= codes > 0
        return tf.where(is_one, codes, 1), tf.where(is_one, codes, 0)

    def _bounds(
        self, numbers: tf.Tensor, is_least: tf.Tensor, is_most: tf.Tensor
    ) -> Range:
        """Returns the range within the bounds of each set, where the first bound is.

        It begins at 1, so that unknown values are outside.

        Args:
          numbers: `[distinct, n] float64`, NaN for a bound that no video meets.
          is_least: `[distinct, n] bool`, lower bounds.
          is_most: `[distinct, n] bool`, upper bounds.
        """
        is_nan = tf.math.is_nan(numbers)
        first = tf.where(is_nan, _MOST, self._place(numbers, "left") + 1)
        last = tf.where(is_nan, 0, self._place(numbers, "right"))
        low = tf.reduce_max(tf.where(is_least, first, 1), axis=1, keepdims=True)
        high = tf.reduce_min(tf.where(is_most, last, _MOST), axis=1, keepdims=True)
        is_bound = is_least | is_most
        earlier = tf.cumsum(tf.cast(is_bound, tf.int32), axis=1, exclusive=True)
        is_first = is_bound & (earlier == 0)
        return tf.where(is_first, low, 1), tf.where(is_first, high, 0)

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
