"""Calibration: predictions against observations, by quantile of the prediction."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ytdnn.base.metrics import bootstrap, tied_values

NUM_BINS = 10

Indices = npt.NDArray[np.integer]
Values = npt.NDArray[np.floating]
Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Bin:
    """The examples of one quantile of the predictions.

    Attributes:
      predicted: Mean prediction, Σ predicted · total / Σ total.
      observed: Mean observation, Σ observed / Σ total.
      observed_interval: Bootstrap interval of `observed` over users.
      ratio: Predicted over observed; 1 where calibrated, above 1 where predictions are
        too large.
      ratio_interval: Bootstrap interval of `ratio` over users.
      num_examples: Number of examples in the bin.
    """

    predicted: float
    observed: float
    observed_interval: Interval
    ratio: float
    ratio_interval: Interval
    num_examples: int


def by_quantile(
    users: Indices,
    predicted: Values,
    observed: Values,
    totals: Values | None = None,
    num_bins: int = NUM_BINS,
    num_resamples: int = bootstrap.NUM_RESAMPLES,
    seed: int = 0,
) -> list[Bin]:
    """Returns mean prediction and observation in each quantile of predictions.

    Args:
      users: `[n]`, numbers from 0 on, which the bootstrap draws.
      predicted: `[n]`, at least 0.
      observed: `[n]`, observation of each example.
      totals: `[n]`, weights in the divisor; None: 1, a mean over examples. For odds: 1
        for impressions without a click, else 0.
      num_bins: Number of quantiles, from `bins`.
      num_resamples: Bootstrap draws.
      seed: Seed of the draws.

    Returns:
      Bins from the lowest predictions up, empty without examples. A quotient with
      divisor 0 is NaN.

    >>> predicted, seconds = np.array([1.0, 5.0, 2.0, 6.0]), np.array([1.0, 7, 3, 7])
    >>> found = by_quantile(np.zeros(4, int), predicted, seconds, num_bins=2)
    >>> [(one.predicted, one.observed, one.ratio) for one in found]
    [(1.5, 2.0, 0.75), (5.5, 7.0, 0.7857142857142857)]
    """
    totals = np.ones(len(observed)) if totals is None else np.asarray(totals, float)
    of_example = bins(predicted, num_bins)
    sums = [
        _sums(users, of_example, np.asarray(values, np.float64))
        for values in (predicted * totals, observed, totals)
    ]
    given, happened, total = (values.sum(axis=0) for values in sums)
    above = np.concatenate([sums[1], sums[0]], axis=1)
    below = np.concatenate([sums[2], sums[1]], axis=1)
    if not above.size:
        return []
    draws = bootstrap.ratio_draws(above, below, num_resamples, seed)
    low, high = bootstrap.percentiles(draws)
    intervals = list(zip(low.tolist(), high.tolist(), strict=True))
    counts = np.bincount(of_example)
    return [
        Bin(
            predicted=bootstrap.ratio(given[place], total[place]),
            observed=bootstrap.ratio(happened[place], total[place]),
            observed_interval=intervals[place],
            ratio=bootstrap.ratio(given[place], happened[place]),
            ratio_interval=intervals[len(counts) + place],
            num_examples=int(counts[place]),
        )
        for place in range(len(counts))
    ]


def bins(predicted: Values, num_bins: int = NUM_BINS) -> npt.NDArray[np.intp]:
    """Returns the quantile of each prediction, `[n]`, numbered from 0 without gaps.

    The quantiles are equally large, except that equal predictions share a bin: a
    constant is one bin. Fewer than `num_bins` examples have a bin each.

    >>> bins(np.array([0.5, 0.1, 0.1, 0.1, 0.9]), num_bins=5)
    array([1, 0, 0, 0, 2])
    """
    size = len(predicted)
    order = np.argsort(predicted, kind="stable")
    first, stop = tied_values.bounds(tied_values.starts(np.asarray(predicted)[order]))
    middle = (first + stop) / 2.0
    quantiles = np.empty(size, np.intp)
    quantiles[order] = middle * min(num_bins, size) / max(size, 1)
    return np.unique(quantiles, return_inverse=True)[1]


def _sums(
    users: Indices, of_example: npt.NDArray[np.intp], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Returns `[users, bins]`, sums of `[n]` values."""
    shape = int(np.max(users, initial=-1)) + 1, int(of_example.max(initial=-1)) + 1
    place = np.asarray(users, np.int64) * shape[1] + of_example
    sums = np.bincount(place, values, shape[0] * shape[1]).astype(np.float64)
    return sums.reshape(shape)
