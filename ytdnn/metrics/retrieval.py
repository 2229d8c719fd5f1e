"""Exact full ranking of all videos for each user, and the metrics of the lists.

Every video is scored by the dot product with the user's vector (PAPER §3.1), the
videos already watched are removed, and equal float32 scores are ordered by the lower
video index. Scores are made in blocks of users, so memory stays bounded.

Ragged sets of videos are two arrays: `offsets [num_users + 1]` and `videos`, user u
having `videos[offsets[u] : offsets[u + 1]]`. Video indices start at 1 (row i of the
video vectors is index i + 1); 0 stands for a video out of the vocabulary, and for no
video in a list.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.metrics import ranking

BLOCK_BYTES = 32 * 2**20
_BYTES_PER_SCORE = 24  # float32 score, its int32 image, int64 key and a copy
_REMOVED = np.iinfo(np.int64).min
_INDEX_BITS = 32
_INDEX_MASK = 2**_INDEX_BITS - 1

Offsets = npt.NDArray[np.integer]
Videos = npt.NDArray[np.integer]
Vectors = npt.NDArray[np.float32]


def top_k(
    user_vectors: Vectors,
    video_vectors: Vectors,
    watched_offsets: Offsets | None,
    watched_videos: Videos | None,
    k: int,
    block_bytes: int = BLOCK_BYTES,
) -> npt.NDArray[np.int32]:
    """Returns each user's k best unwatched videos, best first.

    Args:
      user_vectors: `[num_users, dim] float32`.
      video_vectors: `[num_videos, dim] float32`, row i ↔ video index i + 1.
      watched_offsets: `[num_users + 1]`, or None to remove nothing.
      watched_videos: Video indices to remove; zeros are ignored.
      k: Length of the lists.
      block_bytes: Bound on the memory of one block of scores.

    Returns:
      `[num_users, k] int32` video indices, 0 where fewer than k are left.

    Raises:
      ValueError: Widths disagree, or a vector holds NaN or infinity.

    >>> users = np.array([[1.0, 0.0]], np.float32)
    >>> videos = np.array([[0.5, 0.0], [0.9, 0.0], [0.5, 1.0]], np.float32)
    >>> top_k(users, videos, np.array([0, 1]), np.array([2]), k=3)
    array([[1, 3, 0]], dtype=int32)
    """
    _check_vectors(user_vectors, video_vectors)
    num_users, num_videos = len(user_vectors), len(video_vectors)
    top = np.zeros((num_users, k), np.int32)
    rows = max(1, block_bytes // (_BYTES_PER_SCORE * max(num_videos, 1)))
    for start in range(0, num_users, rows):
        stop = min(start + rows, num_users)
        keys = sortable_keys(user_vectors[start:stop] @ video_vectors.T)
        if watched_offsets is not None and watched_videos is not None:
            _remove(keys, watched_offsets[start : stop + 1], watched_videos)
        best = largest(keys, min(k, num_videos))
        top[start:stop, : best.shape[1]] = best
    return top


def sortable_keys(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Returns int64 keys in the order of (score, then lower column first).

    The upper half is the score's bits made monotone, the lower half the column
    counted backwards, so keys are unique and any selection of them is exact.

    >>> keys = sortable_keys(np.array([[1.0, -2.0, 1.0]], np.float32))
    >>> np.argsort(-keys)
    array([[0, 2, 1]])
    """
    bits = (scores.astype(np.float32, copy=False) + np.float32(0.0)).view(np.int32)
    monotone = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).astype(np.int64)
    monotone <<= _INDEX_BITS
    monotone |= _INDEX_MASK - np.arange(scores.shape[1], dtype=np.int64)
    return monotone


def largest(keys: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int32]:
    """Returns video indices (column + 1) of the k largest keys, 0 for removed ones."""
    if 0 < k < keys.shape[1]:
        keys = np.partition(keys, keys.shape[1] - k, axis=1)
    best = np.sort(keys[:, keys.shape[1] - k :], axis=1)[:, ::-1]
    videos = _INDEX_MASK - (best & _INDEX_MASK) + 1
    return np.where(best == _REMOVED, 0, videos).astype(np.int32)


