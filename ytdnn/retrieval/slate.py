"""From the ranker's scores to the order of a slate: caps, diversity.

A slate with exploration, reserved places or caps is not in the order of its scores:
each video has the reason of its place. Only the videos placed by their score are in
that order among themselves.

Requests cap the videos of each value of a column:

    {"max_per": {"channel_id": 2, "topic": 3}}

The signatures take the columns as texts and a number for each. The slate is filled best
first: a video enters unless its channel, or its topic, is full. A cap of the config is
one more of every request. A video without a value is not capped.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from ytdnn.base import configs, registries, schema
from ytdnn.log import prepared
from ytdnn.retrieval import (
    diversity,
    filter_graph,
    filter_schema,
    impression_rates,
    row_ops,
)

Config = configs.CompositionConfig

SCORE, SAMPLED, RESERVED, CAP = "score", "sampled", "reserved", "cap"
DIVERSITY, RERANKED = "diversity", "reranked"
NAMES = (SCORE, SAMPLED, RESERVED, CAP, DIVERSITY, RERANKED)  # by code
MEANING = (
    "score: in its place by the score; sampled: drawn; reserved: a young upload moved "
    "up; cap: moved up in place of videos of a channel that had its share; diversity: "
    "moved up in place of videos more like those before it; reranked: moved up by a "
    "re-ranker of the bundle's"
)
_MOST = 2**31 - 1
Reranker = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def _reranker(name: str, config: Config, data: prepared.PreparedData) -> Reranker:
    """Returns a re-ranker, tried on a slate of the first videos.

    Raises:
      errors.UserError: It returns no order of that slate.
    """
    made: Reranker = registries.RERANKERS.made(name, Callable, config, data)
    videos = tf.range(1, 1 + min(config.num_candidates, data.num_videos))[tf.newaxis]
    order = made(videos, -tf.cast(videos, tf.float32))
    order = registries.RERANKERS.array(order, videos.shape, name, made, "float32")
    is_nan = tf.reduce_any(tf.math.is_nan(order))
    registries.RERANKERS.require(not is_nan, "numbers", "NaN", name, made)
    return made


class SlateOrder(tf.Module):
    """Orders a slate: caps, re-rankers.

    Attributes:
      is_counted: Whether counts of impressions order instead of the ranker.
      most: Most videos of a channel; 0: any number.
      rerankers: Functions of videos and order, as `diversity.Diversity`, that change
        the order afterwards; each with the reason of a place for the videos it moves
        up.
    """

    def __init__(self, config: Config, data: prepared.PreparedData) -> None:
        """Reads the cap, and makes the re-rankers.

        Raises:
          errors.UserError: The log has no channels to cap, or lacks the columns that
            diversity needs.
        """
        super().__init__()
        self.rerankers = [
            (RERANKED, _reranker(name, config, data)) for name in config.rerankers
        ]
        diversity.require(config, data.catalogue)
        if config.diversifies:
            self.rerankers.insert(0, (DIVERSITY, diversity.Diversity(config, data)))
        # `tf.Module` does not look into tuples for variables.
        masks = [reranked for _, reranked in self.rerankers]
        self._modules = [source for source in masks if isinstance(source, tf.Module)]
        self.most = config.max_per_channel
        self.is_counted = config.ordered_by != "ranker"
        if self.is_counted:
            counts = impression_rates.served(data, config.ordered_by)
            self._counts = tf.Variable(counts, trainable=False, name="counted_order")
        self._channels = None
        if self.most:
            indices = filter_schema.indices(data.catalogue, schema.CHANNEL_ID)
            self._channels = tf.Variable(indices, trainable=False)

    def __call__(self, videos: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the order `[batch, n] float32`, `-inf` = not in the slate.

        Args:
          videos: `[batch, n] int32`, 0 where there is none.
          logits: `[batch, n] float32`, log of the ranker's scores.
        """
        order = self.cap(videos, self.uncapped(videos, logits))
        for _, reranked in self.rerankers:
            order = reranked(videos, order)
        return order

    def uncapped(self, videos: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the order before any channel is capped; see `__call__`."""
        order = tf.gather(self._counts, videos) if self.is_counted else logits
        return tf.where(videos > 0, order, float("-inf"))

    def cap(self, videos: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        """Returns the order, with `-inf` for videos beyond the cap, if there is one.

        Args:
          videos: `[batch, n] int32`, 0 where there is none.
          order: `[batch, n] float32`, `-inf` = not in the slate.
        """
        if self._channels is None:
            return order
        of_videos = tf.gather(self._channels, videos)[:, tf.newaxis]
        return capped(order, of_videos, tf.fill([tf.shape(videos)[0], 1], self.most))


def capped(order: tf.Tensor, of_videos: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
    """Returns the order of the slate that takes the best video again and again.

    A video whose value in some column is that of enough videos taken before is left
    out. The rule for all videos at once is repeated until nothing changes: each time,
    one more of the first places at least is final. With one column, the first is.

    Args:
      order: `[batch, n] float32`, higher is better, `-inf` = none; ties keep places.
      of_videos: `[batch, columns, n] int32` values, 0 = unknown, which is not capped.
      most: `[batch, columns] int32`, most videos of a value.
    """
    places = row_ops.best_first(order)
    batch, columns, size = tf.unstack(tf.shape(of_videos))
    places_of_columns = tf.repeat(places, columns, axis=0)
    values = tf.gather(
        tf.reshape(of_videos, [-1, size]), places_of_columns, batch_dims=1
    )
    count = row_ops.Occurrences(values)
    limits = tf.where(values > 0, tf.reshape(most, [-1, 1]), _MOST)

    def fit(numbers: tf.Tensor) -> tf.Tensor:
        fits = tf.reshape(numbers < limits, [batch, columns, size])
        return tf.ensure_shape(tf.reduce_all(fits, axis=1), places.shape)

    stays: tf.Tensor = tf.while_loop(
        lambda before, after: (columns > 1) & tf.reduce_any(before != after),
        lambda _, after: (after, fit(count(tf.repeat(after, columns, axis=0)))),
        (tf.ones_like(places, tf.bool), fit(count())),
    )[1]
    return tf.where(row_ops.put_back(stays, places), order, float("-inf"))


class Caps(tf.Module):
    """Reads the caps of requests.

    Attributes:
      columns: Columns that can be capped.
    """

    def __init__(self, filters: filter_graph.Filters) -> None:
        """Uses the columns that conditions can be put on."""
        super().__init__()
        self._filters = filters
        self.columns = tuple(filters.columns)

    def __call__(
        self,
        raw: Mapping[str, tf.Tensor],
        videos: tf.Tensor,
        order: tf.Tensor,
        rule: SlateOrder | None = None,
    ) -> tf.Tensor:
        """Returns the order, with `-inf` for videos beyond the caps of their request.

        An unknown column permits nothing, as with conditions.

        Args:
          raw: The requests.
          videos: `[batch, n] int32`, 0 where there is none.
          order: `[batch, n] float32`, `-inf` = not in the slate.
          rule: Has the cap that holds for all requests; None: there is none.
        """

        def own() -> tf.Tensor:
            return order if rule is None else rule.cap(videos, order)

        if schema.MAX_PER_COLUMNS not in raw or not self.columns:
            return own()
        most = rule.most if rule is not None else 0
        return tf.cond(
            tf.reduce_any(raw[schema.MAX_PER_COLUMNS] != ""),
            lambda: capped(order, *self._read(raw, videos, most)),
            own,
        )

    def _read(
        self, raw: Mapping[str, tf.Tensor], videos: tf.Tensor, most: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns values and limits of all caps, as `capped` takes them.

        Args:
          raw: The requests.
          videos: See `__call__`.
          most: Most videos of a channel in every request; 0: any number.
        """
        names, counts = raw[schema.MAX_PER_COLUMNS], raw[schema.MAX_PER_COUNTS]
        lacking = tf.maximum(tf.shape(names)[1] - tf.shape(counts)[1], 0)
        counts = tf.pad(counts, [[0, 0], [0, lacking]])[:, : tf.shape(names)[1]]
        if most:
            last = [[0, 0], [0, 1]]
            names = tf.pad(names, last, constant_values=schema.CHANNEL_ID)
            counts = tf.pad(counts, last, constant_values=most)
        is_own = tf.equal(names[:, :, tf.newaxis], tf.constant(self.columns))
        places = list(self._filters.columns.values())
        columns = tf.reduce_sum(tf.where(is_own, places, 0), axis=2, keepdims=True)
        codes = self._filters.lists().codes_of(columns, videos[:, tf.newaxis])
        is_known = tf.reduce_any(is_own, axis=2)
        # No video of an unknown column, any number where there is no name.
        counts = tf.where(is_known, counts, tf.where(names == "", _MOST, 0))
        return tf.where(is_known[:, :, tf.newaxis], codes, 1), counts


def risen(before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Returns whether each video is higher in the later order, `[batch, n] bool`.

    >>> before, after = tf.constant([[3.0, 2.0, 1.0]]), tf.constant([[3.0, 1.0, 2.0]])
    >>> risen(before, after).numpy()
    array([[False, False,  True]])

    Args:
      before: `[batch, n] float32`, higher is better, `-inf` = not in the slate; ties
        keep their places.
      after: Likewise.
    """
    return tf.math.is_finite(after) & (row_ops.ranks(after) < row_ops.ranks(before))


def codes(
    sampled: tf.Tensor | None,
    reserved: tf.Tensor | None,
    cap: tf.Tensor | None,
    reranked: Mapping[str, tf.Tensor] | None = None,
) -> tf.Tensor | None:
    """Returns the index in `NAMES` of the reason of each place, `[batch, n] int32`.

    Args:
      sampled: `[batch, n] bool`, drawn at random; None: nothing is drawn.
      reserved: `[batch, n] bool`, moved up to a reserved place; None: nothing is.
      cap: `[batch, n] bool`, moved up by a cap; drawn and reserved ones count as those.
      reranked: `[batch, n] bool` for each re-ranker that moved videos up, by name.
    """
    sources = None
    for mask, name in (
        *((mask, name) for name, mask in (reranked or {}).items()),
        (cap, CAP),
        (reserved, RESERVED),
        (sampled, SAMPLED),
    ):
        if mask is None:
            continue
        other = tf.zeros_like(mask, tf.int32) if sources is None else sources
        sources = tf.where(mask, NAMES.index(name), other)
    return sources
