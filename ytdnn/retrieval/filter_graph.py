"""Reads the conditions of requests inside the exported graphs (docs/serving.md).

A request passes conditions as pairs of texts: a column with an operator, and a value
(`language in`, `en`). Values of `in` for one column are alternatives; all other
conditions must hold together. A video without a value in the column meets only
`not_in`; one with several values meets `in` with any of them, `not_in` with none.

Each distinct set of conditions of a batch becomes ranges of the columns' codes
(`conditions`), once for all sources and requests. A condition that cannot be parsed
permits no video: a slate for children is empty rather than wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import prepared
from ytdnn.retrieval import filter_conditions, filter_schema

Tensor: TypeAlias = tf.Tensor

Entries = Sequence[tuple[str, str]]
"""Conditions as the signatures have them: column with operator, value."""

_SEPARATOR = "\x1f"  # of ASCII, for units
_MOST = 2**31 - 1
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"

Range = tuple[Tensor, Tensor]
"""Lowest and highest codes; no video where the first is higher."""
_KINDS = {  # of the groups of conditions of a column
    filter_schema.IN: 0,
    filter_schema.NOT_IN: 1,
    filter_schema.AT_MOST: 2,
    filter_schema.AT_LEAST: 2,
}
_NUM_KINDS = 3


class Filters(tf.Module):
    """Reads the conditions of requests.

    Attributes:
      keys: Every column with each of its operators.
      policies: Names of the saved sets of conditions.
      saved: The saved sets by name.
      operands: Sorted values of each column that `in` can name.
    """

    def __init__(
        self, data: prepared.PreparedData, policies: Mapping[str, Entries] | None = None
    ) -> None:
        """Reads the columns of a log's videos.

        Args:
          data: The prepared set.
          policies: Sets of conditions that requests name.
        """
        super().__init__()
        self.saved = saved = dict(policies or {})
        columns = filter_schema.from_catalogue(data.catalogue)
        self._columns = [ConditionColumn(attribute) for attribute in columns]
        self._lists = filter_conditions.list_variables(
            [codes for a in columns for codes in a.codes.reshape(len(a.codes), -1).T]
        )
        self.keys = tuple(key for column in self._columns for key in column.keys)
        self.policies = tuple(saved)
        self.operands = {
            a.name: pl.Series(sorted(a.places) if a.kind == "text" else a.values)
            for a in columns
            if a.kind != "age"
        }
        self._end_of_log = data.windows.end_of_log
        self._known_keys = _places_of(self.keys)
        self._known_policies = _places_of(self.policies)
        self._saved = _padded(list(saved.values()))
        self._of_keys, self._is_permitted = _groups(self._columns)

    @property
    def columns(self) -> dict[str, int]:
        """Columns with a value for each video, and their places among the lists.

        Of several values it is the place of the first.
        """
        placed = _placed(self._columns)
        return {column.column: n for n, column in placed if column.kind != "age"}

    def lists(self) -> filter_conditions.ValueLists:
        """Returns codes and videos of all columns, in this graph."""
        return filter_conditions.ValueLists(
            *(values.read_value() for values in self._lists)
        )

    @property
    def reads_time(self) -> bool:
        """Whether a condition can depend on the time of the request."""
        return any(column.kind == "age" for column in self._columns)

    def read(self, raw: Mapping[str, Tensor]) -> filter_conditions.Conditions:
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
        lists = self.lists()

        def read_sets() -> tuple[Tensor, ...]:
            alone = [tf.strings.as_string(times)[:, tf.newaxis], names[:, tf.newaxis]]
            joined = tf.strings.reduce_join(
                tf.concat([keys, values, *alone], axis=1),
                axis=1,
                separator=_SEPARATOR,
            )
            distinct, which = tf.unique(joined)
            first = tf.math.unsorted_segment_min(
                tf.range(batch), which, tf.size(distinct)
            )
            own = (tf.gather(tensor, first) for tensor in (keys, values, names, times))
            return *self._read_sets(lists, *own), which

        nothing = tf.zeros([0, 0], tf.int32)
        none = (*(nothing,) * 4, *(tf.zeros([0], tf.int32),) * 2, tf.zeros([0]))
        fields = tf.cond(
            tf.reduce_any(is_given),
            read_sets,
            lambda: (*none, tf.zeros([batch], tf.int32)),
        )
        return filter_conditions.Conditions(*(lists, *fields, is_given))

    def _read_sets(
        self,
        lists: filter_conditions.ValueLists,
        keys: Tensor,
        values: Tensor,
        names: Tensor,
        times: Tensor,
    ) -> tuple[Tensor, ...]:
        """Returns the fields of `Conditions` of distinct sets with their policies.

        Both must hold: a value in a request is no alternative to those of its policy.

        Args:
          lists: Codes and videos of all columns.
          keys: `[distinct, n]`, empty where there is none.
          values: `[distinct, n]`.
          names: `[distinct]` policies.
          times: `[distinct] int64` of the requests.
        """
        of_policy = tf.zeros_like(keys, tf.bool)
        is_void = tf.zeros_like(names, tf.bool)
        if self.policies:
            place = self._known_policies.lookup(names)
            is_void = (place < 0) & (names != "")
            saved = tf.gather(self._saved.read_value(), tf.maximum(place, 0))
            saved = tf.where((place >= 0)[:, tf.newaxis, tf.newaxis], saved, "")
            keys = tf.concat([keys, saved[:, 0]], axis=1)
            values = tf.concat([values, saved[:, 1]], axis=1)
            of_policy = tf.concat(
                [of_policy, tf.ones_like(saved[:, 0], tf.bool)], axis=1
            )
        places = self._known_keys.lookup(keys)
        is_void |= tf.reduce_any((keys != "") & (places < 0), axis=1)
        columns, widths, groups, of_policies = (
            tf.where(places >= 0, tf.gather(one, tf.maximum(places, 0)), otherwise)
            for one, otherwise in zip(self._of_keys, (0, 1, -1, -1), strict=True)
        )
        groups = tf.where(of_policy, of_policies, groups)
        low, high = self._ranges(places, values, times)
        ranges = filter_conditions.Ranges(columns, low, high, groups)
        most = max([1, *(column.width for column in self._columns)])
        ranges = ranges.spread(widths, most)
        return filter_conditions.from_ranges(lists, ranges, self._is_permitted, is_void)

    def _ranges(self, places: Tensor, values: Tensor, times: Tensor) -> Range:
        """Returns the ranges of conditions, `[distinct, n] int32` each.

        Args:
          places: `[distinct, n] int32` place of each key, -1 = none.
          values: `[distinct, n]`.
          times: `[distinct] int64` of the requests.
        """
        low, high = tf.ones_like(places), tf.zeros_like(places)
        start = 0
        for column in self._columns:
            own = places - start
            own = tf.where((own >= 0) & (own < len(column.keys)), own, -1)

            def read(
                column: ConditionColumn = column,
                own: Tensor = own,
                old: Range = (low, high),
            ) -> Range:
                new = column.ranges(own, values, times)
                return tf.where(own >= 0, new[0], old[0]), tf.where(
                    own >= 0, new[1], old[1]
                )

            is_used = tf.reduce_any(own >= 0)
            low, high = tf.cond(is_used, read, lambda old=(low, high): old)
            start += len(column.keys)
        return low, high


def _entries(raw: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Returns the conditions of requests and as many values, `[batch, n]` texts."""
    keys, values = raw[schema.CONDITIONS], raw[schema.CONDITION_VALUES]
    lacking = tf.maximum(tf.shape(keys)[1] - tf.shape(values)[1], 0)
    values = tf.pad(values, [[0, 0], [0, lacking]], constant_values="")
    return keys, values[:, : tf.shape(keys)[1]]


