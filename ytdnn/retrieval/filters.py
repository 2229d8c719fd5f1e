"""Conditions on columns of videos, inside the exported graphs (docs/serving.md).

A request brings them as pairs of texts: a column with an operator, and a value
(`language in`, `en`). Values of `in` for one column are alternatives; all else must
hold together. A video that lacks the column's value meets no condition but `not_in`.

Each distinct set of conditions of a batch becomes a mask over the catalogue, made once
for all sources and all requests that bring it. What cannot be understood permits
nothing: a page for children is empty rather than wrong.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn import registries, schema
from ytdnn.data import prepared
from ytdnn.retrieval import attributes

_FEW_VALUES = 8  # of a set: comparing each is faster than a look-up of every video
_MOST = 2**31 - 1
_SEPARATOR = "\x1f"  # of ASCII, for units
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NAN = float("nan")

Entries = Sequence[tuple[str, str]]
"""Conditions as the signatures have them: column with operator, value."""


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The videos that the conditions of some requests permit.

    Attributes:
      masks: `[distinct, num_videos + 1] bool` which videos each distinct set permits,
        by catalogue index.
      which: `[batch] int32`, the set of each request.
      is_given: `[batch] bool`, which requests have conditions.
    """

    masks: tf.Tensor
    which: tf.Tensor
    is_given: tf.Tensor

    def holds(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns which videos the conditions permit, `[batch, k] bool`.

        Args:
          videos: `[batch, k] int32` catalogue indices.
        """

        def looked_up() -> tf.Tensor:
            sets = tf.broadcast_to(self.which[:, tf.newaxis], tf.shape(videos))
            held = tf.gather_nd(self.masks, tf.stack([sets, videos], axis=-1))
            return held | ~self.is_given[:, tf.newaxis]

        return tf.cond(
            tf.reduce_any(self.is_given),
            looked_up,
            lambda: tf.ones(tf.shape(videos), tf.bool),
        )

    def num_permitted(self, num_videos: int) -> tf.Tensor:
        """Returns how many of the first videos each set permits, `[distinct] int32`."""
        every = tf.reduce_sum(tf.cast(self.masks, tf.int32), axis=1)
        behind = tf.cast(self.masks[:, num_videos + 1 :], tf.int32)
        return (
            every - tf.reduce_sum(behind, axis=1) - tf.cast(self.masks[:, 0], tf.int32)
        )

    def take(self, mask: tf.Tensor) -> "Conditions":
        """Returns those of some of the requests, `mask [batch] bool`."""
        which, is_given = (
            tf.boolean_mask(values, mask) for values in (self.which, self.is_given)
        )
        return Conditions(self.masks, which, is_given)


class Filters(tf.Module):
    """Reads the conditions of requests.

    Attributes:
      keys: Every column with each of its operators.
      policies: Names of the sets of conditions that are saved.
      saved: These sets by name.
    """

    def __init__(
        self,
        data: prepared.PreparedData,
        policies: Mapping[str, Entries] | None = None,
        operators: Sequence[str] = (),
    ) -> None:
        """Takes the columns of a log's videos.

        Args:
          data: The prepared set.
          policies: Sets of conditions that requests name.
          operators: Registered operators in addition to those of every bundle.
        """
        super().__init__()
        self.saved = saved = dict(policies or {})
        self._columns = [_Column(one) for one in attributes.from_data(data, operators)]
        self.keys = tuple(key for column in self._columns for key in column.keys)
        self.policies = tuple(saved)
        self._end_of_log = data.end_of_log
        self._size = data.num_videos + 1
        self._known_keys = _places(self.keys)
        self._known_policies = _places(self.policies)
        self._saved = _padded(list(saved.values()))

    @property
    def codes(self) -> dict[str, tf.Variable]:
        """The value of each video as a code, by column, `[num_videos + 1] int32`."""
        return {one.column: one.codes for one in self._columns if one.kind != "age"}

    @property
    def reads_time(self) -> bool:
        """Whether a condition can depend on the time of the request."""
        return any(column.kind == "age" for column in self._columns)

    def read(self, raw: Mapping[str, tf.Tensor]) -> Conditions:
        """Returns the videos that the conditions of requests permit.

        Args:
          raw: The requests; their `time`, where it is 0 or left out, is the end of the
            log.
        """
        keys, values = _entries(raw)
        batch = tf.shape(keys)[0]
        names = raw[schema.POLICY] if self.policies else tf.fill([batch], "")
        times = raw.get(schema.TIME)
        times = tf.zeros([batch], tf.int64) if times is None else times
        times = tf.where(times == 0, tf.cast(self._end_of_log, tf.int64), times)
        is_given = tf.reduce_any(keys != "", axis=1) | (names != "")

        def masks() -> tuple[tf.Tensor, tf.Tensor]:
            alone = [tf.strings.as_string(times)[:, tf.newaxis], names[:, tf.newaxis]]
            joined = tf.strings.reduce_join(
                tf.concat([keys, values, *alone], axis=1), axis=1, separator=_SEPARATOR
            )
            distinct, which = tf.unique(joined)
            first = tf.math.unsorted_segment_min(
                tf.range(batch), which, tf.size(distinct)
            )
            asked = (tf.gather(one, first) for one in (keys, values, names, times))
            return self._both(*asked), which

        found, which = tf.cond(
            tf.reduce_any(is_given),
            masks,
            lambda: (tf.zeros([0, 0], tf.bool), tf.zeros([batch], tf.int32)),
        )
        return Conditions(tf.ensure_shape(found, [None, None]), which, is_given)

    def _both(
        self, keys: tf.Tensor, values: tf.Tensor, names: tf.Tensor, times: tf.Tensor
    ) -> tf.Tensor:
        """Returns the videos that conditions and policies permit, `[distinct, n + 1]`.

        The two are apart: a value that a request names is no alternative to those of
        its policy.
        """
        held = self._masks(keys, values, times)
        if not self.policies:
            return held
        place = self._known_policies.lookup(names)
        saved = tf.gather(self._saved.read_value(), tf.maximum(place, 0))
        saved = tf.where((place >= 0)[:, tf.newaxis, tf.newaxis], saved, "")
        held &= ((place >= 0) | (names == ""))[:, tf.newaxis]
        return held & self._masks(saved[:, 0], saved[:, 1], times)

    def _masks(self, keys: tf.Tensor, values: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
        """Returns the videos that sets of conditions permit, `[distinct, n + 1] bool`.

        Args:
          keys: `[distinct, n]`, empty where there is none.
          values: `[distinct, n]`.
          times: `[distinct] int64` of the requests.
        """
        places = self._known_keys.lookup(keys)
        is_known = tf.reduce_all((keys == "") | (places >= 0), axis=1, keepdims=True)
        held = tf.tile(is_known, [1, self._size])
        start = 0
        for column in self._columns:
            own = places - start
            own = tf.where((own >= 0) & (own < len(column.keys)), own, -1)
            held = tf.cond(
                tf.reduce_any(own >= 0),
                lambda column=column, own=own, held=held: column.narrowed(
                    held, own, values, times
                ),
                lambda held=held: held,
            )
            start += len(column.keys)
        return held


class _Column(tf.Module):
    """A column whose conditions become masks."""

    def __init__(self, attribute: attributes.Attribute) -> None:
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
            self._table = _places(attribute.values)
        else:
            # One more than there are, so that every place has a value.
            sorted_values = np.append(attribute.values, np.inf)
            self._values = tf.Variable(sorted_values, trainable=False)

    def narrowed(
        self, held: tf.Tensor, own: tf.Tensor, values: tf.Tensor, times: tf.Tensor
    ) -> tf.Tensor:
        """Returns which videos of a mask meet the conditions, too.

        Every pass over the catalogue is made only where a condition asks for it.
        Registered operators are asked first.

        Args:
          held: `[distinct, num_videos + 1] bool`.
          own: `[distinct, n] int32` place among `keys` of each condition, -1 = of
            another column.
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
        """Returns which videos meet all conditions of a registered operator.

        Args:
          name: The operator.
          is_own: `[distinct, n] bool`, which conditions have it.
          values: `[distinct, n]` texts.

        Returns:
          `[distinct, num_videos + 1] bool`.
        """
        places = tf.where(is_own)
        asked = tf.gather_nd(values, places)
        meets = self._operators[name].make(self._distinct.read_value(), asked)
        meets = tf.pad(meets, [[0, 0], [1, 0]])  # code 0: the value is unknown
        missed = tf.cast(~tf.gather(meets, self.codes, axis=1), tf.int32)
        number = tf.shape(is_own)[0]
        return tf.math.unsorted_segment_sum(missed, places[:, 0], number) == 0

    def _ages(
        self, own: tf.Tensor, values: tf.Tensor, times: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the bounds of upload times between which ages lie."""
        days = _numbers(values)
        moments = tf.cast(times, tf.float64)[:, tf.newaxis]
        moments -= tf.constant(attributes.DAY_SECONDS, tf.float64) * days
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

        From 1 on where there is a bound, so that unknown values are outside.

        Args:
          numbers: `[distinct, n] float64`, NaN = none that can be met.
          is_least: `[distinct, n] bool`, which are lower bounds.
          is_most: `[distinct, n] bool`, which are upper bounds.
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
        """Returns which videos are in the sets of `in`, and not in those of `not_in`.

        Args:
          held: As of `narrowed`, of which these are.
          own: As of `narrowed`.
          codes: `[distinct, n] int32` of the values, 0 = of no video.
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
        """Returns which videos have one of some codes.

        Args:
          codes: `[distinct, n] int32`, -1 = none.
        """
        every = self.codes.read_value()
        found: tf.Tensor = _traced_among()(
            every, codes, tf.constant(self._num_values + 1)
        )
        return found

    def _is(self, own: tf.Tensor, operator: str) -> tf.Tensor:
        """Returns which conditions have an operator, `[distinct, n] bool`."""
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
    """Returns `_among` as a graph of its own: every column calls one and the same."""
    specs = (
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([], tf.int32),
    )
    with tf.init_scope():  # it outlives the graph that asks first
        return tf.function(_among, autograph=False).get_concrete_function(*specs)


def _among(every: tf.Tensor, codes: tf.Tensor, num_values: tf.Tensor) -> tf.Tensor:
    """Returns which videos have one of some codes, `[distinct, num_videos + 1] bool`.

    Args:
      every: `[num_videos + 1] int32` code of each video.
      codes: `[distinct, n] int32`, -1 = none.
      num_values: `[] int32`, more than every code.
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


def _entries(raw: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the conditions of requests and as many values, `[batch, n]` texts."""
    keys, values = raw[schema.CONDITIONS], raw[schema.CONDITION_VALUES]
    lacking = tf.maximum(tf.shape(keys)[1] - tf.shape(values)[1], 0)
    values = tf.pad(values, [[0, 0], [0, lacking]], constant_values="")
    return keys, values[:, : tf.shape(keys)[1]]


def _places(texts: Sequence[str]) -> tf.lookup.StaticHashTable:
    """Returns the table from texts to their places, -1 of others."""
    keys = tf.constant(list(texts) or [_SEPARATOR], tf.string)  # none may be empty
    places = tf.range(len(texts), dtype=tf.int32) if texts else tf.constant([-1])
    initializer = tf.lookup.KeyValueTensorInitializer(keys, places)
    return tf.lookup.StaticHashTable(initializer, default_value=-1)


def _padded(several: Sequence[Entries]) -> tf.Variable:
    """Returns sets of conditions as `[sets, 2, most]` texts: keys, values."""
    width = max([1, *map(len, several)])
    rows = [
        [[part[place] for part in one] + [""] * (width - len(one)) for place in (0, 1)]
        for one in several
    ]
    return tf.Variable(rows or [[[""], [""]]], trainable=False, dtype=tf.string)


def _numbers(texts: tf.Tensor) -> tf.Tensor:
    """Returns texts as float64, NaN where they are no number."""
    is_number = tf.strings.regex_full_match(texts, _NUMBER)
    return tf.strings.to_number(tf.where(is_number, texts, "nan"), tf.float64)
