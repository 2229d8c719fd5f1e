"""Watches near those of some videos, in a log read once.

Pairs of neighbouring watches are counted for a part of the catalogue at a time, in
bounded memory. So that a part does not read the whole log again, the watches of each
shard are written to temporary files, sorted by the part of their video: 9 bytes a
watch.
"""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.log import prepared

Integers = npt.NDArray[np.integer]
_NAMES = ("videos", "before", "after", "order", "ends")  # of a shard's files


class WatchesByPart:
    """The watches of a log, of which those near a part's videos are read."""

    def __init__(self, directory: pathlib.Path, num_shards: int, within: int) -> None:
        """Opens the files that `written` made."""
        self._directory, self._num_shards = directory, num_shards
        self._within = within

    def pairs(self, part: int, stride: int) -> ragged.Integers:
        """Returns `a · stride + b` for each watch of b near one of a, `[n] int64`.

        They are in no order.

        Args:
          part: Number of the part that has the videos a.
          stride: More than any catalogue index.
        """
        found = [np.zeros(0, np.int64)]
        for shard in range(self._num_shards):
            videos, before, after, order, ends = (
                np.load(_path(self._directory, shard, name), mmap_mode="r")
                for name in _NAMES
            )
            start = int(ends[part - 1]) if part else 0
            places = np.asarray(order[start : int(ends[part])])
            of = videos[places]
            for lag in range(1, self._within + 1):
                for room, step in ((before, -lag), (after, lag)):
                    here = np.flatnonzero(room[places] >= lag)
                    other = videos[places[here] + step]
                    differs = other != of[here]
                    here = here[differs]
                    found.append(of[here] * np.int64(stride) + other[differs])
        return np.concatenate(found)


def _path(directory: pathlib.Path, shard: int, name: str) -> pathlib.Path:
    return directory / f"{shard}.{name}.npy"


@contextlib.contextmanager
def written(
    data: prepared.PreparedData, part_of: Integers, within: int
) -> Iterator[WatchesByPart]:
    """Context with the watches of a set in temporary files.

    Args:
      data: The prepared set, all of whose watches count.
      part_of: `[num_videos + 1]`, number of the part of each catalogue index.
      within: Number of watches before and after that are near.
    """
    with tempfile.TemporaryDirectory() as made:
        directory, shards = pathlib.Path(made), data.log.shards
        for number, shard in enumerate(shards):
            watches = shard.read().watches
            videos = np.asarray(watches.videos)
            found = _sorted(videos, np.asarray(watches.offsets), part_of, within)
            for name, values in zip(_NAMES, (videos, *found), strict=True):
                np.save(_path(directory, number, name), values)
        yield WatchesByPart(directory, len(shards), within)


def _sorted(
    videos: Integers, offsets: Integers, part_of: Integers, within: int
) -> tuple[Integers, ...]:
    """Returns the neighbours of each watch and its place in the order of the parts.

    Returns:
      `before` and `after`, `[watches] uint8`, how many watches of the user there are,
      at most `within`; `order`, `[watches] int32`, places sorted by part; `ends`,
      `[parts] int64`, where each part ends in it.
    """
    users = ragged.rows_of(offsets)
    places = np.arange(len(videos))
    before = np.minimum(places - offsets[users], within).astype(np.uint8)
    after = np.minimum(offsets[users + 1] - 1 - places, within).astype(np.uint8)
    parts = part_of[videos]
    number = int(part_of.max(initial=0)) + 1
    order = np.argsort(parts, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(parts, minlength=number))
    return before, after, order, ends
