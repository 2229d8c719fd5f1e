"""The candidate model as a source: the index asked with the user's vector."""

import tensorflow as tf

from ytdnn.retrieval import interface, nearest


class TowerSource(interface.Source):
    """The videos of the largest scores."""

    kind = interface.TOWER

    def __init__(self, num: int, search: nearest.Nearest) -> None:
        """Takes the search.

        Args:
          num: Videos to propose.
          search: Among the videos that lists can hold.
        """
        super().__init__(num)
        self._search = search

    def propose(self, asked: interface.SourceRequests) -> interface.Proposal:
        """Returns the best permitted videos."""
        videos, _ = self.search(asked)
        found = tf.pad(videos, [[0, 0], [0, self.num - tf.shape(videos)[1]]])
        found = tf.ensure_shape(found, [None, self.num])
        return interface.Proposal(found, tf.zeros_like(found))

    def search(self, asked: interface.SourceRequests) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the best permitted videos, best first.

        Returns:
          indices `[batch, n] int32` and scores `[batch, n] float32`, 0 and `-inf`
          where there is no candidate.
        """
        num = tf.constant(min(self.num, self._search.num_videos))
        return self._search.search(asked.user_vectors, num, asked.permitted)
