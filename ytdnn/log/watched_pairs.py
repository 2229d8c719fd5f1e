"""Ratios of repeated pairs of watches, measured in a second to choose settings by.

Two neighbouring watches of a user are a pair of videos, as are two watches four apart.
How often pairs occur again with other users tells two things:

* *lift*: repeats of neighbours for each repeat that chance would bring if every watch
  were drawn by popularity. 1: who watched a video tells nothing about what else is
  watched.
* *order*: repeats of neighbours for each repeat of distant watches. Where users watch
  what belongs together one after the other, neighbours repeat more often; where a
  user's watches are drawn from a taste in no order, as often.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ytdnn.log import events, user_shards

_APART = 4
_MOST_WATCHES = 1_000_000  # that are read, of the first users
_MOST_ROWS = 4 * _MOST_WATCHES  # of a shard
_FEWEST_REPEATS = 100  # of fewer, the ratios are chance
_BITS = 32  # of a video's index in a pair

Indices = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class WatchedPairs:
    """Ratios of repeated pairs.

    Attributes:
      order: 1 where the order of watches tells nothing; 0: too few repeats to tell.
      lift: 1 where co-watching tells nothing beside popularity; 0: too few repeats.
    """

    order: float = 0.0
    lift: float = 0.0

    @property
    def facts(self) -> dict[str, float]:
        """The ratios as facts of a prepared set's manifest."""
        return {"order_ratio": self.order, "co_watch_lift": self.lift}


def measure(shards: Iterable[user_shards.LazyShard]) -> WatchedPairs:
    """Returns the ratios of a log.

    Args:
      shards: Events by user; only training watches are read.
    """
    near: list[Indices] = []
    far: list[Indices] = []
    neighbours: list[Indices] = [np.zeros((2, 0), np.int64)]
    left = _MOST_WATCHES
    for shard in shards:
        users, videos = _training_watches(shard, left)
        ends = _ends(users, _APART)
        near.append(_pairs(videos[ends - 1], videos[ends]))
        far.append(_pairs(videos[ends - _APART], videos[ends]))
        ends = _ends(users, 1)
        neighbours.append(np.stack([videos[ends - 1], videos[ends]]))
        left -= len(videos)
        if left <= 0:
            break
    return WatchedPairs(_order(near, far), _lift(np.concatenate(neighbours, axis=1)))


def _training_watches(
    shard: user_shards.LazyShard, most: int
) -> tuple[Indices, Indices]:
    """Returns user and video of the first training watches of a shard."""
    watches = shard.read().watches
    splits = np.asarray(watches.splits[:_MOST_ROWS])
    kept = np.flatnonzero(splits == events.Split.TRAIN)[:most]
    users = np.searchsorted(np.asarray(watches.offsets), kept, side="right") - 1
    return users, np.asarray(watches.videos[:_MOST_ROWS])[kept].astype(np.int64)


def _ends(users: Indices, apart: int) -> Indices:
    """Returns the watches that the same user has another so far before."""
    ends = np.arange(apart, len(users))
    return ends[users[ends] == users[ends - apart]]


def _order(near: list[Indices], far: list[Indices]) -> float:
    """Returns the repeats of neighbours for each of distant watches; 0: too few."""
    repeats = [_repeats(np.concatenate(pairs)) if pairs else 0 for pairs in (near, far)]
    if sum(repeats) < _FEWEST_REPEATS:
        return 0.0
    return repeats[0] / max(1, repeats[1])


def _lift(neighbours: Indices) -> float:
    """Returns the repeats of pairs `[2, pairs]` for each by chance; 0: too few."""
    first, second = neighbours[:, neighbours[0] != neighbours[1]]
    repeats = _repeats(_pairs(first, second))
    if repeats < _FEWEST_REPEATS:
        return 0.0
    counts = np.bincount(neighbours.ravel())
    shares = counts / counts.sum()
    same = float((shares**2).sum())
    # That two pairs of different videos are equal, if each is drawn by popularity.
    equal = 2.0 * (same**2 - float((shares**4).sum())) / (1.0 - same) ** 2
    return repeats / (0.5 * len(first) * (len(first) - 1) * equal)


def _pairs(first: Indices, second: Indices) -> Indices:
    """Returns a number for each unordered pair of videos."""
    return (np.minimum(first, second) << _BITS) + np.maximum(first, second)


def _repeats(pairs: Indices) -> int:
    """Returns how many couples of equal pairs there are."""
    _, counts = np.unique(pairs, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())
