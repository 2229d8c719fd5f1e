"""The videos an answer may hold: not watched, excluded or removed; on the allow-list.

A request has `exclude_ids`, `allow_ids` and conditions on columns of videos. Videos
removed from the bundle are left out for all requests.
"""

from typing import NamedTuple

import tensorflow as tf

from ytdnn.log import lookups
from ytdnn.retrieval import filter_conditions as filter_conditions
from ytdnn.retrieval import row_ops


class AllowedVideos(NamedTuple):
    """The videos that answers to some requests may hold.

    Attributes:
      excluded: `[batch, n] int32` catalogue indices that are left out, watched ones
        among them; 0 = none.
      allowed: `[batch, m] int32` allow-lists, 0 = none; None: no request has one.
      is_limited: `[batch] bool`, requests with an allow-list; a list of unknown videos
        only permits nothing.
      removed: Videos left out of every answer; None: nothing was removed.
      conditions: Conditions on columns of videos; None: there are none.
    """

    excluded: tf.Tensor
    allowed: tf.Tensor | None = None
    is_limited: tf.Tensor | None = None
    removed: lookups.RemovedVideos | None = None
    conditions: filter_conditions.Conditions | None = None

    @property
    def num_excluded(self) -> tf.Tensor:
        """Number of ids that each request excludes, with repeats, `[batch] int32`."""
        return tf.reduce_sum(tf.cast(self.excluded > 0, tf.int32), axis=1)

    @property
    def num_removed(self) -> tf.Tensor:
        """Number of removed videos, `[] int32`."""
        return tf.constant(0) if self.removed is None else self.removed.count

    def holds(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether an answer may hold each video, `[batch, k] bool`.

        Args:
          videos: `[batch, k] int32` catalogue indices; never 0.
        """
        excluded = row_ops.contains(self.excluded, videos)
        return self.holds_if_not_excluded(videos) & ~excluded

    def holds_if_not_excluded(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns whether videos are permitted that `excluded` does not hold."""
        held = videos > 0
        if self.removed is not None:
            held &= ~self.removed.contains(videos)
        if self.conditions is not None:
            held &= self.conditions.holds(videos)
        if self.allowed is None or self.is_limited is None:
            return held
        is_free = ~self.is_limited[:, tf.newaxis]
        return tf.cond(
            tf.reduce_all(is_free),
            lambda: held,
            lambda: held & (row_ops.contains(self.allowed, videos) | is_free),
        )

    def take(self, mask: tf.Tensor) -> "AllowedVideos":
        """Returns the limits of some of the requests, `mask [batch] bool`."""
        excluded, allowed, is_limited = (
            None if values is None else tf.boolean_mask(values, mask)
            for values in self[:3]
        )
        conditions = self.conditions
        if conditions is not None:
            conditions = conditions.take(mask)
        return AllowedVideos(excluded, allowed, is_limited, self.removed, conditions)
