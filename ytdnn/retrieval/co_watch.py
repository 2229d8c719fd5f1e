"""Co-watch: videos that others watched near the user's last watches.

A table holds, for each video, those most often watched within a few watches of it, by a
damped count; it is computed from the candidates' training window. Pairs of neighbouring
watches are counted for a part of the catalogue at a time, in bounded memory. So that a
part does not read the whole log again, the watches of each shard are written to
temporary files, sorted by the part of their video: 9 bytes a watch.
"""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged, registries
from ytdnn.log import prepared, raw_request, shard_index, slice_batches
from ytdnn.retrieval import interface

_WITHIN = 3  # watches
_DAMPING = 10.0  # watches of a video: fewer say little
_NEIGHBOURS = 30
_MOST_PAIRS = 4_000_000  # counted at a time, some 70 bytes each
SEEDS = 10  # last watches that are looked up
Integers = npt.NDArray[np.integer]
_NAMES = ("videos", "before", "after", "order", "ends")  # of a shard's files
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
    data: prepared.PreparedData, num: int
) -> tuple[ragged.Ragged, npt.NDArray[np.float32]]:
    """Returns the videos watched near each video, nearest first.

    The weight of b near a is their count over the root of b's watches, damped.

    Args:
      data: The prepared set.
      num: Maximum number of neighbours of a video.

    Returns:
      The list of each catalogue index, from 0, and the weight of each entry.
    """
    watched = slice_batches.num_training_watches(data)
    sizes = np.zeros(len(watched), np.int64)
    videos, scores = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    num_pairs = 2 * _WITHIN * watched
    every_part = shard_index.bounded(num_pairs, _MOST_PAIRS)
    parts = [part for part in every_part if num_pairs[part].any()]
    part_of = np.full(len(watched), len(parts), np.int32)
    for number, part in enumerate(parts):
        part_of[part] = number
    every = slice_batches.training_set(data)
    with written(every, part_of) as watches:
        for number, part in enumerate(parts):
            pairs = watches.pairs(number, len(watched))
            rows, other, weights = _nearest(pairs, watched, num)
            sizes[part] = np.bincount(
                rows - part.start, minlength=part.stop - part.start
            )
            videos.append(other.astype(np.int32))
            scores.append(weights.astype(np.float32))
    near = ragged.Ragged(np.append(0, np.cumsum(sizes)), np.concatenate(videos))
    return near, np.concatenate(scores)


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
    rows, other = np.divmod(near, len(watched))
    weights = counts / np.sqrt(watched[other] + _DAMPING)
    chosen, _ = ragged.first_of_groups(rows, [-weights, other], num)
    return rows[chosen], other[chosen], weights[chosen]


class WatchesByPart:
    """The watches of a log, of which those near a part's videos are read."""

    def __init__(self, directory: pathlib.Path, num_shards: int) -> None:
        """Opens the files that `written` made."""
        self._directory, self._num_shards = directory, num_shards

    def pairs(self, part: int, stride: int) -> ragged.Integers:
        """Returns `a · stride + b` for each watch of b near one of a, `[n] int64`.

        They are in no order.

        Args:
          part: Number of the part that has the videos a.
          stride: More than any catalogue index.
        """
        pairs = [np.zeros(0, np.int64)]
        for shard in range(self._num_shards):
            videos, before, after, order, ends = (
                np.load(_path(self._directory, shard, name), mmap_mode="r")
                for name in _NAMES
            )
            start = int(ends[part - 1]) if part else 0
            places = np.asarray(order[start : int(ends[part])])
            owners = videos[places]
            for lag in range(1, _WITHIN + 1):
                for room, step in ((before, -lag), (after, lag)):
                    here = np.flatnonzero(room[places] >= lag)
                    other = videos[places[here] + step]
                    differs = other != owners[here]
                    here = here[differs]
                    pairs.append(owners[here] * np.int64(stride) + other[differs])
        return np.concatenate(pairs)


def _path(directory: pathlib.Path, shard: int, name: str) -> pathlib.Path:
    return directory / f"{shard}.{name}.npy"


@contextlib.contextmanager
def written(data: prepared.PreparedData, part_of: Integers) -> Iterator[WatchesByPart]:
    """Context with the watches of a set in temporary files.

    Args:
      data: The prepared set, all of whose watches count.
      part_of: `[num_videos + 1]`, number of the part of each catalogue index.
    """
    with tempfile.TemporaryDirectory() as parts_directory:
        directory, shards = pathlib.Path(parts_directory), data.log.shards
        for number, shard in enumerate(shards):
            watches = shard.read().watches
            videos = np.asarray(watches.videos)
            rows = _sorted(videos, np.asarray(watches.offsets), part_of)
            for name, values in zip(_NAMES, (videos, *rows), strict=True):
                np.save(_path(directory, number, name), values)
        yield WatchesByPart(directory, len(shards))


def _sorted(
    videos: Integers, offsets: Integers, part_of: Integers
) -> tuple[Integers, ...]:
    """Returns the neighbours of each watch and its place in the order of the parts.

    Returns:
      `before` and `after`, `[watches] uint8`, how many watches of the user there are,
      at most `_WITHIN`; `order`, `[watches] int32`, places sorted by part; `ends`,
      `[parts] int64`, where each part ends in it.
    """
    users = ragged.rows_of(offsets)
    places = np.arange(len(videos))
    before = np.minimum(places - offsets[users], _WITHIN).astype(np.uint8)
    after = np.minimum(offsets[users + 1] - 1 - places, _WITHIN).astype(np.uint8)
    parts = part_of[videos]
    number = int(part_of.max(initial=0)) + 1
    order = np.argsort(parts, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(parts, minlength=number))
    return before, after, order, ends
