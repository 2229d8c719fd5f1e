"""Conditions on columns of videos, inside the exported graphs (docs/serving.md).

A request passes conditions as pairs of texts: a column with an operator, and a value
(`language in`, `en`). Values of `in` for one column are alternatives; all other
conditions must hold together. A video without a value in the column meets only
`not_in`.

Each distinct set of conditions of a batch becomes ranges of the columns' codes
(`conditions`), once for all sources and requests. A condition that cannot be parsed
permits no video: a slate for children is empty rather than wrong.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import prepared
from ytdnn.retrieval import attributes, filter_columns, value_lists
from ytdnn.retrieval import conditions as conditions_room

Entries = Sequence[tuple[str, str]]
"""Conditions as the signatures have them: column with operator, value."""

_KINDS = {  # of the groups of conditions of a column; those of others are no ranges
    attributes.IN: 0,
    attributes.NOT_IN: 1,
    attributes.AT_MOST: 2,
    attributes.AT_LEAST: 2,
}
_NUM_KINDS = 3


class Filters(tf.Module):
    """Reads the conditions of requests.

    Attributes:
      keys: Every column with each of its operators.
      policies: Names of the saved sets of conditions.
      saved: The saved sets by name.
    """

    def __init__(
        self,
        data: prepared.PreparedData,
        policies: Mapping[str, Entries] | None = None,
        operators: Sequence[str] = (),
    ) -> None:
        """Reads the columns of a log's videos.

        Args:
          data: The prepared set.
          policies: Sets of conditions that requests name.
          operators: Registered operators in addition to those of every bundle.
        """
        super().__init__()
        self.saved = saved = dict(policies or {})
        columns = attributes.from_catalogue(data.catalogue, operators)
        self._columns = [filter_columns.ConditionColumn(one) for one in columns]
        self._lists = value_lists.Variables([one.codes for one in columns])
        self.keys = tuple(key for column in self._columns for key in column.keys)
        self.policies = tuple(saved)
        self._end_of_log = data.windows.end_of_log
        self._size = data.num_videos + 1
        self._known_keys = filter_columns.places_of(self.keys)
        self._known_policies = filter_columns.places_of(self.policies)
        self._saved = _padded(list(saved.values()))
        self._of_keys, self._is_permitted = _groups(self._columns)

    @property
    def columns(self) -> dict[str, int]:
        """Columns with a value for each video, and their places among the lists."""
        return {
            one.column: place
            for place, one in enumerate(self._columns)
            if one.kind != "age"
        }

    def lists(self) -> value_lists.ValueLists:
        """Returns codes and videos of all columns, in this graph."""
        return self._lists.read()

    @property
    def reads_time(self) -> bool:
        """Whether a condition can depend on the time of the request."""
        return any(column.kind == "age" for column in self._columns)

    def read(self, raw: Mapping[str, tf.Tensor]) -> conditions_room.Conditions:
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
        lists = self._lists.read()

        def of_sets() -> tuple[tf.Tensor, ...]:
            alone = [tf.strings.as_string(times)[:, tf.newaxis], names[:, tf.newaxis]]
            joined = tf.strings.reduce_join(
                tf.concat([keys, values, *alone], axis=1),
                axis=1,
                separator=filter_columns.SEPARATOR,
            )
            distinct, which = tf.unique(joined)
            first = tf.math.unsorted_segment_min(
                tf.range(batch), which, tf.size(distinct)
            )
            own = (tf.gather(one, first) for one in (keys, values, names, times))
            return *self._of_sets(lists, *own), which

        empty = (tf.zeros([0, 0], tf.int32),) * 4
        number, truth = tf.zeros([0], tf.int32), tf.zeros([0], tf.bool)
        nothing = (*empty, number, empty[0] > 0, number, truth, number, empty[0] > 0)
        found = tf.cond(
            tf.reduce_any(is_given),
            of_sets,
            lambda: (*nothing, tf.zeros([batch], tf.int32)),
        )
        return conditions_room.Conditions(*(lists, *found, is_given))

    def _of_sets(
        self,
        lists: value_lists.ValueLists,
        keys: tf.Tensor,
        values: tf.Tensor,
        names: tf.Tensor,
        times: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
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
        columns, groups, of_policies = (
            tf.where(places >= 0, tf.gather(one, tf.maximum(places, 0)), otherwise)
            for one, otherwise in zip(self._of_keys, (0, -1, -1), strict=True)
        )
        groups = tf.where(of_policy, of_policies, groups)
        low, high, others = self._met(lists, places, values, times)
        ranges = conditions_room.Ranges(columns, low, high, groups)
        return conditions_room.from_ranges(
            lists, ranges, self._is_permitted, is_void, others
        )

    def _met(
        self,
        lists: value_lists.ValueLists,
        places: tf.Tensor,
        values: tf.Tensor,
        times: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the ranges of conditions, and what registered operators permit.

        Args:
          lists: Codes and videos of all columns.
          places: `[distinct, n] int32` place of each key, -1 = none.
          values: `[distinct, n]`.
          times: `[distinct] int64` of the requests.

        Returns:
          low, high `[distinct, n] int32` and others, see `Conditions`.
        """
        low, high = tf.ones_like(places), tf.zeros_like(places)
        others = self._all_permitted(places)
        start = 0
        for number, column in enumerate(self._columns):
            own = places - start
            own = tf.where((own >= 0) & (own < len(column.keys)), own, -1)

            def met(
                column: filter_columns.ConditionColumn = column,
                own: tf.Tensor = own,
                old: tuple[tf.Tensor, tf.Tensor] = (low, high),
            ) -> tuple[tf.Tensor, ...]:
                new = column.ranges(own, values, times)
                return tuple(
                    tf.where(own >= 0, one, other)
                    for one, other in zip(new, old, strict=True)
                )

            is_used = tf.reduce_any(own >= 0)
            low, high = tf.cond(is_used, met, lambda old=(low, high): old)
            if column.others:
                codes = lists.codes[number, : self._size]
                others = column.met(others, own, values, codes)
            start += len(column.keys)
        return low, high, others

    def _all_permitted(self, places: tf.Tensor) -> tf.Tensor:
        """Returns a mask of all videos if a registered operator is in use, else none.

        Args:
          places: `[distinct, n] int32` place of each key, -1 = none.

        Returns:
          `[distinct, num_videos + 1] bool`, or `[0, 0]`.
        """
        is_other = tf.constant([False, *(self._of_keys[1] < 0).tolist()])
        shape = [tf.shape(places)[0], self._size]
        is_used = tf.reduce_any(tf.gather(is_other, places + 1))
        mask = tf.ones(tf.where(is_used, shape, [0, 0]), tf.bool)
        return tf.ensure_shape(mask, [None, None])


