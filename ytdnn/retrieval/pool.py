"""The pool: what all sources propose, each video once, for one ranker to score."""

import dataclasses
from collections.abc import Sequence

import numpy.typing as npt
import tensorflow as tf

from ytdnn.retrieval import interface, rows


@dataclasses.dataclass(frozen=True)
class Found:
    """Candidates of some requests.

    Attributes:
      videos: `[batch, n] int32`, 0 where there is none.
      sources: `[batch, n] int32` place among `interface.NAMES`, from 1 on; 0 = none.
      seeds: `[batch, n] int32` the watch each was found by, 0 = none.
    """

    videos: tf.Tensor
    sources: tf.Tensor
    seeds: tf.Tensor

    def take(self, rows: npt.ArrayLike) -> "Found":
        """Returns the candidates of some of the requests."""
        every = (self.videos, self.sources, self.seeds)
        return Found(*(tf.gather(values, rows) for values in every))

    def of(self, videos: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
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


def join(kinds: Sequence[str], proposals: Sequence[interface.Proposal]) -> Found:
    """Returns the proposals one behind another; a video's later places are empty.

    Args:
      kinds: Name of each source.
      proposals: Of each.
    """
    videos = tf.concat([p.videos for p in proposals], axis=1)
    seeds = tf.concat([p.seeds for p in proposals], axis=1)
    sources = tf.concat(
        [
            tf.fill(tf.shape(p.videos), 1 + interface.NAMES.index(kind))
            for kind, p in zip(kinds, proposals, strict=True)
        ],
        axis=1,
    )
    keep = videos > 0
    if len(kinds) > 1:
        keep &= rows.occurrence(videos) == 0
    found = (tf.where(keep, values, 0) for values in (videos, sources, seeds))
    return Found(*found)


class Pool(tf.Module):
    """Sources asked together."""

    def __init__(self, sources: Sequence[interface.Source]) -> None:
        """Takes the sources in order: the first that proposes a video has it."""
        super().__init__()
        self._sources = list(sources)

    def __call__(self, asked: interface.Asked) -> Found:
        """Returns the candidates of some requests."""
        kinds = [source.kind for source in self._sources]
        return join(kinds, [source.propose(asked) for source in self._sources])
