"""An index with videos that were added to the catalogue after it was built.

The main part stays as it is; the vectors of the added videos are searched exactly, and
the two results are merged (DESIGN §6). All operations are stock TensorFlow except those
of the main part.
"""

from typing import Any

import tensorflow as tf

from ytdnn.retrieval.index import brute_force, interface


class WithDelta(tf.Module):
    """A main part and a delta part, searched as one index.

    Attributes:
      vectors: Vectors of both parts, as `interface.rows_of` and `interface.products`
        read them.
      search: Search as in `interface.SearchModule`. In a tie, videos of the main part
        come first.
    """

    def __init__(self, main: Any, added: interface.Vectors) -> None:
        """Joins the parts.

        Args:
          main: A `SearchModule`, or one that was loaded.
          added: `[num_added, dim] float32`, at least one, vectors of the videos after
            those of the main part.
        """
        super().__init__()
        interface.check_vectors(added)
        self._num_main = int(main.num_videos.numpy())
        self._num_added = len(added)
        self._main = main
        self._delta = brute_force.BruteForceModule(added)
        self.vectors = interface.Stacked(main.vectors, self._delta.vectors)

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> brute_force.Found:
        """Returns each query's k best videos of both parts, best first.

        Args:
          queries: `[batch, dim] float32`.
          k: `[] int32`.

        Returns:
          video indices `[batch, k] int32` and scores `[batch, k] float32`, padded as
          for any index.
        """
        of_main, found = tf.minimum(k, self._num_main), tf.minimum(k, self._num_added)
        videos, scores = self._main.search(queries, of_main)
        added, added_scores = self._delta.search(queries, found)
        videos = tf.concat([videos, added + self._num_main], axis=1)
        scores = tf.concat([scores, added_scores], axis=1)
        best, places = tf.math.top_k(scores, tf.minimum(k, of_main + found))
        return interface.padded(tf.gather(videos, places, batch_dims=1), best, k)