def _entries(raw: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the conditions of requests and as many values, `[batch, n]` texts."""
    keys, values = raw[schema.CONDITIONS], raw[schema.CONDITION_VALUES]
    lacking = tf.maximum(tf.shape(keys)[1] - tf.shape(values)[1], 0)
    values = tf.pad(values, [[0, 0], [0, lacking]], constant_values="")
    return keys, values[:, : tf.shape(keys)[1]]


def _padded(several: Sequence[Entries]) -> tf.Variable:
    """Returns sets of conditions as `[sets, 2, most]` texts: keys, values."""
    width = max([1, *map(len, several)])
    rows = [
        [[part[place] for part in one] + [""] * (width - len(one)) for place in (0, 1)]
        for one in several
    ]
    return tf.Variable(rows or [[[""], [""]]], trainable=False, dtype=tf.string)


def _groups(
    columns: Sequence[filter_columns.ConditionColumn],
) -> tuple[npt.NDArray[np.int32], list[bool]]:
    """Returns column and groups of every key, and whether each group permits videos.

    Values of a policy are a group of their own; bounds are one with the request's.

    Returns:
      `[3, keys]` place of each key's column, its group in a request and that in a
      policy (-1: no range); and a truth value for each group.
    """
    number = _NUM_KINDS * len(columns)
    found: list[tuple[int, int, int]] = []
    for place, column in enumerate(columns):
        for key in column.keys:
            kind = _KINDS.get(key.rpartition(" ")[2], -1)
            group = _NUM_KINDS * place + kind if kind >= 0 else -1
            moves = kind in (_KINDS[attributes.IN], _KINDS[attributes.NOT_IN])
            found.append((place, group, group + number if moves else group))
    kinds = [kind != _KINDS[attributes.NOT_IN] for kind in range(_NUM_KINDS)]
    return np.array(found, np.int32).reshape(-1, 3).T, kinds * len(columns) * 2
