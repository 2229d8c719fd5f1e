"""Co-watch: videos that others watched near the user's last watches.

A table holds, for each video, those most often watched within a few watches of it, by a
damped count; it is computed from the candidates' training window.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import registries
from ytdnn.log import inputs, prepared, ragged, shard_index
from ytdnn.log import request as raw_request
from ytdnn.retrieval import interface

_WITHIN = 3  # watches
_DAMPING = 10.0  # watches of a video: fewer say little
_NEIGHBOURS = 30
_MOST_PAIRS = 16_000_000  # counted at a time, some 40 bytes each
SEEDS = 10  # last watches that are looked up
DECAY = 0.9  # of a seed's weight for each watch after it


@registries.SOURCES.register("co_watch")
class CoWatch(interface.Source):
    """Neighbours of the last watches; those of the latest watch come first."""

    kind = interface.CO_WATCH

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts pairs of nearby watches."""
        super().__init__(num)
        videos, weights = neighbours(data, _NEIGHBOURS)
        self._videos = tf.Variable(videos, trainable=False)
        self._weights = tf.Variable(weights, trainable=False)

    def propose(self, requests: interface.SourceRequests) -> interface.Proposal:
        """Returns the neighbours; the seed is the watch that each is nearest to."""
        seeds = raw_request.last(requests.watched, SEEDS)
        decay = tf.constant(DECAY ** np.arange(SEEDS)[::-1], tf.float32)
        weights = tf.gather(self._weights, seeds) * decay[:, tf.newaxis]
        size = SEEDS * _NEIGHBOURS
        return self.best_permitted(
            requests,
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
      num: Number of neighbours of each video.

    Returns:
      catalogue indices `[num_videos + 1, num]`, padded with 0, and weights.
    """
    watched = inputs.num_training_watches(data)
    videos = np.zeros((data.num_videos + 1, num), np.int32)
    found = np.zeros((data.num_videos + 1, num), np.float32)
    for seeds in shard_index.bounded(2 * _WITHIN * watched, _MOST_PAIRS):
        near, counts = pairs(data, seeds)
        of, other = np.divmod(near, data.num_videos + 1)
        weights = counts / np.sqrt(watched[other] + _DAMPING)
        order = np.lexsort((other, -weights, of))
        of, other, weights = of[order], other[order], weights[order]
        places = np.arange(len(of)) - np.searchsorted(of, of)
        keep = places < num
        videos[of[keep], places[keep]] = other[keep]
        found[of[keep], places[keep]] = weights[keep]
    return videos, found


def pairs(
    data: prepared.PreparedData, seeds: slice
) -> tuple[ragged.Integers, ragged.Integers]:
    """Returns pairs `a · (num_videos + 1) + b` and how often they are near.

    Args:
      data: The prepared set.
      seeds: Range of the catalogue indices a.
    """
    found, numbers = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for shard in inputs.training_set(data).shards:
        watches = shard.read().watches
        videos = np.asarray(watches.videos)
        own = _pairs(videos, watches.users, data.num_videos, seeds)
        if not len(found):
            found, numbers = own
            continue
        found, places = np.unique(np.append(found, own[0]), return_inverse=True)
        sizes = np.bincount(places, np.append(numbers, own[1]), len(found))
        numbers = sizes.astype(np.int64)
    return found, numbers


def _pairs(
    videos: npt.NDArray[np.int32],
    users: npt.NDArray[np.int32],
    num_videos: int,
    seeds: slice,
) -> tuple[ragged.Integers, ragged.Integers]:
    """Returns ordered pairs of a shard, and how often they are near."""
    stride = num_videos + 1
    found = []
    for lag in range(1, _WITHIN + 1):
        a, b = videos[:-lag].astype(np.int64), videos[lag:].astype(np.int64)
        near = (users[:-lag] == users[lag:]) & (a != b)
        for of, other in ((a, b), (b, a)):
            inside = near & (of >= seeds.start) & (of < seeds.stop)
            found.append((of * stride + other)[inside])
    pairs, counts = np.unique(np.concatenate(found), return_counts=True)
    return pairs, counts.astype(np.int64)
