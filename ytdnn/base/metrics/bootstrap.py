"""Percentile bootstrap intervals over users.

Users, not impressions, are drawn with replacement: a user's impressions are not
independent. A resample is the number of times each user was drawn, so one matrix
product resamples every metric that is a ratio of sums over users, as a mean is.
"""

import functools
from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

NUM_RESAMPLES = 1_000
LEVEL = 0.95
_BLOCK_BYTES = 64 * 2**20

Array = npt.NDArray[np.float64]
_K = TypeVar("_K", bound=Hashable)


def ratio(numerator: float, denominator: float) -> float:
    """Returns a quotient; NaN for a zero denominator."""
    return float(numerator / denominator) if denominator > 0.0 else float("nan")


def ratios(parts: Mapping[_K, tuple[Array, Array]]) -> dict[_K, float]:
    """Returns the ratio of the sums over users of each metric.

    >>> ratios({"x": (np.array([1.0, 2.0]), np.array([2.0, 4.0]))})
    {'x': 0.5}

    Args:
      parts: Numerators and denominators, all `[num_users]`.
    """
    return {name: ratio(a.sum(), b.sum()) for name, (a, b) in parts.items()}


def resamples(num_users: int, num_resamples: int, seed: int) -> Iterator[Array]:
    """Yields `[num_users] float64`, how often each user was drawn; the sum is n.

    >>> [counts.sum().item() for counts in resamples(3, num_resamples=2, seed=0)]
    [3.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_resamples):
        drawn = rng.integers(0, num_users, num_users)
        yield np.bincount(drawn, minlength=num_users).astype(np.float64)


def blocks(num_users: int, num_resamples: int, seed: int) -> Iterator[Array]:
    """Yields `resamples` in blocks `[resamples, num_users]` of bounded memory.

    >>> np.concatenate(list(blocks(3, num_resamples=4, seed=0))).shape
    (4, 3)
    """
    rows = max(1, _BLOCK_BYTES // (8 * max(num_users, 1)))
    draws = resamples(num_users, num_resamples, seed)
    if 2 * num_users * num_resamples <= _BLOCK_BYTES:
        draws = iter(_known(num_users, num_resamples, seed))
    for start in range(0, num_resamples, rows):
        size = min(rows, num_resamples - start)
        yield np.stack([next(draws) for _ in range(size)]).astype(np.float64)


@functools.lru_cache(maxsize=4)
def _known(num_users: int, num_resamples: int, seed: int) -> npt.NDArray[np.uint16]:
    """Returns all resamples, which every system and metric of a report has."""
    drawn = resamples(num_users, num_resamples, seed)
    return np.stack([counts.astype(np.uint16) for counts in drawn])


def ratio_draws(
    numerators: Array, denominators: Array, num_resamples: int, seed: int = 0
) -> Array:
    """Returns the ratio of two sums over users in each resample.

    Args:
      numerators: `[num_users, num_metrics]`.
      denominators: `[num_users, num_metrics]`.
      num_resamples: Draws, shared by all metrics.
      seed: Seed of the draws: with one seed and the same users, two systems get the
        same draws, and their differences are paired.

    Returns:
      `[num_resamples, num_metrics]`, NaN where the denominator is 0.

    >>> ratio_draws(np.ones((3, 1)), np.full((3, 1), 2.0), num_resamples=2).tolist()
    [[0.5], [0.5]]
    """
    num_users = len(numerators)
    sums = np.concatenate([numerators, denominators], axis=1)
    resampled = [block @ sums for block in blocks(num_users, num_resamples, seed)]
    above, below = np.split(np.concatenate(resampled), 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0.0, above / below, np.nan)


def ratio_intervals(
    parts: Mapping[_K, tuple[Array, Array]],
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> dict[_K, tuple[float, float]]:
    """Returns the interval of each metric that is a ratio of sums over users.

    Args:
      parts: Numerators and denominators of each metric, all `[num_users]`.
      num_resamples: Draws, shared by all metrics.
      seed: Seed of the draws.

    >>> ratio_intervals({"share": (np.array([2.0, 1.0]), np.array([4.0, 2.0]))})
    {'share': (0.5, 0.5)}
    """
    if not parts:
        return {}
    above, below = (
        np.stack([np.asarray(pair[side]) for pair in parts.values()], axis=1)
        for side in (0, 1)
    )
    if not len(above):
        return dict.fromkeys(parts, (float("nan"), float("nan")))
    low, high = percentiles(ratio_draws(above, below, num_resamples, seed))
    return dict(zip(parts, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def user_pairs_interval(
    value: float, interval: tuple[float, float]
) -> tuple[float, float]:
    """Returns the interval of a share of pairs that may belong to two users.

    Each user's pairs with all users, divided by the number of them, are a ratio of sums
    over users; but a drawn user changes a pair at both ends, so that the share varies
    twice as much as that ratio (Hoeffding's projection of a U statistic).

    Args:
      value: The share, in [0, 1].
      interval: Interval of the ratio of sums, from `ratio_intervals`.

    >>> user_pairs_interval(0.75, (0.5, 0.875))
    (0.25, 1.0)
    """
    low, high = np.clip(2.0 * np.array(interval) - value, 0.0, 1.0).tolist()
    return low, high


def mean_parts(values: Array) -> tuple[Array, Array]:
    """Returns the mean over users, NaN left out, as numerators and denominators.

    >>> mean_parts(np.array([0.5, np.nan]))
    (array([0.5, 0. ]), array([1., 0.]))
    """
    defined = np.isfinite(values)
    return np.where(defined, values, 0.0), defined.astype(np.float64)


def percentiles(draws: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Returns the bounds of the middle `level` of draws `[num_resamples, …]`.

    Draws that are not finite are left out; NaN without finite draws.
    """
    unknown = ~np.isfinite(draws).any(axis=0)
    tail = 100.0 * (1.0 - level) / 2.0
    finite = np.where(np.isfinite(draws), draws, np.nan)
    low, high = np.nanpercentile(
        np.where(unknown, 0.0, finite), [tail, 100.0 - tail], axis=0
    )
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
