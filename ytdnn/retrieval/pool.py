"""The pool: the proposals of all sources, each video once, for one ranker to score.

The candidate model is a source too, the tower: the index searched with the user's
vector. Its scores are computed of any videos.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.log import log_tensors
from ytdnn.retrieval import filtered_search, interface, row_ops
from ytdnn.retrieval.index import interface as index_interface


class Candidates(NamedTuple):
    """Candidates of a batch of requests.

    Attributes:
      videos: `[batch, n] int32`, 0 where there is none.
      sources: `[batch, n] int32` place among the composition's `source_names`, from 1
        on; 0 = none.
      seeds: `[batch, n] int32` the watch each was found by, 0 = none.
    """

    videos: tf.Tensor
    sources: tf.Tensor
    seeds: tf.Tensor

    def take(self, rows: npt.ArrayLike) -> "Candidates":
        """Returns the candidates of a part of the requests."""
        return Candidates(*(tf.gather(values, rows) for values in self))

    def sources_of(self, videos: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns source and seed of any videos, `[batch, k] int32`, 0 = not found.

        Args:
          videos: `[batch, k] int32`.
        """
        same = tf.equal(videos[:, :, tf.newaxis], self.videos[:, tf.newaxis, :])
        same &= (videos > 0)[:, :, tf.newaxis]
        slots = tf.argmax(same, axis=-1, output_type=tf.int32)
        is_present = tf.reduce_any(same, axis=-1)
        sources, seeds = (
            tf.where(is_present, tf.gather(values, slots, batch_dims=1), 0)
            for values in (self.sources, self.seeds)
        )
        return sources, seeds


def join(
    ranked: tf.Tensor,
    kinds: Sequence[str],
    proposals: Sequence[interface.Proposal],
    composition: configs.CompositionConfig,
) -> Candidates:
    """Returns the candidates of all sources, each video once.

    The tower's best videos come first, up to its number of places, then the other
    sources, then more of the tower, until all places are taken.

    Args:
      ranked: `[batch, n] int32` proposals of the tower, enough for all places.
      kinds: Names of the other sources.
      proposals: Proposals of the other sources.
      composition: Number of places of each source.
    """
    own = composition.num_from_tower
    nothing = tf.zeros_like(ranked)
    names = composition.source_names
    tower = (1 + names.index(interface.TOWER)) * tf.ones_like(ranked)
    if not kinds:
        return Candidates(ranked, tf.where(ranked > 0, tower, 0), nothing)
    sources = [
        tf.fill(tf.shape(p.videos), 1 + names.index(kind))
        for kind, p in zip(kinds, proposals, strict=True)
    ]
    videos = [ranked[:, :own], *(p.videos for p in proposals), ranked[:, own:]]
    numbers = [tower[:, :own], *sources, tower[:, own:]]
    seeds = [nothing[:, :own], *(p.seeds for p in proposals), nothing[:, own:]]
    every = tf.concat(videos, axis=1)
    columns = (every, tf.concat(numbers, axis=1), tf.concat(seeds, axis=1))
    places = row_ops.first_places(
        every, composition.num_candidates, lambda one: one > 0
    )
    return Candidates(*(row_ops.taken(column, places) for column in columns))


class Pool(tf.Module):
    """All candidate sources of a composition."""

    def __init__(
        self,
        tower: interface.Source,
        others: Sequence[interface.Source],
        composition: configs.CompositionConfig,
    ) -> None:
        """Stores the sources.

        Args:
          tower: The candidate model, which proposes enough for all places.
          others: The other sources in order.
          composition: Number of places of each source.
        """
        super().__init__()
        self._tower = tower
        self._others = list(others)
        self._composition = composition

    def __call__(self, requests: interface.SourceRequests) -> Candidates:
        """Returns the candidates of some requests."""
        ranked = self._tower.propose(requests).videos
        proposals = [source.proposed(requests) for source in self._others]
        kinds = [source.kind for source in self._others]
        return join(ranked, kinds, proposals, self._composition)


class TowerSource(interface.Source):
    """Proposes the videos with the largest scores."""

    kind = interface.TOWER

    def __init__(self, num: int, search: filtered_search.Nearest) -> None:
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
        padded = tf.pad(videos, [[0, 0], [0, self.num - tf.shape(videos)[1]]])
        padded = tf.ensure_shape(padded, [None, self.num])
        return interface.Proposal(padded, tf.zeros_like(padded))

    def search(self, requests: interface.SourceRequests) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the best permitted videos, best first.

        Returns:
          indices `[batch, n] int32` and scores `[batch, n] float32`, 0 and `-inf`
          where there is no candidate.
        """
        num = tf.constant(min(self.num, self._search.num_videos))
        return self._search.search(requests.user_vectors, num, requests.permitted)


class Scores(tf.Module):
    """Products of a user's vector and the vectors of some videos."""

    def __init__(
        self,
        video_vectors: npt.NDArray[np.float32] | tf.Variable | index_interface.Stack,
        num_videos: int,
    ) -> None:
        """Copies the vectors, or shares the variable that holds them.

        Args:
          video_vectors: `[num_videos, dim] float32`; row i is video index i + 1.
          num_videos: Number of videos with a vector, the first of the catalogue.
        """
        super().__init__()
        self._num_known = num_videos
        is_shared = isinstance(video_vectors, tf.Variable | index_interface.Stack)
        self._vectors = (
            video_vectors if is_shared else tf.Variable(video_vectors, trainable=False)
        )

    def __call__(self, user_vectors: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns `[batch, k] float32`, `NO_SCORE` for videos without a vector.

        Args:
          user_vectors: `[batch, dim] float32`.
          videos: `[batch, k] int32` catalogue indices.
        """
        vectors, known = self._rows(videos)
        scores = tf.linalg.matvec(vectors, user_vectors)
        return tf.where(known, scores, log_tensors.NO_SCORE)

    def cosines(self, videos: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Returns cosines of videos and others, `[batch, k, n] float32`.

        The last coordinate of the vectors, the bias, is left out. A video without a
        vector has -1.

        Args:
          videos: `[batch, k] int32` catalogue indices.
          others: `[batch, n] int32` likewise.
        """
        (left, known), (right, other_known) = map(self._rows, (videos, others))
        units = (tf.math.l2_normalize(x[..., :-1], axis=-1) for x in (left, right))
        both = known[:, :, tf.newaxis] & other_known[:, tf.newaxis, :]
        return tf.where(both, tf.matmul(*units, transpose_b=True), -1.0)

    def _rows(self, videos: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns vectors `[batch, k, dim]`, and which are known, `[batch, k]`."""
        known = (videos > 0) & (videos <= self._num_known)
        rows = tf.where(known, videos - 1, tf.zeros_like(videos))
        return index_interface.rows_of(self._vectors, rows), known
