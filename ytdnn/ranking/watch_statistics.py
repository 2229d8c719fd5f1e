"""Statistics of the watch time of clicks, which the targets of `watch_time` begin with.

They are measured once on the training impressions, on a million clicks at most.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

LEAST_SECONDS = 1e-3  # so that logs are finite
NUM_QUANTILES = 50
MOST_OF_MEAN = 10.0  # mean watch times that a click counts for
_NUM_GROUPS = 20
_LEAST_OF_GROUP = 20  # clicks
_MOST_SAMPLED = 1 << 20  # clicks

Floats = npt.NDArray[np.floating]


@dataclasses.dataclass(frozen=True)
class WatchTimeStatistics:
    """Statistics of the watch time of clicks in the training impressions.

    Attributes:
      fraction: Mean share of the video watched, at most 1 of each click.
      restored: Watch time over that of the shares, Σ T / Σ min(T / D, 1) · D.
      seconds_restored: Watch time over that of clicks of at most ten times the mean.
      seconds_spread: Log of the mean seconds less the mean of log seconds: the gamma
        deviance of one number for all clicks. At most ten times the mean of each.
      share_deviance: The gamma deviance of one share of the duration for all clicks;
        `seconds_spread` where most durations are unknown.
      group_edges: Ascending durations, seconds, between groups of videos.
      group_quantiles: Ascending watch seconds of each group.
    """

    fraction: float = 0.5
    restored: float = 1.0
    seconds_restored: float = 1.0
    seconds_spread: float = 1.0
    share_deviance: float = 0.0
    group_edges: tuple[float, ...] = ()
    group_quantiles: tuple[tuple[float, ...], ...] = ((0.0, 1.0),)


UNKNOWN = WatchTimeStatistics()


class Sample:
    """Clicks with watch seconds, thinned evenly beyond a million."""

    def __init__(self) -> None:
        """Begins empty."""
        self._parts: list[Floats] = []
        self._every = 1
        self._seen = 0

    def add(self, seconds: Floats, durations: Floats) -> None:
        """Adds clicks: watch seconds above 0 and durations, 0 where unknown."""
        pairs = np.column_stack([seconds, durations]).astype(np.float64)
        first = -self._seen % self._every
        self._seen += len(pairs)
        self._parts.append(pairs[first :: self._every])
        while sum(map(len, self._parts)) > _MOST_SAMPLED:
            self._parts = [np.concatenate(self._parts)[::2]]
            self._every *= 2

    def observed(self, mean: float) -> WatchTimeStatistics:
        """Returns the statistics of the clicks.

        Args:
          mean: Mean watch seconds of a click, in place of unknown durations.
        """
        pairs = np.concatenate([np.zeros([0, 2]), *self._parts])
        if not len(pairs):
            return UNKNOWN
        seconds, durations = pairs.T
        scales = np.where(durations > 0.0, durations, mean)
        fractions = np.minimum(seconds / scales, 1.0)
        groups, quantiles = _groups(seconds, scales)
        known = float((durations > 0.0).mean())
        bounded = np.minimum(seconds, MOST_OF_MEAN * mean)
        amounts = np.maximum(bounded, LEAST_SECONDS)
        spread = float(np.log(amounts.mean()) - np.log(amounts).mean())
        return WatchTimeStatistics(
            fraction=float(fractions.mean()),
            restored=float(seconds.sum() / (fractions * scales).sum()),
            seconds_restored=float(seconds.sum() / bounded.sum()),
            seconds_spread=spread,
            share_deviance=spread if known < 0.5 else _deviance(bounded, scales),
            group_edges=groups,
            group_quantiles=quantiles,
        )


def _deviance(seconds: Floats, durations: Floats) -> float:
    """Returns half the mean gamma deviance of the share that gives the total."""
    parts = np.maximum(seconds, LEAST_SECONDS) / durations
    parts *= durations.sum() / seconds.sum()
    return float((parts - 1.0 - np.log(parts)).mean())


def _groups(
    seconds: Floats, scales: Floats
) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Returns the edges of groups of durations, and quantiles of each group."""
    number = int(np.clip(len(seconds) // _LEAST_OF_GROUP, 1, _NUM_GROUPS))
    shares = np.linspace(0.0, 1.0, number + 1)[1:-1]
    edges = np.unique(np.quantile(scales, shares).astype(np.float32))
    places = np.searchsorted(edges, scales.astype(np.float32), side="right")
    levels = np.linspace(0.0, 1.0, NUM_QUANTILES)
    of_groups = [seconds[places == group] for group in range(len(edges) + 1)]
    quantiles = [np.quantile(s if len(s) else seconds, levels) for s in of_groups]
    return tuple(edges.tolist()), tuple(tuple(q.tolist()) for q in quantiles)
