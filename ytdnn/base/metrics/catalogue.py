"""Metrics of listed videos: coverage of the catalogue, popularity, age.

Lists are `[num_users, length] int32` of video indices from 1, best first; 0 stands
for no video.
"""

import numpy as np
import numpy.typing as npt

Lists = npt.NDArray[np.int32]
Array = npt.NDArray[np.float64]
_NORMAL_QUANTILE = 1.96  # of a 95 % interval


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
    found = values[lists[:, :k]]
    defined = np.isfinite(found)
    number = defined.sum(axis=1)
    total = np.where(defined, found, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def deciles(weights: Array) -> npt.NDArray[np.int64]:
    """Returns each item's decile by rank of weight, 0 (lowest) to 9; ties by place.

    >>> deciles(np.arange(20.0))[[0, 1, 2, 19]]
    array([0, 0, 1, 9])
    """
    ranks = np.empty(len(weights), np.int64)
    ranks[np.argsort(weights, kind="stable")] = np.arange(len(weights))
    return ranks * 10 // max(len(weights), 1)
