"""How much the order of watches tells, measured in a second for the choice of settings.

Two neighbouring watches of a user are a pair of videos, as are two watches four apart.
Where users watch what belongs together one after the other, pairs of neighbours occur
again with other users more often than pairs of distant watches; where a user's watches
are drawn from a taste in no order, as often.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ytdnn.log import events, user_shards

FACT = "order_ratio"
_APART = 4
_MOST_WATCHES = 1_000_000  # that are read, of the first users
_MOST_ROWS = 4 * _MOST_WATCHES  # of a shard
_FEWEST_REPEATS = 100  # of fewer, the ratio is chance
_BITS = 32  # of a video's index in a pair


def measure(shards: Iterable[user_shards.LazyShard]) -> float:
    """Returns how often neighbours repeat for each repeat of distant watches.

    Args:
      shards: Events by user; only training watches are read.

    Returns:
      1 where order tells nothing; 0 where there are too few repeats to tell.
    """
    near: list[npt.NDArray[np.int64]] = []
    far: list[npt.NDArray[np.int64]] = []
    left = _MOST_WATCHES
    for shard in shards:
        users, videos = _training_watches(shard, left)
        ends = np.arange(_APART, len(videos))
        ends = ends[users[ends] == users[ends - _APART]]
        near.append(_pairs(videos[ends - 1], videos[ends]))
        far.append(_pairs(videos[ends - _APART], videos[ends]))
        left -= len(videos)
        if left <= 0:
            break
    repeats = [_repeats(pairs) for pairs in (near, far)]
    if sum(repeats) < _FEWEST_REPEATS:
        return 0.0
    return repeats[0] / max(1, repeats[1])


def _training_watches(
    shard: user_shards.LazyShard, most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns user and video of the first training watches of a shard."""
    watches = shard.read().watches
    splits = np.asarray(watches.splits[:_MOST_ROWS])
    kept = np.flatnonzero(splits == events.Split.TRAIN)[:most]
    users = np.searchsorted(np.asarray(watches.offsets), kept, side="right") - 1
    return users, np.asarray(watches.videos[:_MOST_ROWS])[kept].astype(np.int64)


def _pairs(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Returns a number for each unordered pair of videos."""
    return (np.minimum(first, second) << _BITS) + np.maximum(first, second)


def _repeats(parts: list[npt.NDArray[np.int64]]) -> int:
    """Returns how many couples of equal pairs there are."""
    if not parts:
        return 0
    _, counts = np.unique(np.concatenate(parts), return_counts=True)
    return int((counts * (counts - 1) // 2).sum())
