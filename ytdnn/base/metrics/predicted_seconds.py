"""Metrics of predicted watch seconds: XAUC, and nDCG of a slate.

Impressions without a watch have 0 observed seconds.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.base.metrics import bootstrap, equal_values

Groups = npt.NDArray[np.integer]
Values = npt.NDArray[np.floating]
PerImpression = npt.NDArray[np.float64]


def xauc(predicted: Values, observed: Values) -> float:
    """Returns the share of pairs with the same order of prediction and observation.

    Over all pairs of impressions with different observed seconds (Zhan et al. 2022);
    a pair with equal predictions counts one half, so a constant has 0.5. With only two
    distinct observed values it is the AUC.

    Args:
      predicted: `[n]` seconds, or any increasing function of them.
      observed: `[n]` watch seconds.

    Returns:
      A number in [0, 1]; NaN where no two observations differ.

    >>> xauc(np.array([1.0, 5.0, 3.0]), np.array([0.0, 40.0, 60.0])).__round__(4)
    0.6667
    """
    alike, pairs = pairs_alike(np.zeros(len(observed), np.int64), predicted, observed)
    return bootstrap.ratio(alike.sum(), pairs.sum())


def grouped_xauc(
    groups: Groups, predicted: Values, observed: Values, num_groups: int
) -> PerImpression:
    """Returns the XAUC within each group, `[num_groups]`.

    Args:
      groups: `[n]`, numbers from 0 to `num_groups` - 1.
      predicted: `[n]`.
      observed: `[n]`.
      num_groups: Length of the result.

    Returns:
      In [0, 1]; NaN where no two observations of a group differ.

    >>> predicted, observed = np.array([1, 2, 1, 2]), np.array([0, 9, 9, 0])
    >>> grouped_xauc(np.array([0, 0, 1, 1]), predicted, observed, 3)
    array([ 1.,  0., nan])
    """
    alike, pairs = pairs_alike(groups, predicted, observed)
    above = np.bincount(groups, alike, num_groups)
    below = np.bincount(groups, pairs, num_groups)
    return np.where(below > 0.0, above / np.maximum(below, 1.0), np.nan)


def pairs_alike(
    groups: Groups, predicted: Values, observed: Values
) -> tuple[PerImpression, PerImpression]:
    """Returns each impression's number of correctly ordered pairs, and of all pairs.

    Pairs are within a group and have different observations. A pair is counted at both
    ends, so the ratio of the sums is the XAUC, over all impressions or over whole
    groups. The cost is O(n log n); pairs are not enumerated.

    Args:
      groups: `[n]`, equal within a group.
      predicted: `[n]`.
      observed: `[n]`.

    Returns:
      Two arrays `[n]`.

    >>> groups, predicted = np.array([0, 0, 0]), np.array([1.0, 1.0, 3.0])
    >>> pairs_alike(groups, predicted, np.array([0.0, 5.0, 5.0]))
    (array([1.5, 0.5, 1. ]), array([2., 1., 1.]))
    """
    # Equal observations stand by falling prediction: none of their pairs rises.
    order = np.lexsort((-np.asarray(predicted), observed, groups))
    group = np.asarray(groups)[order]
    rising = _rising_pairs(group, np.asarray(predicted)[order])
    alike = np.empty(len(order))
    alike[order] = rising
    in_group = _sizes(groups)
    equal = _sizes(groups, observed)
    tied = _sizes(groups, predicted) - _sizes(groups, predicted, observed)
    return alike + tied / 2.0, in_group - equal


def page_ndcg(
    pages: Groups, scores: Values, seconds: Values, k: int = 0
) -> tuple[Groups, PerImpression]:
    """Returns the nDCG of each slate with watch time, with watch seconds as gains.

    `Σ seconds / log2(rank + 1)` over the whole slate in the order of scores, or over
    its first k ranks, divided by the same sum in the order of seconds. Tied scores
    share the mean discount of their ranks, the expectation of a random order. With
    labels of 0 and 1 in place of seconds it is the nDCG@k of binary relevance.

    Args:
      pages: `[n]`, equal for the impressions of one slate.
      scores: `[n]`, higher = ranked higher.
      seconds: `[n]` watch seconds, at least 0.
      k: Number of ranks that count; 0: all.

    Returns:
      The first impression of each slate with watch time, and the slate's nDCG in (0,
      1].

    >>> pages, seconds = np.array([3, 3, 8]), np.array([0.0, 60.0, 0.0])
    >>> first, ndcg = page_ndcg(pages, np.array([0.9, 0.1, 0.5]), seconds)
    >>> first, ndcg.round(4)
    (array([0]), array([0.6309]))
    """
    _, firsts, page = np.unique(pages, return_index=True, return_inverse=True)
    seconds = np.asarray(seconds, np.float64)
    gains, ideal = (
        np.bincount(page, seconds * _discounts(page, by, k), len(firsts))
        for by in (scores, seconds)
    )
    watched = np.flatnonzero(ideal > 0.0)
    return firsts[watched], gains[watched] / ideal[watched]


def _discounts(pages: Groups, scores: Values, k: int) -> PerImpression:
    """Returns 1 / log2(rank + 1) of each row on its page, tied scores sharing theirs.

    Ranks count from 1 at the highest score; above k, unless that is 0, the discount
    is 0.
    """
    found = equal_values.Places.from_scores(pages, scores)
    discounts = 1.0 / np.log2(found.places + 2.0)
    return found.shared(np.where((found.places < k) | (k == 0), discounts, 0.0))


def _rising_pairs(groups: Groups, values: Values) -> PerImpression:
    """Returns the number of rising pairs of each row within its group.

    Rows of a group are adjacent. A pair rises if the later row has the greater value.
    Ranks are compared bit by bit from the highest: rows with the same bits so far are
    adjacent, in their original order, and a pair that differs at a bit rises if the
    earlier row has a 0 and the later a 1.
    """
    ranks = _ranks(groups, values)
    places, found = np.arange(len(values)), np.zeros(len(values))
    prefix = equal_values.starts(groups)
    for bit in reversed(range(int(ranks.max(initial=0)).bit_length())):
        first, stop = equal_values.bounds(prefix)
        is_one = (ranks[places] >> bit) & 1 == 1
        ones = np.append(0, np.cumsum(is_one))
        ones_before = ones[:-1] - ones[first]
        zeros_before = np.arange(len(values)) - first - ones_before
        ones_after = ones[stop] - ones[:-1]
        found[places] += np.where(is_one, zeros_before, ones_after)
        first_one = stop - (ones[stop] - ones[first])
        moved = np.where(is_one, first_one + ones_before, first + zeros_before)
        prefix[first_one[first_one < stop]] = True
        places[moved] = places.copy()
    return found


def _ranks(groups: Groups, values: Values) -> npt.NDArray[np.int64]:
    """Returns the rank of each value among the distinct values of its group."""
    order = np.lexsort((values, groups))
    new_group = equal_values.starts(np.asarray(groups)[order])
    different = np.cumsum(new_group | equal_values.starts(np.asarray(values)[order]))
    first, _ = equal_values.bounds(new_group)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = different - different[first]
    return ranks


def _sizes(*keys: npt.NDArray) -> PerImpression:
    """Returns for each row how many rows, itself too, agree with it in all keys."""
    order = np.lexsort(keys)
    new = np.zeros(len(order), bool)
    for key in keys:
        new |= equal_values.starts(np.asarray(key)[order])
    first, stop = equal_values.bounds(new)
    sizes = np.empty(len(order))
    sizes[order] = stop - first
    return sizes
