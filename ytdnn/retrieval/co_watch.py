"""Co-watch: videos that others watched near the user's last watches.

A table holds, for each video, those most often watched within a few watches of it, by a
damped count; it is computed from the candidates' training window.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import ragged, registries
from ytdnn.data import inputs, prepared
from ytdnn.data import request as raw_request
from ytdnn.retrieval import interface

_WITHIN = 3  # watches
_DAMPING = 10.0  # watches of a video: fewer say little
_NEIGHBOURS = 30
SEEDS = 10  # last watches asked for
DECAY = 0.9  # of a seed's weight for each watch after it


@registries.SOURCES.register("co_watch")
class CoWatch(interface.Source):
    """Neighbours of the last watches, the nearest of the latest first."""

    kind = interface.CO_WATCH

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts pairs of nearby watches."""
        super().__init__(num)
        videos, weights = neighbours(data, _NEIGHBOURS)
        self._videos = tf.Variable(videos, trainable=False)
        self._weights = tf.Variable(weights, trainable=False)

    def propose(self, asked: interface.SourceRequests) -> interface.Proposal:
        """Returns the neighbours; the seed is the watch that each is nearest to."""
        seeds = raw_request.last(asked.watched, SEEDS)
        decay = tf.constant(DECAY ** np.arange(SEEDS)[::-1], tf.float32)
        weights = tf.gather(self._weights, seeds) * decay[:, tf.newaxis]
        size = SEEDS * _NEIGHBOURS
        return self.best_permitted(
            asked,
            tf.reshape(tf.gather(self._videos, seeds), [-1, size]),
            tf.reshape(weights, [-1, size]),
            tf.repeat(seeds, _NEIGHBOURS, axis=1),
        )


def neighbours(
    data: prepared.PreparedData, num: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Returns the videos watched near each video, nearest first.

    The weight of b near a is their count over the root of b's watches, damped.

    Args:
      data: The prepared set.
      num: Neighbours of each.

    Returns:
      catalogue indices `[num_videos + 1, num]`, 0 where there are fewer, and weights.
    """
    watches = inputs.training_set(data).watches
    near, counts = _pairs(np.asarray(watches.videos), watches.users, data.num_videos)
    of, other = np.divmod(near, data.num_videos + 1)
    watched = np.bincount(watches.videos, minlength=data.num_videos + 1)
    weights = counts / np.sqrt(watched[other] + _DAMPING)
    order = np.lexsort((other, -weights, of))
    of, other, weights = of[order], other[order], weights[order]
    firsts = np.searchsorted(of, np.arange(data.num_videos + 2))
    places = np.arange(len(of)) - firsts[:-1][of]
    keep = places < num
    videos = np.zeros((data.num_videos + 1, num), np.int32)
    found = np.zeros((data.num_videos + 1, num), np.float32)
    videos[of[keep], places[keep]] = other[keep]
    found[of[keep], places[keep]] = weights[keep]
    return videos, found


def _pairs(
    videos: npt.NDArray[np.int32], users: npt.NDArray[np.int32], num_videos: int
) -> tuple[ragged.Integers, ragged.Integers]:
    """Returns ordered pairs `a · (num_videos + 1) + b` and how often they are near."""
    stride = num_videos + 1
    found = []
    for lag in range(1, _WITHIN + 1):
        a, b = videos[:-lag].astype(np.int64), videos[lag:].astype(np.int64)
        near = (users[:-lag] == users[lag:]) & (a != b)
        found += [(a * stride + b)[near], (b * stride + a)[near]]
    pairs, counts = np.unique(np.concatenate(found), return_counts=True)
    return pairs, counts.astype(np.int64)
