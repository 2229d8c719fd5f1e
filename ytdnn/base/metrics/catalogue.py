"""Metrics of listed videos: coverage of the catalogue, popularity, age, variety.

Lists are `[num_users, length] int32` of video indices from 1, best first; 0 stands
for no video.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.base import registries
from ytdnn.base.metrics import ranked_lists

Lists = npt.NDArray[np.int32]
Array = npt.NDArray[np.float64]
_NORMAL_QUANTILE = 1.96  # of a 95 % interval
_USERS_A_PART = 1 << 12
_GROUPS = 20  # of users, for the interval of the Gini index


def coverage(lists: Lists, num_videos: int, k: int) -> tuple[float, float, float]:
    """Returns the share of videos in at least one list of length k, and its interval.

    The interval is the jackknife's: leaving one user out loses exactly the videos
    that only their list holds. A bootstrap is biased here: a resample repeats users,
    and so always covers less.

    Args:
      lists: `[num_users, length]`.
      num_videos: Videos that could be listed.
      k: Length at which lists are cut.

    Returns:
      Share, lower and upper bound of the 95 % interval.

    >>> coverage(np.array([[1, 2], [1, 0]], np.int32), num_videos=4, k=2)[0]
    0.5
    """
    cut = lists[:, :k]
    counts = np.bincount(cut[cut > 0], minlength=1)
    share = float((counts > 0).sum()) / max(num_videos, 1)
    lost = ((counts[cut] == 1) & (cut > 0)).sum(axis=1) / max(num_videos, 1)
    num_users = len(cut)
    factor = (num_users - 1) / max(num_users, 1)
    error = float(np.sqrt(factor * np.square(lost - lost.mean()).sum()))
    half = _NORMAL_QUANTILE * error
    return share, max(0.0, share - half), min(1.0, share + half)


def mean_of_listed(lists: Lists, values: Array, k: int) -> Array:
    """Returns the mean over each list's first k videos of a value of the video.

    Args:
      lists: `[num_users, length]`.
      values: `[num_videos + 1]` by video index; NaN where unknown.
      k: Length at which lists are cut.

    Returns:
      `[num_users]`; NaN where no listed video has a value.

    >>> values = np.array([np.nan, 10.0, 20.0, np.nan])
    >>> mean_of_listed(np.array([[1, 2], [3, 0]], np.int32), values, k=2)
    array([15., nan])
    """
    listed = values[lists[:, :k]]
    defined = np.isfinite(listed)
    number = defined.sum(axis=1)
    total = np.where(defined, listed, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def deciles(weights: Array) -> npt.NDArray[np.int64]:
    """Returns each item's decile by rank of weight, 0 (lowest) to 9; ties by place.

    >>> deciles(np.arange(20.0))[[0, 1, 2, 19]]
    array([0, 0, 1, 9])
    """
    ranks = np.empty(len(weights), np.int64)
    ranks[np.argsort(weights, kind="stable")] = np.arange(len(weights))
    return ranks * 10 // max(len(weights), 1)


def similarity_of_vectors(lists: Lists, vectors: npt.NDArray, k: int) -> Array:
    """Returns the mean cosine of all pairs in each list's first k videos.

    Intra-list similarity (Ziegler, McNee, Konstan and Lausen, WWW 2005), as a mean over
    pairs: 2 / (n (n - 1)) · Σ cos(i, j). A pair needs two vectors.

    Args:
      lists: `[num_users, length]`.
      vectors: `[num_videos + 1, width]` of unit length by video index, zeros where
        there is none.
      k: Length at which lists are cut.

    Returns:
      `[num_users]`; NaN where fewer than two listed videos have a vector.

    >>> vectors = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> similarity_of_vectors(np.array([[1, 2, 3], [3, 0, 0]], np.int32), vectors, k=3)
    array([0.33333333,        nan])
    """
    means = [np.zeros(0)]
    for start in range(0, len(lists), _USERS_A_PART):
        some = np.asarray(vectors[lists[start : start + _USERS_A_PART, :k]], np.float64)
        squares = np.square(some).sum(axis=2)
        number = (squares > 0.0).sum(axis=1)
        # |Σ v|² counts each pair twice, and each vector with itself.
        total = np.square(some.sum(axis=1)).sum(axis=1) - squares.sum(axis=1)
        means.append(_pair_mean(total, number))
    return np.concatenate(means)


def similarity_of_values(
    lists: Lists, values: npt.NDArray[np.integer], k: int
) -> Array:
    """Returns the share of pairs with equal values in each list's first k videos.

    Intra-list similarity with 1 for two videos with the same value, else 0.

    Args:
      lists: `[num_users, length]`.
      values: `[num_videos + 1]` codes by video index, 0 = unknown.
      k: Length at which lists are cut.

    Returns:
      `[num_users]`; NaN where fewer than two listed videos have a value.

    >>> values = np.array([0, 5, 5, 7])
    >>> similarity_of_values(np.array([[1, 2, 3], [3, 0, 0]], np.int32), values, k=3)
    array([0.33333333,        nan])
    """
    of_lists = values[lists[:, :k]]
    is_known = of_lists > 0
    pairs = of_lists[:, :, np.newaxis] == of_lists[:, np.newaxis, :]
    pairs &= is_known[:, :, np.newaxis]
    number = is_known.sum(axis=1)
    return _pair_mean(pairs.sum(axis=(1, 2)) - number, number)


def _pair_mean(total: npt.NDArray, number: npt.NDArray) -> Array:
    """Returns twice a sum over pairs as a mean, NaN of fewer than two."""
    pairs = number * (number - 1)
    return np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan)


def gini(lists: Lists, num_videos: int, k: int) -> tuple[float, float, float]:
    """Returns the Gini index of the number of lists of each video, and its interval.

    G = Σᵢ (2 i - n - 1) cᵢ / (n Σ c) over the n videos that could be listed, their
    counts c in ascending order (Fleder and Hosanagar, Management Science 2009): 0 if
    all are listed equally often, near 1 if a few have all places; NaN for empty lists.
    The interval is that of a jackknife over groups of users: a bootstrap repeats users,
    which makes counts less equal in every resample.

    Args:
      lists: `[num_users, length]`.
      num_videos: Videos that could be listed.
      k: Length at which lists are cut.

    Returns:
      Index, lower and upper bound of the 95 % interval.

    >>> gini(np.array([[1, 2], [1, 2]], np.int32), num_videos=2, k=2)
    (0.0, 0.0, 0.0)
    >>> gini(np.array([[1], [1]], np.int32), num_videos=4, k=1)[0]
    0.75
    """
    cut = lists[:, :k]
    groups = min(_GROUPS, len(cut))
    number = max(num_videos, int(cut.max(initial=0)))
    counts = np.zeros((max(groups, 1), number + 1), np.int64)
    rows = np.repeat(np.arange(len(cut)) % max(groups, 1), cut.shape[1])
    np.add.at(counts, (rows, cut.ravel()), 1)
    counts = counts[:, 1:]
    whole = _gini(counts.sum(axis=0))
    left_out = np.array([_gini(counts.sum(axis=0) - group) for group in counts])
    spread = np.square(left_out - left_out.mean()).sum()
    error = np.sqrt((groups - 1) / max(groups, 1) * spread)
    half = _NORMAL_QUANTILE * float(error) if groups > 1 and np.isfinite(error) else 0.0
    return whole, whole - half, whole + half


def _gini(counts: npt.NDArray[np.integer]) -> float:
    """Returns the Gini index of counts, NaN without any."""
    total, number = counts.sum(), len(counts)
    if not total:
        return float("nan")
    ranks = np.arange(1, number + 1)
    return float(((2 * ranks - number - 1) * np.sort(counts)).sum() / (number * total))


def novelty(lists: Lists, watches: Array, k: int) -> Array:
    """Returns the mean self-information of each list's first k videos, bits.

    The self-information of a video is -log2 p, with p its share of the training
    watches, one added to each count (Zhou et al., PNAS 2010; Vargas and Castells,
    RecSys 2011): one more bit is a video watched half as often.

    Args:
      lists: `[num_users, length]`.
      watches: `[num_videos + 1]` training watches by video index; the first is not
        read.
      k: Length at which lists are cut.

    Returns:
      `[num_users]`; NaN for an empty list.

    >>> watches = np.array([np.nan, 2.0, 0.0])
    >>> novelty(np.array([[1, 0], [1, 2]], np.int32), watches, k=2).round(3)
    array([0.415, 1.208])
    """
    counts = watches[1:] + 1.0
    bits = np.append(np.nan, -np.log2(counts / counts.sum()))
    return mean_of_listed(lists, bits, k)


def replace_by_values(lists: Lists, values: npt.NDArray[np.integer]) -> Lists:
    """Returns the lists with videos replaced by their values, without repetitions.

    Args:
      lists: `[num_users, length]`.
      values: `[num_videos + 1]` codes by video index, 0 = unknown.

    >>> replace_by_values(np.array([[1, 2, 3]], np.int32), np.array([0, 5, 5, 7]))
    array([[5, 0, 7]], dtype=int32)
    """
    replaced = values[lists].astype(np.int32)
    order = np.argsort(replaced, axis=1, kind="stable")
    ordered = np.take_along_axis(replaced, order, axis=1)
    again = np.zeros(replaced.shape, bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    np.put_along_axis(replaced, order, np.where(again, 0, ordered), axis=1)
    return replaced


@registries.METRICS.register(
    "popularity_complement",
    title="popularity complement",
    text="mean of 1 - w / w_max over the first k, w the training watches of a video, "
    "w_max those of the most watched one (expected popularity complement: Vargas and "
    "Castells, 2011). High for rare videos, right or not.",
    is_graded=False,
)
def popularity_complement(lists: ranked_lists.RankedLists, k: int) -> Array:
    """Returns the mean complement of each user's first k videos, from 0 to 1.

    NaN for a user without a list.

    Args:
      lists: Lists and training watches.
      k: Length at which the lists are cut.
    """
    most = max(float(np.nanmax(lists.train_counts, initial=0.0)), 1.0)
    return lists.mean(1.0 - lists.train_counts / most, k)
