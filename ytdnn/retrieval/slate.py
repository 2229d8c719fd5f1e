"""From the ranker's scores to the order of a slate: blend, caps, diversity.

A slate with exploration, reserved places or caps is not in the order of its scores:
each video has the reason of its place. Only the videos placed by their score are in
that order among themselves.

Requests cap the videos of each value of a column:

    {"max_per": {"channel_id": 2, "topic": 3}}

The signatures take the columns as texts and a number for each. The best videos of each
channel, and of each topic, stay. Several caps are applied one after the other, in the
order of the columns of the log. A video without a value is not capped.
"""

from collections.abc import Mapping

import tensorflow as tf

from ytdnn.base import configs, registries, schema
from ytdnn.log import positions, prepared
from ytdnn.retrieval import attributes, column_filters, diversity, rows, shown_counts

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


class SlateOrder(tf.Module):
    """Orders a slate: blend, caps, re-rankers.

    Attributes:
      needs_scores: Whether the candidate model's scores are an input.
      is_counted: Whether counts of impressions order instead of the ranker.
      caps: Whether the number of videos of a channel is capped.
      rerankers: Functions of videos and order, as `diversity.Diversity`, that change
        the order afterwards; each with the reason of a place for the videos it moves
        up.
    """

    def __init__(
        self, config: configs.CompositionConfig, data: prepared.PreparedData
    ) -> None:
        """Reads the weight of the blend and the cap.

        Raises:
          errors.UserError: The log has no channels to cap, or lacks the columns that
            diversity needs.
        """
        super().__init__()
        others = (registries.RERANKERS[name] for name in config.rerankers)
        self.rerankers = [(RERANKED, source.make(config, data)) for source in others]
        diversity.require(config, data.catalogue)
        if config.diversifies:
            diverse = diversity.Diversity(config, data)
            self.rerankers.insert(0, (DIVERSITY, diverse))
        # `tf.Module` does not look into tuples for variables.
        masks = [reranked for _, reranked in self.rerankers]
        self._modules = [source for source in masks if isinstance(source, tf.Module)]
        self.needs_scores = config.blend_weight > 0.0
        self._weight = config.blend_weight
        self._most = config.max_per_channel
        self.caps = self._most > 0
        self.is_counted = config.ordered_by != "ranker"
        if self.is_counted:
            counts = shown_counts.served(data, config.ordered_by)
            self._counts = tf.Variable(counts, trainable=False)
        self._channels = None
        if self._most:
            indices = attributes.indices(data.catalogue, schema.CHANNEL_ID)
            self._channels = tf.Variable(indices, trainable=False)

    def __call__(
        self, videos: tf.Tensor, logits: tf.Tensor, scores: tf.Tensor | None
    ) -> tf.Tensor:
        """Returns the order `[batch, n] float32`, `-inf` = not in the slate.

        Args:
          videos: `[batch, n] int32`, 0 where there is none.
          logits: `[batch, n] float32`, log of the ranker's scores.
          scores: `[batch, n] float32` of the candidate model; None: no blend.
        """
        order = self.cap(videos, self.blend(videos, logits, scores))
        for _, reranked in self.rerankers:
            order = reranked(videos, order)
        return order

    def blend(
        self, videos: tf.Tensor, logits: tf.Tensor, scores: tf.Tensor | None
    ) -> tf.Tensor:
        """Returns the order before any channel is capped; see `__call__`."""
        order = tf.gather(self._counts, videos) if self.is_counted else logits
        if self.needs_scores and scores is not None:
            order = blended(order, scores, self._weight)
        return tf.where(videos > 0, order, float("-inf"))

    def cap(self, videos: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        """Returns the order, with `-inf` for videos beyond the cap, if there is one.

        Args:
          videos: `[batch, n] int32`, 0 where there is none.
          order: `[batch, n] float32`, `-inf` = not in the slate.
        """
        if self._channels is None:
            return order
        return capped(order, tf.gather(self._channels, videos), self._most)


def blended(logits: tf.Tensor, scores: tf.Tensor, weight: float) -> tf.Tensor:
    """Returns `logit + weight · score`, `[batch, n] float32`.

    A candidate score is a log-probability up to a constant of the whole list, so this
    is the log of the ranker's score times a power of that probability. Videos without a
    score take the lowest of the list.

    Args:
      logits: `[batch, n] float32`.
      scores: `[batch, n] float32`, `positions.NO_SCORE` where there is none.
      weight: Weight of the scores.
    """
    known = scores > positions.NO_SCORE
    lowest = tf.reduce_min(tf.where(known, scores, float("inf")), axis=1, keepdims=True)
    lowest = tf.where(tf.math.is_finite(lowest), lowest, 0.0)
    return logits + weight * tf.where(known, scores, lowest)


def capped(order: tf.Tensor, of_videos: tf.Tensor, most: int | tf.Tensor) -> tf.Tensor:
    """Returns the order with at most `most` videos of a channel: the best stay.

    Args:
      order: `[batch, n] float32`, higher is better, `-inf` = none; ties keep places.
      of_videos: `[batch, n] int32` channels, 0 = unknown, which is not capped.
      most: Most videos of a channel; one number, or `[batch, 1] int32`.
    """
    places = rows.best_first(order)
    ordered = tf.gather(of_videos, places, batch_dims=1)
    exceeds = (rows.occurrence(ordered) >= most) & (ordered > 0)
    return tf.where(rows.put_back(exceeds, places), float("-inf"), order)


class Caps(tf.Module):
    """Reads the caps of requests.

    Attributes:
      columns: Columns that can be capped.
    """

    def __init__(self, filters: column_filters.Filters) -> None:
        """Uses the columns that conditions can be put on."""
        super().__init__()
        self._filters = filters
        self.columns = tuple(filters.columns)

    def __call__(
        self, raw: Mapping[str, tf.Tensor], videos: tf.Tensor, order: tf.Tensor
    ) -> tf.Tensor:
        """Returns the order, with `-inf` for videos beyond the caps of their request.

        An unknown column permits nothing, as with conditions.

        Args:
          raw: The requests; without caps the order is returned as it is.
          videos: `[batch, n] int32`, 0 where there is none.
          order: `[batch, n] float32`, `-inf` = not in the slate.
        """
        if schema.MAX_PER_COLUMNS not in raw or not self.columns:
            return order
        names = raw[schema.MAX_PER_COLUMNS]
        counts = raw[schema.MAX_PER_COUNTS]
        return tf.cond(
            tf.reduce_any(names != ""),
            lambda: self._capped(names, counts, videos, order),
            lambda: order,
        )

    def _capped(
        self, names: tf.Tensor, counts: tf.Tensor, videos: tf.Tensor, order: tf.Tensor
    ) -> tf.Tensor:
        """Returns the order; for arguments see `__call__`.

        Args:
          names: `[batch, m]` columns, empty where there is none.
          counts: `[batch, n] int32`, the most videos of each value of a column.
          videos: See `__call__`.
          order: See `__call__`.
        """
        lacking = tf.maximum(tf.shape(names)[1] - tf.shape(counts)[1], 0)
        counts = tf.pad(counts, [[0, 0], [0, lacking]])[:, : tf.shape(names)[1]]
        known = tf.equal(names, "")
        lists = self._filters.lists()
        for column, place in self._filters.columns.items():
            is_own = tf.equal(names, column)
            known |= is_own
            most = tf.reduce_min(tf.where(is_own, counts, _MOST), axis=1)
            order = tf.cond(
                tf.reduce_any(is_own),
                lambda order=order, place=place, most=most: capped(
                    order, lists.codes_of(place, videos), most[:, tf.newaxis]
                ),
                lambda order=order: order,
            )
        is_known = tf.reduce_all(known, axis=1, keepdims=True)
        return tf.where(is_known, order, float("-inf"))


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
    return tf.math.is_finite(after) & (rows.ranks(after) < rows.ranks(before))


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
