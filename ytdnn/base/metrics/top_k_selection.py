"""The k best of many scores, exactly, in bounded memory.

Scores are read in blocks of users × videos, in ascending order of the video, and only
those above the user's k-th best score so far are kept. A later video with the same
score has a higher index and loses the tie, so the comparison is strict and the list
exact. Nearly all of the time is spent computing the scores, and memory is bounded for
any number of users and videos.

Ragged sets of videos are two arrays: `offsets [num_users + 1]` and `videos`, user u
having `videos[offsets[u] : offsets[u + 1]]`. Video indices start at 1 (column i is
index i + 1); 0 stands for a video out of the vocabulary, and for no video in a list.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged

BLOCK_BYTES = 128 * 2**20
_VIDEOS_A_BLOCK = 8_192  # the scores of a block stay in the processor's cache
GROUP = 16  # scores whose largest is looked at first
_MOST_USERS_A_BLOCK = 1_024
_BYTES_PER_SCORE = 32  # a float32 score, two int64 keys, images of bits on the way
_REMOVED = np.iinfo(np.int64).min
_INDEX_BITS = 32  # a key is an image of the score's bits, then of the column
_INDEX_MASK = 2**_INDEX_BITS - 1

Offsets = npt.NDArray[np.integer]
Videos = npt.NDArray[np.integer]
Scores = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Available = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
Scorer = Callable[[slice, slice, Scores], "ScoreBlock | object"]


class ScoreBlock(NamedTuple):
    """A block of scores in an array of the scorer's own.

    Attributes:
      scores: `[users, videos] float32`, read only.
      maxima: `[users, videos // GROUP] float32`; for group g the largest score of its
        GROUP columns g, g + videos // GROUP, ….
    """

    scores: Scores
    maxima: Scores


def best_of(
    score: Scorer,
    shape: tuple[int, int],
    watched: tuple[Offsets, Videos] | None,
    k: int,
    block_bytes: int = BLOCK_BYTES,
    available: Available | None = None,
) -> npt.NDArray[np.int32]:
    """Returns each user's k best videos by any score, as `top_k` does.

    Args:
      score: Function of a slice of users, a slice of videos, and a `[users, videos]
        float32` array, which it fills with the scores unless it returns `ScoreBlock`.
      shape: Numbers of users and of videos.
      watched: Ragged `(offsets, videos)` to remove, or None.
      k: Length of the lists.
      block_bytes: Bound on the memory of one block of scores.
      available: See `top_k`.

    >>> scores = np.array([[1.0, 3.0, 2.0]], np.float32)
    >>> fill = lambda users, videos, out: np.copyto(out, scores[users, videos])
    >>> best_of(fill, (1, 3), None, k=2)
    array([[2, 3]], dtype=int32)
    """
    top = np.zeros((shape[0], k), np.int32)
    for users, keys in _best_keys(score, shape, watched, k, block_bytes, available):
        top[users] = _videos_of(keys)
    return top


def scored_best_of(
    score: Scorer,
    shape: tuple[int, int],
    watched: tuple[Offsets, Videos] | None,
    k: int,
    block_bytes: int = BLOCK_BYTES,
) -> tuple[npt.NDArray[np.int32], Scores]:
    """Returns the lists of `best_of` and their scores, 0 where there is no video.

    Args:
      score: See `best_of`.
      shape: Numbers of users and of videos.
      watched: Ragged `(offsets, videos)` to remove, or None.
      k: Length of the lists.
      block_bytes: Bound on the memory of one block of scores.
    """
    top = np.zeros((shape[0], k), np.int32)
    scores_of_top = np.zeros((shape[0], k), np.float32)
    for users, keys in _best_keys(score, shape, watched, k, block_bytes, None):
        top[users] = _videos_of(keys)
        scores_of_top[users] = np.where(keys == _REMOVED, 0.0, _scores_of(keys))
    return top, scores_of_top


def _best_keys(
    score: Scorer,
    shape: tuple[int, int],
    watched: tuple[Offsets, Videos] | None,
    k: int,
    block_bytes: int,
    available: Available | None,
) -> Iterator[tuple[slice, Keys]]:
    """Yields blocks of users with their best keys; for arguments see `best_of`."""
    num_users, num_videos = shape
    width = max(1, min(num_videos, max(_VIDEOS_A_BLOCK, k)))
    row_bytes = _BYTES_PER_SCORE * (width + 3 * k)
    rows = int(np.clip(block_bytes // row_bytes, 1, _MOST_USERS_A_BLOCK))
    memory = np.empty(min(rows, num_users) * width, np.float32)
    for users in ragged.slices(num_users, rows):
        best = _Best(users.stop - users.start, k, width)
        removed = ExcludedVideos(users, watched, available)
        for first in range(0, num_videos, width):
            videos = slice(first, min(first + width, num_videos))
            size = users.stop - users.start, videos.stop - first
            scores = memory[: size[0] * size[1]].reshape(size)
            block = score(users, videos, scores)
            if isinstance(block, ScoreBlock) and first and available is None:
                # Of a removed video a maximum is too high, which is checked.
                best.add(block.scores, first, block.maxima, removed.places(videos))
                continue
            if isinstance(block, ScoreBlock):
                scores = np.array(block.scores)
            removed.remove(scores, videos)
            best.add(scores, first)
        yield users, best.keys()


class _Best:
    """The k largest keys of each user so far, and a buffer of later ones."""

    def __init__(self, num_users: int, k: int, width: int) -> None:
        self._k = k
        self._keys = np.full((num_users, 3 * k + width), _REMOVED, np.int64)
        self._sizes: npt.NDArray[np.int64] = np.zeros(num_users, np.int64)
        self._threshold = np.full((num_users, 1), -np.inf, np.float32)

    def add(
        self,
        scores: Scores,
        first: int,
        maxima: Scores | None = None,
        removed: tuple[Rows, Rows] | None = None,
    ) -> None:
        """Adds the scores of a block of videos.

        Args:
          scores: Scores of the block.
          first: Column of the block's first video.
          maxima: Upper bounds of the scores of each group; None: computed here.
          removed: Rows and columns of the block to ignore.
        """
        if maxima is None:
            maxima = _maxima(scores)
        if first == 0:
            self._begin(maxima)
        rows, columns = self._above(scores, maxima)
        if removed is not None and len(removed[0]):
            width = scores.shape[1]
            known = rows * width + columns
            counts_not = np.isin(known, removed[0] * width + removed[1])
            rows, columns = rows[~counts_not], columns[~counts_not]
        keys = _keys(scores[rows, columns], columns + first)
        counts = np.bincount(rows, minlength=len(scores))
        starts = np.cumsum(counts) - counts
        places = self._sizes[rows] + np.arange(len(rows)) - starts[rows]
        self._keys[rows, places] = keys
        self._sizes = self._sizes + counts
        if self._sizes.max(initial=0) > 3 * self._k:
            self._shrink()

    def _begin(self, maxima: Scores) -> None:
        """Sets the threshold just below the k-th best of the groups' maxima."""
        cut = maxima.shape[1] - self._k
        if cut >= 0 and self._k:
            bound = np.partition(maxima, cut, axis=1)[:, cut : cut + 1]
            self._threshold = np.nextafter(bound, np.float32(-np.inf))

    def _above(self, scores: Scores, maxima: Scores) -> tuple[Rows, Rows]:
        """Returns user and column of the scores above the threshold, users ascending.

        Args:
          scores: Scores of a block.
          maxima: Maxima of the groups of its first columns.
        """
        users, groups = np.nonzero(maxima > self._threshold)
        stride = maxima.shape[1]
        end = stride * GROUP
        blocks = scores[:, :end].reshape(len(scores), GROUP, stride)
        chosen, places = np.nonzero(blocks[users, :, groups] > self._threshold[users])
        rows, columns = users[chosen], places * stride + groups[chosen]
        if end < scores.shape[1]:
            last, behind = np.nonzero(scores[:, end:] > self._threshold)
            rows = np.concatenate([rows, last])
            columns = np.concatenate([columns, behind + end])
            order = np.argsort(rows, kind="stable")
            rows, columns = rows[order], columns[order]
        return rows, columns

    def _shrink(self) -> None:
        """Keeps k keys of each user, and raises the threshold to the smallest."""
        k, size = self._k, int(self._sizes.max())
        cut = size - k
        # Sorted: a partition of many equal keys takes fifteen times as long.
        self._keys[:, :size] = np.sort(self._keys[:, :size], axis=1)
        last = self._keys[:, cut].copy()
        self._keys[:, :k] = self._keys[:, cut:size]
        self._keys[:, k:size] = _REMOVED
        self._sizes[:] = k  # removed ones among them
        full = last != _REMOVED
        self._threshold[full, 0] = _scores_of(last[full])

    def keys(self) -> Keys:
        """Returns the k largest, `[users, k]`, best first, then `_REMOVED`."""
        size = max(int(self._sizes.max(initial=0)), self._k)
        best: Keys = np.sort(self._keys[:, :size], axis=1)[:, size - self._k :]
        return best[:, ::-1]


