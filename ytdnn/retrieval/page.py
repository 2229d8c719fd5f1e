"""From the ranker's scores to the order of a slate: blend, caps, diversity."""

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.log import positions, prepared
from ytdnn.retrieval import channels, diversity, placing, rows


class Rule(tf.Module):
    """The rule that orders a slate.

    Attributes:
      needs_scores: Whether the candidate model's scores are an input.
      caps: Whether the number of videos of a channel is capped.
      rerankers: Functions of videos and order, as `diversity.Diversity`, that change
        the order afterwards; each with its name in `placing` for the videos it moves
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
        self.rerankers = [(placing.RERANKED, one.make(config, data)) for one in others]
        diverse = diversity.from_config(config, data)
        if diverse is not None:
            self.rerankers.insert(0, (placing.DIVERSITY, diverse))
        # `tf.Module` does not look into tuples for variables.
        found = [reranked for _, reranked in self.rerankers]
        self._modules = [one for one in found if isinstance(one, tf.Module)]
        self.needs_scores = config.blend_weight > 0.0
        self._weight = config.blend_weight
        self._most = config.max_per_channel
        self.caps = self._most > 0
        channels.require(config, data.catalogue)
        self._channels = None
        if self._most:
            self._channels = tf.Variable(
                channels.channel_indices(data.catalogue), trainable=False
            )

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
        order = logits
        if self.needs_scores and scores is not None:
            order = blended(logits, scores, self._weight)
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