def _padded(tables: Sequence[Entries]) -> tf.Variable:
    """Returns sets of conditions as `[sets, 2, most]` texts: keys, values."""
    width = max([1, *map(len, tables)])
    rows = [
        [[part[place] for part in one] + [""] * (width - len(one)) for place in (0, 1)]
        for one in tables
    ]
    return tf.Variable(rows or [[[""], [""]]], trainable=False, dtype=tf.string)


def _groups(
    columns: "Sequence[ConditionColumn]",
) -> tuple[npt.NDArray[np.int32], list[bool]]:
    """Returns column and groups of every key, and whether each group permits videos.

    Values of a policy are a group of their own; bounds are one with the request's.

    Returns:
      `[4, keys]` place of each key's column, number of its columns, its group in a
      request and that in a policy; and a truth value for each group.
    """
    number = _NUM_KINDS * len(columns)
    groups: list[tuple[int, int, int, int]] = []
    for own, (place, column) in enumerate(_placed(columns)):
        for key in column.keys:
            operator = key.rpartition(" ")[2]
            group = _NUM_KINDS * own + _KINDS[operator]
            moves = operator in (filter_schema.IN, filter_schema.NOT_IN)
            of_policy = group + number if moves else group
            groups.append((place, column.width, group, of_policy))
    kinds = [kind != _KINDS[filter_schema.NOT_IN] for kind in range(_NUM_KINDS)]
    return np.array(groups, np.int32).reshape(-1, 4).T, kinds * len(columns) * 2


