"""The pool: the proposals of all sources, each video once, for one ranker to score."""

import dataclasses
from collections.abc import Sequence

import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.retrieval import interface, rows


@dataclasses.dataclass(frozen=True)
class Found:
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

    def take(self, rows: npt.ArrayLike) -> "Found":
        """Returns the candidates of a part of the requests."""
        every = (self.videos, self.sources, self.seeds)
        return Found(*(tf.gather(values, rows) for values in every))

    def sources_of(self, videos: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns source and seed of any videos, `[batch, k] int32`, 0 = not found.

        Args:
          videos: `[batch, k] int32`.
        """
        same = tf.equal(videos[:, :, tf.newaxis], self.videos[:, tf.newaxis, :])
        same &= (videos > 0)[:, :, tf.newaxis]
        slots = tf.argmax(same, axis=-1, output_type=tf.int32)
        found = tf.reduce_any(same, axis=-1)
        sources, seeds = (
            tf.where(found, tf.gather(values, slots, batch_dims=1), 0)
            for values in (self.sources, self.seeds)
        )
        return sources, seeds


def join(
    nearest: tf.Tensor,
    kinds: Sequence[str],
    proposals: Sequence[interface.Proposal],
    composition: configs.CompositionConfig,
) -> Found:
    """Returns the candidates of all sources, each video once.

    The tower's best videos come first, up to its number of places, then the other
    sources, then more of the tower, until all places are taken.

    Args:
      nearest: `[batch, n] int32` proposals of the tower, enough for all places.
      kinds: Names of the other sources.
      proposals: Proposals of the other sources.
      composition: Number of places of each source.
    """
    own = composition.num_from_tower
    nothing = tf.zeros_like(nearest)
    names = composition.source_names
    tower = (1 + names.index(interface.TOWER)) * tf.ones_like(nearest)
    if not kinds:
        return Found(nearest, tf.where(nearest > 0, tower, 0), nothing)
    sources = [
        tf.fill(tf.shape(p.videos), 1 + names.index(kind))
        for kind, p in zip(kinds, proposals, strict=True)
    ]
    videos = [nearest[:, :own], *(p.videos for p in proposals), nearest[:, own:]]
    numbers = [tower[:, :own], *sources, tower[:, own:]]
    seeds = [nothing[:, :own], *(p.seeds for p in proposals), nothing[:, own:]]
    every = tf.concat(videos, axis=1)
    columns = (every, tf.concat(numbers, axis=1), tf.concat(seeds, axis=1))
    places = rows.first_places(every, composition.num_candidates, lambda one: one > 0)
    return Found(*(rows.taken(column, places) for column in columns))


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

    def __call__(self, requests: interface.SourceRequests) -> Found:
        """Returns the candidates of some requests."""
        nearest = self._tower.propose(requests).videos
        proposals = [source.propose(requests) for source in self._others]
        kinds = [source.kind for source in self._others]
        return join(nearest, kinds, proposals, self._composition)
