"""Conditions on columns of videos, inside the exported graphs (docs/serving.md).

A request passes conditions as pairs of texts: a column with an operator, and a value
(`language in`, `en`). Values of `in` for one column are alternatives; all other
conditions must hold together. A video without a value in the column meets only
`not_in`.

Each distinct set of conditions of a batch becomes a mask over the catalogue, computed
once for all sources and requests. A condition that cannot be parsed permits no video: a
slate for children is empty rather than wrong.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf

from ytdnn.log import prepared, schema
from ytdnn.retrieval import attributes, filter_columns

Entries = Sequence[tuple[str, str]]
"""Conditions as the signatures have them: column with operator, value."""


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The videos that the conditions of some requests permit.

    Attributes:
      masks: `[distinct, num_videos + 1] bool`, videos that each distinct set permits,
        by catalogue index.
      which: `[batch] int32`, the set of each request.
      is_given: `[batch] bool`, requests with conditions.
    """

    masks: tf.Tensor
    which: tf.Tensor
    is_given: tf.Tensor

    def holds(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether the conditions permit each video, `[batch, k] bool`.

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
        """Returns the number of permitted videos among the first, `[distinct]`."""
        every = tf.reduce_sum(tf.cast(self.masks, tf.int32), axis=1)
        behind = tf.cast(self.masks[:, num_videos + 1 :], tf.int32)
        return (
            every - tf.reduce_sum(behind, axis=1) - tf.cast(self.masks[:, 0], tf.int32)
        )

    def take(self, mask: tf.Tensor) -> "Conditions":
        """Returns the conditions of some of the requests, `mask [batch] bool`."""
        which, is_given = (
            tf.boolean_mask(values, mask) for values in (self.which, self.is_given)
        )
        return Conditions(self.masks, which, is_given)


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
        self._columns = [
            filter_columns.ConditionColumn(one)
            for one in attributes.from_catalogue(data.catalogue, operators)
        ]
        self.keys = tuple(key for column in self._columns for key in column.keys)
        self.policies = tuple(saved)
        self._end_of_log = data.windows.end_of_log
        self._size = data.num_videos + 1
        self._known_keys = filter_columns.places_of(self.keys)
        self._known_policies = filter_columns.places_of(self.policies)
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
                tf.concat([keys, values, *alone], axis=1),
                axis=1,
                separator=filter_columns.SEPARATOR,
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

        Both must hold: a value in a request is no alternative to those of its policy.
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
