"""Counts of a video's earlier impressions: click rate, mean seconds and odds.

Whoever has a log counts these first, so they are what a ranker is compared with, and
what a bundle orders by where one is surely better (`composition.ordered_by`). Each is
smoothed toward the mean of all impressions by a number of average ones.
"""

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt

from ytdnn.features import counter_sums
from ytdnn.log import events, prepared

Floats = npt.NDArray[np.float64]

CLICK_RATE = "click_rate"
MEAN_SECONDS = "mean_seconds"
ODDS = "odds"  # the target of weighted logistic regression (PAPER §4.2)
KINDS: dict[str, Callable[[Floats], Floats]] = {
    CLICK_RATE: lambda sums: sums[0] / sums[2],
    MEAN_SECONDS: lambda sums: sums[1] / sums[2],
    ODDS: lambda sums: (
        np.maximum(sums[1], _LEAST) / np.maximum(sums[2] - sums[0], _LEAST)
    ),
}
SMOOTHINGS = (10.0, 1.0, 3.0, 30.0, 100.0)  # average impressions, the usual one first
MEANINGS = {
    CLICK_RATE: "share of clicks of the video's impressions, smoothed",
    MEAN_SECONDS: "watch seconds of an impression of the video, mean, smoothed",
    ODDS: "watch seconds for each impression of the video without a click, smoothed",
}
_LEAST = 1e-6  # of a log without clicks, or with nothing else


def kinds(has_seconds: bool) -> list[str]:
    """Returns the counts of a log; without watch time all order as the click rate."""
    return list(KINDS) if has_seconds else [CLICK_RATE]


def value(kind: str, sums: Floats, mean: Floats, smoothing: float) -> Floats:
    """Returns a smoothed count.

    >>> sums = np.array([[1.0, 0.0], [30.0, 0.0], [2.0, 0.0]])
    >>> value("mean_seconds", sums, np.array([[0.5], [10.0], [1.0]]), 2.0)
    array([12.5, 10. ])

    Args:
      kind: One of `KINDS`.
      sums: `[3, n]` clicks, watch seconds of clicks, and impressions.
      mean: `[3, 1]` the same of the average impression.
      smoothing: Number of average impressions to add, above 0.
    """
    return KINDS[kind](sums + smoothing * mean)


def mean(sums: Floats) -> Floats:
    """Returns clicks, seconds and number (1) of the average impression, `[3, 1]`.

    Args:
      sums: `[3, n]` of all videos.
    """
    total = sums.sum(axis=1, keepdims=True)
    return np.where([[False], [False], [True]], 1.0, total / max(total[2, 0], 1.0))


def served(data: prepared.PreparedData, kind: str) -> npt.NDArray[np.float32]:
    """Returns the logarithm of a count of each video as a bundle serves it.

    Args:
      data: The prepared set.
      kind: One of `KINDS`.

    Returns:
      `[num_videos + 1]`, as of the serving moment; 0 is an unknown video.
    """
    every = np.arange(data.num_videos + 1)
    return order(kind, sums_before(data, every, counter_sums.serving_moment(data)))


def order(kind: str, sums: Floats) -> npt.NDArray[np.float32]:
    """Returns the logarithm of a count of each video.

    Args:
      kind: One of `KINDS`.
      sums: `[3, n]` of all videos.
    """
    values = value(kind, sums, mean(sums), SMOOTHINGS[0])
    return np.log(np.maximum(values, _LEAST)).astype(np.float32)


def sums_before(
    data: prepared.PreparedData,
    videos: npt.NDArray[np.integer],
    moments: npt.ArrayLike,
    splits: Collection[int] = tuple(events.Split),
) -> Floats:
    """Returns sums over each video's impressions strictly before a moment.

    The log is read once, shard by shard: an impression is added to the first question
    after it, and sums are passed on to later questions about the same video. The sums
    do not depend on the division into shards.

    Args:
      data: The prepared set.
      videos: `[n]` catalogue indices.
      moments: `[n]` seconds, or one for all.
      splits: Splits whose impressions count.

    Returns:
      `[3, n]`: clicks, watch seconds of clicks (clicks where the log has no watch
      time), and impressions.
    """
    until = np.broadcast_to(np.asarray(moments, np.int64), np.shape(videos))
    by_video = np.lexsort((until, videos))
    until, asked = until[by_video], np.asarray(videos, np.int64)[by_video]
    lowest = int(until.min(initial=0))
    stride = int(until.max(initial=0)) - lowest + 2
    keys = asked * stride + (until - lowest) + 1
    sums = np.zeros((3, len(keys)))
    for shard in data.log.shards:
        shown = shard.read().impressions
        if shown is None or not len(keys):
            continue
        of_videos = np.asarray(shown.videos, np.int64)
        since = np.clip(np.asarray(shown.times) - lowest + 1, 0, stride - 1)
        places = np.searchsorted(keys, of_videos * stride + since, side="right")
        inside = np.minimum(places, len(keys) - 1)
        is_asked = (places < len(keys)) & (asked[inside] == of_videos)
        keep = np.flatnonzero(is_asked & np.isin(shown.splits, [*splits]))
        clicked = np.asarray(shown.clicked, np.float64)[keep]
        given = clicked if shown.seconds is None else np.asarray(shown.seconds)[keep]
        seconds = np.where(clicked > 0.0, given, 0.0)
        ones = np.ones(len(keep))
        for total, values in zip(sums, (clicked, seconds, ones), strict=True):
            np.add.at(total, places[keep], values)
    total, is_first = np.cumsum(sums, axis=1), np.append(True, asked[1:] != asked[:-1])
    before = (total - sums)[:, is_first[: len(asked)]]
    sums[:, by_video] = total - before[:, np.cumsum(is_first[: len(asked)]) - 1]
    return sums
