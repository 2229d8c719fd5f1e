"""The candidate model as a source: the index asked with the user's vector."""

import tensorflow as tf

from ytdnn.retrieval import interface, rows


class Tower(interface.Source):
    """The videos of the largest scores."""

    kind = interface.TOWER

    def __init__(self, num: int, searcher: tf.Module, num_videos: int) -> None:
        """Takes a search module.

        Args:
          num: Videos to propose.
          searcher: Has `search(queries [batch, dim], k)`.
          num_videos: In the index.
        """
        super().__init__(num)
        self._searcher = searcher
        self._num_videos = num_videos

    def propose(self, asked: interface.Asked) -> interface.Proposal:
        """Returns the best unwatched videos."""
        videos, scores = self.search(asked)
        keep = tf.math.is_finite(scores)
        found = rows.closed_up(videos, keep, self.num)
        return interface.Proposal(found, tf.zeros_like(found))

    def search(self, asked: interface.Asked) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the best unwatched videos, best first.

        The index is asked for as many more as the request has watched, so that enough
        are left when those are removed.

        Returns:
          indices `[batch, n] int32` and scores `[batch, n] float32`, `-inf` where
          there is no candidate.
        """
        num_watched = tf.reduce_sum(tf.cast(asked.watched > 0, tf.int32), axis=1)
        width = tf.minimum(self.num + rows.largest(num_watched), self._num_videos)
        videos, scores = self._searcher.search(asked.user_vectors, width)
        valid = tf.math.is_finite(scores) & (videos > 0)
        valid &= ~rows.contains(asked.watched, videos)
        scores = tf.where(valid, scores, tf.constant(float("-inf")))
        scores, slots = tf.math.top_k(scores, tf.minimum(self.num, width))
        return tf.gather(videos, slots, batch_dims=1), scores
