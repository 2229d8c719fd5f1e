"""The nearest permitted videos: a longer list of the index, or the vectors scored.

The index is searched for a list that is longer by the number of excluded videos, and
these are then left out, so the only cost that grows with the corpus is that of the
index. Where that is not enough, the vectors themselves are scored: those of an
allow-list; those that conditions permit, if these are few; or all, if a request
excludes very many videos or too few videos are left. So a list holds all permitted
videos, up to the requested length.

Conditions that permit many videos lengthen the list of the index by the inverse of
their share. Others are exact: at most `FEW` permitted videos are gathered and scored,
else all are, and those that are not permitted are masked.
"""

import tensorflow as tf

from ytdnn.retrieval import from_vectors as making
from ytdnn.retrieval import permitted as permitted_room
from ytdnn.retrieval import rows
from ytdnn.retrieval.index import interface

MOST_EXCLUDED = 2_000  # Most ids a request may exclude for the index to be searched
# The index is searched from this permitted share on; of less, for a list of at most
# this part of the videos: 3 ms of a million, all of which take 12.
LEAST_SHARE = 0.25
MOST_LISTED = 0.01
_MARGIN = 1.2  # more than the share says, as taste and conditions go together

Lists = making.Lists


class Nearest(tf.Module):
    """Search among permitted videos.

    Attributes:
      num_videos: Number of videos in the index.
    """

    def __init__(
        self,
        searcher: tf.Module,
        num_videos: int,
        from_vectors: making.FromVectors | None = None,
    ) -> None:
        """Wraps a search module.

        Args:
          searcher: Module with `search(queries [batch, dim], k)` and `vectors`.
          num_videos: Number of videos in the index.
          from_vectors: Makes lists from the vectors; None: a new one.
        """
        super().__init__()
        self.num_videos = num_videos
        self._searcher = searcher
        self._making = from_vectors or making.FromVectors(num_videos)

    def search(
        self, queries: tf.Tensor, num: tf.Tensor, permitted: permitted_room.Permitted
    ) -> Lists:
        """Returns the best permitted videos, best first.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32` length of the lists, at most `num_videos`.
          permitted: Videos that the lists may hold.

        Returns:
          indices `[batch, num] int32` and scores `[batch, num] float32`, 0 and `-inf`
          where there are fewer.
        """
        by_index = permitted.num_excluded <= MOST_EXCLUDED
        is_limited = permitted.is_limited
        if is_limited is not None:
            by_index &= ~is_limited
        share = self._share(permitted)
        lengths = self._lengths(num, permitted, share)
        by_index &= (share >= LEAST_SHARE) | (lengths <= MOST_LISTED * self.num_videos)
        found, is_short = self._of_index(queries, num, permitted, by_index, lengths)
        mended = is_short | ~by_index
        return tf.cond(
            tf.reduce_any(mended) & (num > 0),
            lambda: self._making.replaced(
                interface.tables(self._searcher.vectors),
                found,
                queries,
                num,
                permitted,
                mended,
                share,
            ),
            lambda: found,
        )

    def _share(self, permitted: permitted_room.Permitted) -> tf.Tensor:
        """Returns the share of the videos that conditions permit, `[batch] float32`."""
        conditions = permitted.conditions
        if conditions is None:
            return tf.ones(tf.shape(permitted.excluded)[:1])

        def counted() -> tf.Tensor:
            share = tf.cast(conditions.number, tf.float32) / self.num_videos
            share = tf.minimum(share, 1.0)
            return tf.where(conditions.is_given, tf.gather(share, conditions.which), 1)

        return tf.cond(
            tf.reduce_any(conditions.is_given),
            counted,
            lambda: tf.ones(tf.shape(conditions.which)),
        )

    def _lengths(
        self, num: tf.Tensor, permitted: permitted_room.Permitted, share: tf.Tensor
    ) -> tf.Tensor:
        """Returns the length of the index's lists that is enough, `[batch] float32`.

        Args:
          num: `[] int32` length of the lists.
          permitted: Videos that the lists may hold.
          share: `[batch] float32`, share of the videos that conditions permit.
        """
        wanted = num + permitted.num_excluded + tf.minimum(permitted.num_removed, num)
        least = 1.0 / self.num_videos
        factor = tf.where(share < 1.0, _MARGIN / tf.maximum(share, least), 1.0)
        return tf.math.ceil(tf.cast(wanted, tf.float32) * factor)

    def _of_index(
        self,
        queries: tf.Tensor,
        num: tf.Tensor,
        permitted: permitted_room.Permitted,
        by_index: tf.Tensor,
        lengths: tf.Tensor,
    ) -> tuple[Lists, tf.Tensor]:
        """Returns the index's lists, and whether it may hold more, `[batch] bool`.

        Args:
          queries: `[batch, dim] float32`.
          num: `[] int32` length of the lists.
          permitted: Videos that the lists may hold.
          by_index: `[batch] bool`, requests that the index is searched for.
          lengths: `[batch] float32`, see `_lengths`.
        """
        permitted = permitted.without_lists
        lengths = tf.minimum(lengths, float(self.num_videos))
        width = rows.largest(tf.where(by_index, tf.cast(lengths, tf.int32), 0))
        width = tf.minimum(tf.maximum(width, num), self.num_videos)

        def asked() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            videos, scores = self._searcher.search(queries, width)
            known = tf.reduce_sum(tf.cast(videos > 0, tf.int32), axis=1)
            valid = tf.math.is_finite(scores) & permitted.holds(videos)
            return *making.best(
                videos, tf.where(valid, scores, making.NONE), num
            ), known

        def nothing() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            batch = tf.shape(queries)[0]
            empty = tf.stack([batch, num])
            return (
                tf.zeros(empty, tf.int32),
                tf.fill(empty, making.NONE),
                tf.zeros([batch], tf.int32),
            )

        videos, scores, known = tf.cond(tf.reduce_any(by_index), asked, nothing)
        is_short = tf.reduce_any(tf.math.is_inf(scores), axis=1)
        return (videos, scores), is_short & (known < self.num_videos)
