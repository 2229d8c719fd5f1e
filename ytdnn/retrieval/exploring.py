"""Exploration in a slate: places for young uploads, and random order.

A recommender that always shows its best estimates never learns about the rest, above
all about new uploads. Two ways to spend part of a slate on exploration:

- *Reserved places* (`young_every`): the j-th best young upload is at place
j · `young_every` or higher. Nothing is random, and all other videos keep their order.
- *Sampling* (`temperature`): the first `explore_top` are drawn one after the other
  without replacement, each in proportion to exp(order / temperature) among those left
  (Plackett and Luce). Adding Gumbel noise and sorting does just that (Yellott, 1977).

Propensities are logged, so that other orders can be judged by the same log
(`lab/metrics/off_policy.py`). The noise is a hash of the request and the video: the
same request gets the same slate in any batch, and the graph has no random operation.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs, errors, schema
from ytdnn.log import prepared
from ytdnn.retrieval import fresh_uploads, row_ops

_FIRST, _SECOND = -4658895280553007687, -7723592293110705685  # SplitMix64's, signed
_STEP = -7046029254386353131
_MASK_53 = (1 << 53) - 1


class Explorer(tf.Module):
    """Changes the order of slates; it does nothing unless the config sets exploration.

    Attributes:
      samples: Whether places are drawn at random, so that there are propensities.
    """

    def __init__(
        self, config: configs.CompositionConfig, catalogue: prepared.Catalogue
    ) -> None:
        """Takes the settings of exploration.

        Raises:
          errors.UserError: Places are reserved, but the log has no upload times.
        """
        super().__init__()
        self.samples = config.temperature > 0.0
        self._temperature, self._top = config.temperature, config.explore_top
        self._every = config.young_every
        self._young_seconds = round(config.young_days * schema.DAY_SECONDS)
        self._uploads = None
        if self._every:
            self._uploads = tf.Variable(_upload_times(catalogue), trainable=False)

    def __call__(
        self,
        videos: tf.Tensor,
        order: tf.Tensor,
        times: tf.Tensor,
        watched: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns the new order, and propensities (None where nothing is drawn).

        Args:
          videos: `[batch, n] int32`, 0 where there is none.
          order: `[batch, n] float32`, higher is better, `-inf` = not in the slate.
          times: `[batch] int64` times of the requests, seconds, 0 = unknown.
          watched: `[batch, m] int32`, the history, 0 where there is none.

        Returns:
          `[batch, n] float32` both. The propensity of a video is that of its place,
          given the places before it.
        """
        if self.samples:
            seeds = request_seeds(times, watched)
            return sampled(order, gumbel(seeds, videos), self._temperature, self._top)
        if self._uploads is not None:
            uploads = tf.gather(self._uploads, videos)
            age = times[:, tf.newaxis] - uploads
            is_young = (uploads >= 0) & (age >= 0) & (age < self._young_seconds)
            order = reserved(order, is_young, self._every)
        return order, None

    def drawn(self, order: tf.Tensor) -> tf.Tensor:
        """Returns whether the place of each video is drawn, `[batch, n] bool`.

        Args:
          order: See `__call__`.
        """
        return (row_ops.ranks(order) < self._top) & tf.math.is_finite(order)


def reserved(order: tf.Tensor, is_young: tf.Tensor, every: int) -> tf.Tensor:
    """Returns the order with young uploads at their reserved places, or above them.

    Both kinds keep the order among themselves; the j-th young one (from 1) has at most
    `j · (every - 1)` others before it.

    >>> order = tf.constant([[4.0, 3.0, 2.0, 1.0]])
    >>> is_young = tf.constant([[False, False, False, True]])
    >>> tf.argsort(-reserved(order, is_young, 2)).numpy()
    array([[0, 3, 1, 2]], dtype=int32)

    Args:
      order: `[batch, n] float32`, `-inf` = not in the slate.
      is_young: `[batch, n] bool`.
      every: Distance of reserved places.
    """
    places = row_ops.best_first(order)
    young = tf.cast(tf.gather(is_young, places, batch_dims=1), tf.int32)
    before = tf.cumsum(young, axis=1, exclusive=True)  # young ones
    others = tf.range(tf.shape(order)[1])[tf.newaxis] - before
    at_most = tf.minimum(others, (before + 1) * (every - 1))
    key = tf.where(young > 0, 2 * at_most - 1, 2 * others)
    size = tf.cast(tf.shape(order)[1], tf.float32)
    moved = -tf.cast(key, tf.float32) - 0.001 * tf.cast(before, tf.float32) / size
    moved = row_ops.put_back(moved, places)
    return tf.where(tf.math.is_finite(order), moved, order)