def _placed(
    columns: "Sequence[ConditionColumn]",
) -> "Iterator[tuple[int, ConditionColumn]]":
    """Yields the place of each column's first list, and the column."""
    place = 0
    for column in columns:
        yield place, column
        place += column.width


class ConditionColumn(tf.Module):
    """A column that conditions can be put on.

    Attributes:
      column: Name of the column.
      kind: Kind of its values, see `filter_columns.Attribute`.
      keys: The column with each of its operators.
      width: Number of a video's values at most.
    """

    def __init__(self, attribute: filter_schema.Attribute) -> None:
        """Creates the variables of a column."""
        super().__init__()
        self.kind, self.keys = attribute.kind, attribute.keys
        self.column = attribute.name
        self.width = attribute.codes[0].size
        if isinstance(attribute.values, list):
            places = attribute.places
            self._table = _places_of(list(places), list(places.values()))
        else:
            # One more than there are, so that every place has a value.
            sorted_values = np.append(attribute.values, np.inf)
            self._values = tf.Variable(sorted_values, trainable=False)

    def ranges(self, own: Tensor, values: Tensor, times: Tensor) -> Range:
        """Returns the codes that meet each condition, `[distinct, n] int32` each.

        The bounds of a set are one range, at the place of the first of them.

        Args:
          own: `[distinct, n] int32` place among `keys` of each condition, -1 for a
            condition on another column.
          values: `[distinct, n]` texts.
          times: `[distinct] int64`.
        """
        if self.kind == "text":
            return self._code_ranges(own, self._table.lookup(values) + 1)
        numbers = _numbers(values)
        is_most, is_least = (
            self._is(own, name)
            for name in (filter_schema.AT_MOST, filter_schema.AT_LEAST)
        )
        if self.kind == "age":
            moments = tf.cast(times, tf.float64)[:, tf.newaxis]
            moments -= tf.constant(schema.DAY_SECONDS, tf.float64) * numbers
            return self._bounds(moments, is_least=is_most, is_most=is_least)
        exact = self._place(numbers, "left")
        is_same = tf.gather(self._values.read_value(), exact) == numbers
        low, high = self._code_ranges(own, tf.where(is_same, exact + 1, 0))
        lowest, highest = self._bounds(numbers, is_least, is_most)
        is_bound = is_least | is_most
        return tf.where(is_bound, lowest, low), tf.where(is_bound, highest, high)

    def _code_ranges(self, own: Tensor, codes: Tensor) -> Range:
        """Returns the ranges of single values.

        Args:
          own: See `ranges`.
          codes: `[distinct, n] int32` codes of the values, 0 for a value of no video.
        """
        is_one = self._is(own, filter_schema.IN) | self._is(own, filter_schema.NOT_IN)
        is_one &= codes > 0
        return tf.where(is_one, codes, 1), tf.where(is_one, codes, 0)

    def _bounds(self, numbers: Tensor, is_least: Tensor, is_most: Tensor) -> Range:
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

    def _is(self, own: Tensor, operator: str) -> Tensor:
        """Returns whether each condition has an operator, `[distinct, n] bool`."""
        key = filter_schema.key(self.column, operator)
        if key not in self.keys:
            return tf.zeros_like(own, tf.bool)
        return tf.equal(own, self.keys.index(key))

    def _place(self, numbers: Tensor, side: str) -> Tensor:
        """Returns how many values are below (or not above) each number."""
        flat = tf.reshape(numbers, [-1])
        places = tf.searchsorted(self._values.read_value(), flat, side=side)
        return tf.reshape(places, tf.shape(numbers))


def _places_of(
    texts: Sequence[str], places: Sequence[int] = ()
) -> tf.lookup.StaticHashTable:
    """Returns the table from texts to their places, -1 for other texts."""
    keys = tf.constant(list(texts) or [_SEPARATOR], tf.string)  # none may be empty
    numbers = tf.constant([*(places or range(len(texts)))] or [-1])
    initializer = tf.lookup.KeyValueTensorInitializer(keys, numbers)
    return tf.lookup.StaticHashTable(initializer, default_value=-1)


def _numbers(texts: Tensor) -> Tensor:
    """Returns texts as float64, NaN where they are no number."""
    is_number = tf.strings.regex_full_match(texts, _NUMBER)
    return tf.strings.to_number(tf.where(is_number, texts, "nan"), tf.float64)
