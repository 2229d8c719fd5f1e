"""Differences between the arms of a test, adjusted by users' earlier behaviour.

Users are assigned to arms, so users are the sample, whatever the metric counts: watch
seconds per visit is a ratio of two sums over users. Its variance is that of the
linearised ratio (delta method; Deng, Knoblich and Lu, *Applying the Delta Method in
Metric Analytics*, KDD 2018).

CUPED (Deng, Xu, Kohavi and Walker, *Improving the Sensitivity of Online Controlled
Experiments by Utilizing Pre-Experiment Data*, WSDM 2013) removes the part of the
difference that is explained by the same metric of the users before the test, by
regression. It is unbiased, since values before the test cannot depend on the arm.
"""

import math
import statistics
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
_MOST_LEVERAGE = 0.9  # HC3 divides by 1 less it

Array = npt.NDArray[np.float64]


class Sums(NamedTuple):
    """The sums of the users of an arm, all `[users] float64`.

    Attributes:
      totals: Numerator of the metric, such as watch seconds.
      counts: Denominator, such as visits.
      earlier_totals: Numerator before the test, 0 for users who were not there.
      earlier_counts: Denominator before the test, likewise.
    """

    totals: Array
    counts: Array
    earlier_totals: Array
    earlier_counts: Array


class Ratio(NamedTuple):
    """A ratio of sums over users.

    Attributes:
      value: The ratio; NaN where the denominator is 0.
      standard_error: Standard error of the value.
    """

    value: float
    standard_error: float


class MeanDifference(NamedTuple):
    """The second arm minus the first.

    Attributes:
      difference: With CUPED, if asked for.
      standard_error: Standard error of the difference.
      p_value: Two-sided p-value of a look at a time that was fixed beforehand.
      variance_kept: Share of the variance that CUPED leaves; 1 without it.
    """

    difference: float
    standard_error: float
    p_value: float
    variance_kept: float

    @property
    def variance(self) -> float:
        """Variance of the difference."""
        return self.standard_error**2


def ratio(totals: Array, counts: Array) -> Ratio:
    """Returns sum over sum, and the standard error of it over users.

    >>> ratio(np.array([2.0, 4.0]), np.array([1.0, 1.0]))
    Ratio(value=3.0, standard_error=1.4142135623730951)
    """
    if not len(counts) or not counts.sum():
        return Ratio(math.nan, math.nan)
    value = float(totals.sum() / counts.sum())
    parts = linearised(totals, counts)
    return Ratio(value, math.sqrt(_variance(parts, counts / counts.sum())))


def linearised(totals: Array, counts: Array) -> Array:
    """Returns each user's part in a ratio's deviation, `[users]`; their mean is 0.

    `(total - ratio · count) / mean count`: the ratio moves by its mean over users.
    """
    below = counts.sum()
    if not below:
        return np.zeros(len(counts))
    return (totals - totals.sum() / below * counts) / (below / len(counts))


def difference(first: Sums, second: Sums, cuped: bool = True) -> MeanDifference:
    """Returns the difference of two arms' ratios.

    Args:
      first: The arm to compare with.
      second: The other.
      cuped: Whether to remove the part that the time before explains; a user who was
        not there counts as the mean user.

    >>> nothing = np.zeros(2)
    >>> first = Sums(np.array([1.0, 3.0]), np.ones(2), nothing, nothing)
    >>> second = Sums(np.array([2.0, 4.0]), np.ones(2), nothing, nothing)
    >>> difference(first, second).difference
    1.0
    """
    arms = (first, second)
    values = [ratio(arm.totals, arm.counts).value for arm in arms]
    parts = [linearised(arm.totals, arm.counts) for arm in arms]
    weights = [arm.counts / max(float(arm.counts.sum()), 1e-12) for arm in arms]
    plain = sum(map(_variance, parts, weights))
    change = values[1] - values[0]
    variance = plain
    if cuped:
        before = _earlier(first, second)
        slope = _slope(parts, before)
        change -= slope * float(before[1].mean() - before[0].mean())
        left = [part - slope * one for part, one in zip(parts, before, strict=True)]
        spread = max(sum(float(_centred(one) @ _centred(one)) for one in before), 1e-12)
        pulls = [_centred(one) ** 2 / spread for one in before]
        leverage = map(np.add, weights, pulls)
        variance = sum(map(_variance, left, leverage))
    error = math.sqrt(variance) if math.isfinite(change) else math.nan
    kept = variance / plain if plain else 1.0
    return MeanDifference(change, error, p_value(change, error), kept)


def p_value(value: float, standard_error: float) -> float:
    """Returns the two-sided p-value of a value that is 0 by hypothesis.

    >>> round(p_value(1.96, 1.0), 3)
    0.05
    """
    if not standard_error > 0.0:
        return 1.0
    return 2.0 * statistics.NormalDist().cdf(-abs(value) / standard_error)


def interval(value: float, standard_error: float) -> tuple[float, float]:
    """Returns the normal interval of a value, of `LEVEL`.

    >>> [round(end, 2) for end in interval(1.0, 0.5)]
    [0.02, 1.98]
    """
    half = statistics.NormalDist().inv_cdf(0.5 + LEVEL / 2.0) * standard_error
    return value - half, value + half


def lift(first: Ratio, change: MeanDifference) -> Ratio:
    """Returns a difference as a share of the first arm's value (delta method).

    It has the sign of the difference, CUPED included. The difference and the first
    value go together by minus the variance of the first arm that CUPED leaves.

    >>> lift(Ratio(2.0, 0.0), MeanDifference(1.0, 0.0, 0.0, 1.0))
    Ratio(value=0.5, standard_error=0.0)
    """
    if not first.value or not math.isfinite(first.value):
        return Ratio(math.nan, math.nan)
    share = change.difference / first.value
    of_first = first.standard_error**2
    variance = change.variance + share**2 * of_first
    variance += 2.0 * share * change.variance_kept * of_first
    return Ratio(share, math.sqrt(max(variance, 0.0)) / abs(first.value))


def _earlier(first: Sums, second: Sums) -> tuple[Array, Array]:
    """Returns the earlier values of users of both arms, on one scale."""
    totals = np.concatenate([first.earlier_totals, second.earlier_totals])
    counts = np.concatenate([first.earlier_counts, second.earlier_counts])
    parts = linearised(totals, counts)
    return parts[: len(first.totals)], parts[len(first.totals) :]


def _slope(parts: list[Array], before: tuple[Array, Array]) -> float:
    """Returns the regression of the metric on the time before, within arms."""
    centred = [_centred(values) for values in before]
    spread = sum(float(values @ values) for values in centred)
    along = sum(map(float, map(np.dot, parts, centred)))
    return along / spread if spread else 0.0


def _centred(values: Array) -> Array:
    return values - values.mean()


def _variance(parts: Array, leverage: Array) -> float:
    """Returns the variance of the mean of users' parts; infinite for fewer than two.

    Few users make most visits, and the ratio follows them: their parts look too small.
    Each is divided by one minus its leverage, as if the ratio had been taken without
    its user (HC3: MacKinnon and White, 1985).

    Args:
      parts: `[users]`, of mean 0.
      leverage: `[users]`, share of each in the fit.
    """
    if len(parts) < 2:
        return math.inf
    left = _centred(parts) / (1.0 - np.minimum(leverage, _MOST_LEVERAGE))
    return float(left @ left) / len(parts) ** 2