def hits_of(
    top: npt.NDArray[np.int32], target_offsets: Offsets, target_videos: Videos
) -> npt.NDArray[np.bool_]:
    """Returns `[num_users, k]`, whether each listed video is a target of its user.

    >>> hits_of(np.array([[3, 1, 0]], np.int32), np.array([0, 2]), np.array([1, 0]))
    array([[False,  True, False]])
    """
    target_users = rows_of(target_offsets)
    targets = np.asarray(target_videos)[target_offsets[0] : target_offsets[-1]]
    stride = int(max(top.max(initial=0), targets.max(initial=0))) + 1
    wanted = np.unique(target_users * stride + targets)
    listed = np.arange(len(top))[:, None] * stride + top
    if not len(wanted):
        return np.zeros(top.shape, bool)
    places = np.minimum(np.searchsorted(wanted, listed), len(wanted) - 1)
    return (wanted[places] == listed) & (top > 0)


def metrics_at(
    top: npt.NDArray[np.int32],
    target_offsets: Offsets,
    target_videos: Videos,
    ks: tuple[int, ...],
) -> dict[str, npt.NDArray[np.float64]]:
    """Returns every metric of `metrics.ranking` for each user, keyed "recall@10".

    Args:
      top: `[num_users, length] int32` video indices, best first, 0 = none.
      target_offsets: `[num_users + 1]`.
      target_videos: Each user's targets, distinct but for zeros. A target out of the
        vocabulary (0) is relevant and cannot be hit.
      ks: Cut-offs.

    >>> top = np.array([[3, 1]], np.int32)
    >>> values = metrics_at(top, np.array([0, 2]), np.array([1, 0]), ks=(2,))
    >>> values["recall@2"].item(), values["mrr@2"].item()
    (0.5, 0.5)
    """
    hits = hits_of(top, target_offsets, target_videos)
    return ranking.evaluate(hits, np.diff(target_offsets), ks)


def evaluate(
    user_vectors: Vectors,
    video_vectors: Vectors,
    watched: tuple[Offsets, Videos] | None,
    targets: tuple[Offsets, Videos],
    ks: tuple[int, ...],
    block_bytes: int = BLOCK_BYTES,
) -> dict[str, npt.NDArray[np.float64]]:
    """Ranks all videos for each user and measures the lists against the targets.

    Args:
      user_vectors: `[num_users, dim] float32`.
      video_vectors: `[num_videos, dim] float32`.
      watched: Ragged `(offsets, videos)` to remove from the lists, or None.
      targets: Ragged `(offsets, videos)` relevant to each user.
      ks: Cut-offs.
      block_bytes: Bound on the memory of one block of scores.

    Returns:
      `{"recall@10": [num_users] float64, …}`.
    """
    offsets, videos = watched if watched is not None else (None, None)
    top = top_k(
        user_vectors, video_vectors, offsets, videos, max(ks), block_bytes=block_bytes
    )
    return metrics_at(top, *targets, ks)


def rows_of(offsets: Offsets) -> npt.NDArray[np.int64]:
    """Returns the row each ragged entry belongs to.

    >>> rows_of(np.array([0, 2, 2, 3]))
    array([0, 0, 2])
    """
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _remove(keys: npt.NDArray[np.int64], offsets: Offsets, videos: Videos) -> None:
    watched = np.asarray(videos[offsets[0] : offsets[-1]])
    known = watched > 0
    keys[rows_of(offsets)[known], watched[known] - 1] = _REMOVED


def _check_vectors(user_vectors: Vectors, video_vectors: Vectors) -> None:
    if user_vectors.shape[1] != video_vectors.shape[1]:
        raise ValueError(
            f"expected vectors of one width, received users "
            f"{user_vectors.shape} and videos {video_vectors.shape}"
        )
    for name, vectors in (("user", user_vectors), ("video", video_vectors)):
        if not np.isfinite(vectors).all():
            raise ValueError(
                f"expected finite {name} vectors, received NaN or infinity"
            )