def _maxima(scores: Scores) -> Scores:
    """Returns the largest score of each group of columns, see `ScoreBlock`.

    Column c is in group c modulo the number of groups, so that maxima are computed over
    long rows; few scores then have to be compared one by one.
    """
    number = scores.shape[1] // GROUP
    end = number * GROUP
    groups = scores[:, :end].reshape(len(scores), GROUP, number)
    return groups.max(axis=1)


class ExcludedVideos:
    """Videos to leave out of users' lists: watched videos, and later uploads."""

    def __init__(
        self,
        users: slice,
        watched: tuple[Offsets, Videos] | None,
        available: Available | None,
    ) -> None:
        """Stores the sets of all users, and the slice of users that rows count from."""
        self._rows: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._columns: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        if watched is not None:
            offsets = watched[0][users.start : users.stop + 1]
            videos = np.asarray(watched[1][offsets[0] : offsets[-1]]).astype(np.int64)
            order = np.argsort(videos, kind="stable")
            self._rows = ragged.rows_of(offsets)[order]
            self._columns = videos[order] - 1
        self._available = None
        if available is not None:
            self._available = available[0], available[1][users]

    def places(self, videos: slice) -> tuple[Rows, Rows]:
        """Returns rows and columns of the watched videos of a block."""
        first, stop = np.searchsorted(self._columns, [videos.start, videos.stop])
        return self._rows[first:stop], self._columns[first:stop] - videos.start

    def remove(self, scores: Scores, videos: slice) -> None:
        """Sets the scores of the block's removed videos below all others."""
        scores[self.places(videos)] = -np.inf
        if self._available is not None:
            since, times = self._available
            scores[since[np.newaxis, videos] > times[:, np.newaxis]] = -np.inf

    def holds(
        self, rows: npt.NDArray[np.integer], videos: Videos
    ) -> npt.NDArray[np.bool_]:
        """Returns whether each video, by index, is removed for the user of its row.

        >>> watched = np.array([0, 1, 1]), np.array([2])
        >>> removed = ExcludedVideos(slice(0, 2), watched, None)
        >>> removed.holds(np.array([0, 1]), np.array([2, 2]))
        array([ True, False])
        """
        columns = np.asarray(videos).astype(np.int64) - 1
        stride = int(max(columns.max(initial=0), self._columns.max(initial=0))) + 2
        keys = self._rows * stride + self._columns
        removed = np.isin(rows * stride + columns, keys) & (columns >= 0)
        if self._available is not None:
            since, times = self._available
            # Column -1, no video of the vocabulary, reads the last and is then left.
            removed |= (since[columns] > times[rows]) & (columns >= 0)
        return removed


def _keys(scores: npt.NDArray[np.float32], columns: npt.NDArray[np.int64]) -> Keys:
    """Returns int64 keys in the order of (score, then lower column first).

    The upper half is the score's bits made monotone, the lower half the column
    counted backwards, so keys are unique and any selection of them is exact.
    """
    positive_zero = scores.astype(np.float32, copy=False) + np.float32(0.0)
    keys = _flipped(positive_zero.view(np.int32)).astype(np.int64)
    keys <<= _INDEX_BITS
    keys |= _INDEX_MASK - columns
    return keys


def _scores_of(keys: Keys) -> npt.NDArray[np.float32]:
    return _flipped((keys >> _INDEX_BITS).astype(np.int32)).view(np.float32)


def _flipped(bits: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Returns the bits of floats in the order of the floats; its own inverse."""
    return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))


def _videos_of(keys: Keys) -> npt.NDArray[np.int32]:
    videos = _INDEX_MASK - (keys & _INDEX_MASK) + 1
    return np.where(keys == _REMOVED, 0, videos).astype(np.int32)
