"""Co-watch: videos that others watched near the user's last watches.

A table holds, for each video, those most often watched within a few watches of it, by a
damped count; it is computed from the candidates' training window.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged, registries
from ytdnn.log import inputs, prepared, shard_index
from ytdnn.log import request as raw_request
from ytdnn.retrieval import interface, near_watches

_WITHIN = 3  # watches
_DAMPING = 10.0  # watches of a video: fewer say little
_NEIGHBOURS = 30
_MOST_PAIRS = 4_000_000  # counted at a time, some 70 bytes each
SEEDS = 10  # last watches that are looked up
DECAY = 0.9  # of a seed's weight for each watch after it


@registries.SOURCES.register("co_watch")
class CoWatch(interface.Source):
    """Neighbours of the last watches; those of the latest watch come first."""

    kind = interface.CO_WATCH

    def __init__(self, num: int, data: prepared.PreparedData) -> None:
        """Counts pairs of nearby watches."""
        super().__init__(num)
        near, weights = neighbours(data, _NEIGHBOURS)
        places = near.rows, np.arange(len(weights)) - near.offsets[near.rows]
        for name, values in (("_videos", near.values), ("_weights", weights)):
            table = np.zeros((data.num_videos + 1, _NEIGHBOURS), values.dtype)
            table[places] = values
            setattr(self, name, tf.Variable(table, trainable=False))

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
    data: prepared.PreparedData,
    num: int,
    seeds: npt.NDArray[np.integer] | None = None,
) -> tuple[ragged.Ragged, npt.NDArray[np.float32]]:
    """Returns the videos watched near each video, nearest first.

    The weight of b near a is their count over the root of b's watches, damped.

    Args:
      data: The prepared set.
      num: Maximum number of neighbours of a video.
      seeds: Catalogue indices of the videos that have neighbours; None: all.

    Returns:
      The list of each catalogue index, from 0, and the weight of each entry.
    """
    watched = inputs.num_training_watches(data)
    is_seed = np.full(len(watched), seeds is None)
    if seeds is not None:
        is_seed[seeds] = True
    sizes = np.zeros(len(watched), np.int64)
    videos, found = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    num_pairs = 2 * _WITHIN * watched * is_seed
    parts = [
        part
        for part in shard_index.bounded(num_pairs, _MOST_PAIRS)
        if num_pairs[part].any()
    ]
    part_of = np.full(len(watched), len(parts), np.int32)
    for number, part in enumerate(parts):
        part_of[part] = np.where(is_seed[part], number, len(parts))
    every = inputs.training_set(data)
    with near_watches.written(every, part_of, _WITHIN) as watches:
        for number, part in enumerate(parts):
            pairs = watches.pairs(number, len(watched))
            of, other, weights = _nearest(pairs, watched, num)
            sizes[part] = np.bincount(of - part.start, minlength=part.stop - part.start)
            videos.append(other.astype(np.int32))
            found.append(weights.astype(np.float32))
    near = ragged.Ragged(np.append(0, np.cumsum(sizes)), np.concatenate(videos))
    return near, np.concatenate(found)


def _nearest(
    pairs: ragged.Integers,
    watched: ragged.Integers,
    num: int,
) -> tuple[ragged.Integers, ragged.Integers, npt.NDArray[np.float64]]:
    """Returns video, neighbour and weight of the nearest pairs.

    Args:
      pairs: `[n] int64`, `a · (num_videos + 1) + b` for each time that b is near a;
        they are sorted where they lie.
      watched: `[num_videos + 1]`, watches of each video.
      num: Maximum number of neighbours of a video.
    """
    pairs.sort()  # where they lie: `np.unique` copies them
    firsts = np.flatnonzero(np.diff(pairs, prepend=-1))
    counts = np.diff(firsts, append=len(pairs))
    near = pairs[firsts]
    of, other = np.divmod(near, len(watched))
    weights = counts / np.sqrt(watched[other] + _DAMPING)
    chosen, _ = ragged.first_of_groups(of, [-weights, other], num)
    return of[chosen], other[chosen], weights[chosen]
