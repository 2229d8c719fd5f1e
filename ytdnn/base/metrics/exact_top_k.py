"""Exact full ranking of all videos for each user, and the metrics of the lists.

Every video is scored by the dot product with the user's vector (PAPER §3.1), the videos
already watched are removed, and equal float32 scores are ordered by the lower video
index. `selection` explains the algorithm, and defines a ragged set.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.base.metrics import recall_and_ndcg, top_k_selection

Offsets = top_k_selection.Offsets
Videos = top_k_selection.Videos
Vectors = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]


def top_k(
    user_vectors: Vectors,
    video_vectors: Vectors,
    watched_offsets: Offsets | None,
    watched_videos: Videos | None,
    k: int,
    block_bytes: int = top_k_selection.BLOCK_BYTES,
    available: top_k_selection.Available | None = None,
) -> npt.NDArray[np.int32]:
    """Returns each user's k best unwatched videos, best first.

    Args:
      user_vectors: `[num_users, dim] float32`.
      video_vectors: `[num_videos, dim] float32`, row i ↔ video index i + 1.
      watched_offsets: `[num_users + 1]`, or None to remove nothing.
      watched_videos: Video indices to remove; zeros are ignored.
      k: Length of the lists.
      block_bytes: Bound on the memory of one block of scores.
      available: Upload time of each video `[num_videos]` and request time of each user
        `[num_users]`; later uploads are left out. None: all videos are available.

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
    watched = None
    if watched_offsets is not None and watched_videos is not None:
        watched = watched_offsets, watched_videos

    def products(users: slice, videos: slice, out: Vectors) -> None:
        np.matmul(user_vectors[users], video_vectors[videos].T, out=out)

    shape = len(user_vectors), len(video_vectors)
    return top_k_selection.best_of(products, shape, watched, k, block_bytes, available)


def hits_of(
    top: npt.NDArray[np.int32], target_offsets: Offsets, target_videos: Videos
) -> npt.NDArray[np.bool_]:
    """Returns `[num_users, k]`, whether each listed video is a target of its user.

    >>> hits_of(np.array([[3, 1, 0]], np.int32), np.array([0, 2]), np.array([1, 0]))
    array([[False,  True, False]])
    """
    ones = np.ones(len(target_videos))
    return weights_of(top, target_offsets, target_videos, ones) > 0.0


def weights_of(
    top: npt.NDArray[np.int32],
    target_offsets: Offsets,
    target_videos: Videos,
    target_weights: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Returns `[num_users, k]`, the weight of each listed target, 0 for other videos.

    >>> top = np.array([[3, 1, 0]], np.int32)
    >>> weights_of(top, np.array([0, 2]), np.array([1, 2]), np.array([30.0, 9.0]))
    array([[ 0., 30.,  0.]])
    """
    target_users = ragged.rows_of(target_offsets)
    targets = np.asarray(target_videos)[target_offsets[0] : target_offsets[-1]]
    weights = np.asarray(target_weights)[target_offsets[0] : target_offsets[-1]]
    stride = int(max(top.max(initial=0), targets.max(initial=0))) + 1
    keys = target_users * stride + targets
    order = np.argsort(keys, kind="stable")
    listed = np.arange(len(top))[:, None] * stride + top
    if not len(keys):
        return np.zeros(top.shape)
    places = order[
        np.minimum(np.searchsorted(keys, listed, sorter=order), len(keys) - 1)
    ]
    return np.where((keys[places] == listed) & (top > 0), weights[places], 0.0)


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
    return recall_and_ndcg.evaluate(hits, np.diff(target_offsets), ks)


def inverse_propensities(watches: Array, power: float) -> Array:
    """Returns one over each video's propensity, up to a common factor.

    Watches of a log follow exposure: a popular video is a right answer often because it
    was shown often. Weighted by one over its propensity, an answer counts as if all
    videos had been exposed equally (Yang, Cui, Xuan, Wang, Belongie and Estrin, RecSys
    2018).

    A propensity is in proportion to a power of the training watches, at least one. With
    power 1 all videos have the same total weight, with power 0 all answers.

    Args:
      watches: `[n]` training watches of each video.
      power: Power of the watches.

    >>> inverse_propensities(np.array([0.0, 1.0, 4.0]), power=0.5)
    array([1. , 1. , 0.5])
    """
    return np.maximum(watches, 1.0) ** -power


def hit_rate_parts(
    lists: npt.NDArray[np.int32], targets: ragged.Ragged, weights: Array, k: int
) -> tuple[Array, Array]:
    """Returns each user's weights of hits in the first k, and of all answers.

    The debiased hit rate is the ratio of their sums over users.

    >>> lists = np.array([[7, 8], [8, 9]], np.int32)
    >>> targets = ragged.Ragged(np.array([0, 2, 3]), np.array([7, 5, 9]))
    >>> hit_rate_parts(lists, targets, np.array([0.5, 1.0, 1.0]), k=1)
    (array([0.5, 0. ]), array([1.5, 1. ]))

    Args:
      lists: `[num_users, length]`, best first, 0 = none.
      targets: Right answers of each user.
      weights: `[targets]`.
      k: Length at which lists are cut.
    """
    hits = weights_of(lists, *targets, weights)[:, :k].sum(axis=1)
    answers = np.bincount(targets.rows, weights, minlength=len(lists))
    return hits, answers.astype(np.float64)


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
