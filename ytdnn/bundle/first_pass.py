"""A light first pass: most candidates are left out before the ranker scores the others.

    value of a candidate = a(its video) + b · log(3 + its place) + c(its source)

`a` is a number for each video, computed once for a version; `distilling` fits a, b and
c to the ranker. A request for a longer slate keeps more candidates, and a request with
an order or caps of its own (`weights`, `policy`, `max_per`) keeps all of them.
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import row_sorting
from ytdnn.retrieval import pool, row_ops

Tensor: TypeAlias = tf.Tensor

Candidates = pool.Candidates

SHARPNESS = 3.0  # of the first places: log(3 + place)
_A_PLACE = 5  # candidates kept for each place of a page
_OWN_ORDER = (schema.WEIGHT_NAMES, schema.POLICY, schema.MAX_PER_COLUMNS)


class FirstPass(tf.Module):
    """Leaves candidates out, in an exported graph.

    Attributes:
      keep: Number of candidates that are kept for a slate of up to a fifth of that.
    """

    def __init__(
        self,
        of_videos: npt.NDArray[np.float32],
        of_place: float,
        of_sources: npt.NDArray[np.float32],
        keep: int,
    ) -> None:
        """Copies the numbers.

        Args:
          of_videos: `[num_videos + 1]`, a number for each video.
          of_place: Weight of the logarithm of a candidate's place.
          of_sources: `[sources + 1]`, a number for each source.
          keep: Number of candidates that are kept.
        """
        super().__init__()
        self.keep = keep
        self._of_videos = tf.Variable(of_videos, trainable=False)
        self._of_sources = tf.constant(of_sources)
        self._of_place = of_place

    def __call__(
        self, raw: Mapping[str, Tensor], candidates: Candidates, scores: Tensor | None
    ) -> tuple[Candidates, Tensor | None]:
        """Returns the candidates that are kept, in their order, and their scores.

        Args:
          raw: Requests, with `k`.
          candidates: Their candidates, `[batch, n]` each.
          scores: `[batch, n]`; None where nothing needs them.
        """
        numbers = self._numbers(raw, candidates)
        width = row_ops.largest(numbers)
        size = tf.shape(candidates.videos)[1]
        places = tf.math.top_k(self.values(candidates), width)[1]
        is_kept = tf.range(width) < numbers[:, tf.newaxis]
        places = row_sorting.rising(tf.where(is_kept, places, size))
        kept = Candidates(*(row_ops.taken(column, places) for column in candidates))
        return kept, None if scores is None else row_ops.taken(scores, places)

    def keeps(self, raw: Mapping[str, Tensor], candidates: Candidates) -> Tensor:
        """Returns whether each candidate is kept, `[batch, n] bool`."""
        ranks = row_ops.ranks(self.values(candidates))
        return ranks < self._numbers(raw, candidates)[:, tf.newaxis]

    def values(self, candidates: Candidates) -> Tensor:
        """Returns the value of each candidate, `[batch, n] float32`, `-inf` = none."""
        places = tf.cast(tf.range(tf.shape(candidates.videos)[1]), tf.float32)
        values = (
            tf.gather(self._of_videos, candidates.videos)
            + self._of_place * tf.math.log(SHARPNESS + places)
            + tf.gather(self._of_sources, candidates.sources)
        )
        return tf.where(candidates.videos > 0, values, float("-inf"))

    def _numbers(self, raw: Mapping[str, Tensor], candidates: Candidates) -> Tensor:
        """Returns the number of candidates that each request keeps, `[batch] int32`."""
        batch, size = tf.unstack(tf.shape(candidates.videos))
        keep = tf.fill([batch], self.keep)
        if schema.K in raw:
            keep = tf.maximum(keep, _A_PLACE * tf.minimum(raw[schema.K], size))
        for name in _OWN_ORDER:
            if name in raw:
                has_text = tf.reshape(raw[name] != "", [batch, -1])
                keep = tf.where(tf.reduce_any(has_text, axis=1), size, keep)
        return tf.minimum(keep, size)
