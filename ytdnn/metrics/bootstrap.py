"""Percentile bootstrap intervals over users.

Users, not impressions, are drawn with replacement: a user's impressions are not
independent. A resample is the number of times each user was drawn, so one matrix
product resamples every metric at once.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

NUM_RESAMPLES = 1_000
LEVEL = 0.95

Array = npt.NDArray[np.float64]


def resamples(num_users: int, num_resamples: int, seed: int) -> Iterator[Array]:
    """Yields `[num_users] float64`, how often each user was drawn; the sum is n.

    >>> [counts.sum().item() for counts in resamples(3, num_resamples=2, seed=0)]
    [3.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_resamples):
        drawn = rng.integers(0, num_users, num_users)
        yield np.bincount(drawn, minlength=num_users).astype(np.float64)


def interval(
    statistic: Callable[[Array], Array | float],
    num_users: int,
    num_resamples: int = NUM_RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Returns the bounds that hold the middle `level` of the resampled statistic.

    Args:
      statistic: From `[num_users]` counts to a number or an array of numbers.
      num_users: Users to draw from.
      num_resamples: Draws.
      level: Share of resamples within the bounds.
      seed: Seed of the draws.

    Returns:
      Lower and upper bound, shaped as the statistic. Resamples where it is NaN are
      left out; NaN where it always is, or where there are no users.

    >>> values = np.array([0.0, 1.0, 1.0, 0.0])
    >>> low, high = interval(lambda counts: counts @ values / counts.sum(), 4)
    >>> low.item(), high.item()
    (0.0, 1.0)
    """
    if num_users == 0:
        undefined = np.full_like(statistic(np.zeros(0)), np.nan, dtype=np.float64)
        return undefined, undefined
    draws = [statistic(c) for c in resamples(num_users, num_resamples, seed)]
    values = np.asarray(draws, np.float64)
    defined = np.where(np.isfinite(values).any(axis=0), values, 0.0)
    tail = 100.0 * (1.0 - level) / 2.0
    low, high = np.nanpercentile(defined, [tail, 100.0 - tail], axis=0)
    unknown = ~np.isfinite(values).any(axis=0)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def mean_intervals(
    values: dict[str, Array],
    num_resamples: int = NUM_RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Returns the interval of the mean over users of each metric.

    Args:
      values: Per-user arrays, all `[num_users]`.
      num_resamples: Draws, shared by all metrics.
      level: Share of resamples within the bounds.
      seed: Seed of the draws.

    >>> mean_intervals({"hit_rate@1": np.ones(5)})
    {'hit_rate@1': (1.0, 1.0)}
    """
    if not values:
        return {}
    matrix = np.stack(list(values.values()), axis=1)
    num_users = len(matrix)

    def means(counts: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return counts @ matrix / np.float64(num_users)

    low, high = interval(means, num_users, num_resamples, level, seed)
    bounds = zip(low.tolist(), high.tolist(), strict=True)
    return dict(zip(values, bounds, strict=True))
