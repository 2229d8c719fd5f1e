"""The candidate model as a source: the index searched with the user's vector."""

import tensorflow as tf

from ytdnn.retrieval import interface, nearest


class TowerSource(interface.Source):
    """Proposes the videos with the largest scores."""

    kind = interface.TOWER

    def __init__(self, num: int, search: nearest.Nearest) -> None:
        """Stores the search.

        Args:
          num: Number of videos to propose.
          search: Search among the videos that lists can hold.
        """
        super().__init__(num)
        self._search = search

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the best permitted videos."""
        videos, _ = self.search(requests)
        found = tf.pad(videos, [[0, 0], [0, self.num - tf.shape(videos)[1]]])
        found = tf.ensure_shape(found, [None, self.num])
        return interface.Proposal(found, tf.zeros_like(found))

    def search(self, requests: interface.SourceRequests) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the best permitted videos, best first.

        Returns:
          indices `[batch, n] int32` and scores `[batch, n] float32`, 0 and `-inf`
          where there is no candidate.
        """
        num = tf.constant(min(self.num, self._search.num_videos))
        return self._search.search(requests.user_vectors, num, requests.permitted)
