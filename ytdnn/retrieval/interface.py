"""The interface of a candidate source: requests to catalogue indices, in the graph.

The same code proposes in exported graphs, in evaluation and in the replay of logged
requests.
"""

from typing import NamedTuple

import tensorflow as tf

from ytdnn.base import configs, errors, registries
from ytdnn.retrieval import allowed_videos, row_ops

TOWER, CO_WATCH, FRESH_UPLOADS, POPULAR = NAMES = configs.SOURCE_NAMES
"""Sources with a number of their own; see `CompositionConfig.source_names`."""


class SourceRequests(NamedTuple):
    """The inputs of candidate sources for a batch of requests.

    Attributes:
      watched: `[batch, length] int32` every watch of the history, most recent last; 0
        where there is none, or an unknown video.
      times: `[batch] int64` of the requests, seconds, 0 = unknown.
      user_vectors: `[batch, vector_dim] float32`; None where the tower is not used.
      limits: Videos that the answer may hold; None: all that were not watched.
      last_times: `[batch] int64` time of the last watch, 0 = none or unknown; None: no
        source needs it.
    """

    watched: tf.Tensor
    times: tf.Tensor
    user_vectors: tf.Tensor | None = None
    limits: allowed_videos.AllowedVideos | None = None
    last_times: tf.Tensor | None = None

    @property
    def permitted(self) -> allowed_videos.AllowedVideos:
        """The videos that may be proposed."""
        return self.limits or allowed_videos.AllowedVideos(self.watched)

    @property
    def with_watched(self) -> "SourceRequests":
        """The same requests, with answers that may hold watched videos."""
        return self._replace(limits=allowed_videos.AllowedVideos(self.watched[:, :0]))


class Proposal(NamedTuple):
    """The videos that a source proposes.

    Attributes:
      videos: `[batch, num] int32`, best first; padded with 0. No video is
        twice in a row, and all are permitted.
      seeds: `[batch, num] int32` the watch that each was found by, 0 = none.
    """

    videos: tf.Tensor
    seeds: tf.Tensor


class Source(tf.Module):
    """A candidate source.

    Attributes:
      kind: Name of the source in answers and logs: its registered name, or one of
        `NAMES`.
      num: Most videos that it proposes.
    """

    kind: str

    def __init__(self, num: int) -> None:
        """Stores the number of videos to propose."""
        super().__init__()
        self.num = num

    def propose(self, requests: SourceRequests) -> Proposal:
        """Returns the videos that the source proposes for some requests."""
        raise NotImplementedError

    def proposed(self, requests: SourceRequests) -> Proposal:
        """Returns the result of `propose`, checked.

        Raises:
          errors.UserError: That is no proposal of catalogue indices.
        """
        made = self.propose(requests)
        is_one, received = isinstance(made, Proposal), errors.kind_of(made)
        registries.SOURCES.require(is_one, "a Proposal", received, self.kind)
        return made

    def best_permitted(
        self,
        requests: SourceRequests,
        videos: tf.Tensor,
        order: tf.Tensor,
        seeds: tf.Tensor | None = None,
    ) -> Proposal:
        """Returns the first `num` videos by order that are permitted.

        Args:
          requests: The requests.
          videos: `[batch, n] int32` catalogue indices, any of them more than once.
          order: `[batch, n]`, higher is better; ties keep their places.
          seeds: `[batch, n]`, the watch that each was found by, or another value of
            each; None: there are no seeds.
        """
        by_order = row_ops.best_first(order)
        ordered = tf.gather(videos, by_order, batch_dims=1)
        limits = requests.permitted
        places = row_ops.first_places(
            ordered, self.num, limits.holds_if_not_excluded, limits.excluded
        )
        proposed = row_ops.taken(ordered, places)
        if seeds is None:
            return Proposal(proposed, tf.zeros_like(proposed))
        seeds = tf.gather(seeds, by_order, batch_dims=1)
        return Proposal(proposed, row_ops.taken(seeds, places))