def sampled(
    order: tf.Tensor, noise: tf.Tensor, temperature: float, top: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a drawn order, and the propensity of each video at its place.

    Args:
      order: `[batch, n] float32`, `-inf` = not in the slate.
      noise: `[batch, n] float32`, Gumbel.
      temperature: In units of `order`; a higher one explores more.
      top: Number of the best videos that are drawn; the others follow in their order,
        with propensity 1.
    """
    ranks = row_ops.ranks(order)
    is_drawn = (ranks < top) & tf.math.is_finite(order)
    weight = tf.where(is_drawn, order / temperature, float("-inf"))
    behind = -1e6 - tf.cast(ranks, tf.float32)  # below all that is drawn, in order
    drawn = tf.where(is_drawn, weight + noise, behind)
    drawn = tf.where(tf.math.is_finite(order), drawn, order)
    places = row_ops.best_first(drawn)
    best = tf.reduce_max(weight, axis=1, keepdims=True)
    best = tf.where(tf.math.is_finite(best), best, tf.zeros_like(best))
    shares = tf.exp(tf.cast(weight - best, tf.float64))
    shares = tf.gather(shares, places, batch_dims=1)
    left = tf.cumsum(shares, axis=1, reverse=True)
    chance = tf.where(shares > 0.0, shares / tf.maximum(left, 1e-300), 1.0)
    return drawn, row_ops.put_back(tf.cast(chance, tf.float32), places)


def request_seeds(times: tf.Tensor, watched: tf.Tensor) -> tf.Tensor:
    """Returns a hash of each request's time and history, `[batch] int64`.

    Args:
      times: `[batch] int64`.
      watched: `[batch, m] int32`; padding does not count.
    """
    known = tf.cast(watched, tf.int64)
    mixed = tf.where(known > 0, _mixed(known), tf.zeros_like(known))
    return _mixed(_mixed(times) + tf.reduce_sum(mixed, axis=1))


def gumbel(seeds: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
    """Returns Gumbel noise of each request and video, `[batch, n] float32`.

    Args:
      seeds: `[batch] int64`.
      videos: `[batch, n] int32`.
    """
    mixed = _mixed(seeds[:, tf.newaxis] + _mixed(tf.cast(videos, tf.int64)))
    bits = tf.bitwise.bitwise_and(
        tf.bitwise.right_shift(mixed, tf.constant(11, tf.int64)), _MASK_53
    )
    uniform = (tf.cast(bits, tf.float64) + 0.5) * 2.0**-53
    return tf.cast(-tf.math.log(-tf.math.log(uniform)), tf.float32)


def _mixed(values: tf.Tensor) -> tf.Tensor:
    """Returns values with their bits mixed, as SplitMix64 does; sums may wrap."""
    values = values + _STEP
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        values = tf.bitwise.bitwise_xor(values, _shifted(values, shift)) * factor
    return tf.bitwise.bitwise_xor(values, _shifted(values, 31))


def _shifted(values: tf.Tensor, shift: int) -> tf.Tensor:
    """Returns values shifted right, zeros in front."""
    kept = tf.bitwise.right_shift(values, tf.constant(shift, tf.int64))
    return tf.bitwise.bitwise_and(kept, tf.constant((1 << (64 - shift)) - 1, tf.int64))


def _upload_times(catalogue: prepared.Catalogue) -> npt.NDArray[np.int64]:
    if schema.UPLOAD_TIME not in catalogue.videos.columns:
        raise errors.UserError(
            "expected videos.upload_time in the log for "
            "--config.composition.young_every, found none: leave it out"
        )
    return fresh_uploads.upload_times(catalogue)
