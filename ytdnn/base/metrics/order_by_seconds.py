"""Metrics of orders by predicted seconds: XAUC, nDCG, gains of the first places.

Impressions without a watch have 0 observed seconds.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.base.metrics import tied_values

Groups = npt.NDArray[np.integer]
Values = npt.NDArray[np.floating]
PerImpression = npt.NDArray[np.float64]


def grouped_xauc(
    groups: Groups, predicted: Values, observed: Values, num_groups: int
) -> PerImpression:
    """Returns the XAUC within each group, `[num_groups]` (Zhan et al., 2022).

    The share of pairs with different observed seconds that predictions order alike; a
    pair with equal predictions counts one half, so a constant has 0.5.

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
    pages: Groups, scores: Values, seconds: Values
) -> tuple[Groups, PerImpression]:
    """Returns the nDCG of each slate with watch time, with watch seconds as gains.

    `Σ seconds / log2(rank + 1)` over the slate in the order of scores, divided by the
    same sum in the order of seconds. Tied scores share the mean discount of their
    ranks, the expectation of a random order. With labels of 0 and 1 in place of seconds
    it is the nDCG of binary relevance.

    Args:
      pages: `[n]`, equal for the impressions of one slate.
      scores: `[n]`, higher = ranked higher.
      seconds: `[n]` watch seconds, at least 0.

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
        np.bincount(page, seconds * _discounts(page, by), len(firsts))
        for by in (scores, seconds)
    )
    watched = np.flatnonzero(ideal > 0.0)
    return firsts[watched], gains[watched] / ideal[watched]


def gains_of_first(
    lists: Groups,
    scores: Values,
    gains: Values,
    shares: Sequence[float],
    num_lists: int,
) -> tuple[list[PerImpression], PerImpression]:
    """Returns the gains in the first places of each list, and in the whole list.

    In a list of n rows with gains g ≥ 0, ordered by falling scores, the gains in the
    first share p of the places are

        G(p) = Σ_j w_j · g_(j),   w_j = min(1, max(0, p · n − j)),   j = 0 … n − 1,

    so a place at the cut counts partly, and lists of different lengths are cut at the
    same share (the cumulated gain of Järvelin and Kekäläinen, 2002, by share of the
    list). Tied scores share their places, so a constant score has exactly p of every
    list, the expectation of a random order.

    The ratio of the sums is the share over all lists, in [0, 1]. A list without gains
    adds 0 to both sums; a list of one row adds `share` of its gain.

    Args:
      lists: `[n]`, numbers from 0 to `num_lists` - 1.
      scores: `[n]`, higher = placed first.
      gains: `[n]`, at least 0, as watch seconds.
      shares: Shares of the places of each list, in (0, 1].
      num_lists: Length of the results.

    Returns:
      `[num_lists]` of each share, and of whole lists, 0 for lists without rows.

    >>> lists, gains = np.array([0, 0, 0]), np.array([10.0, 0.0, 30.0])
    >>> (half,), whole = gains_of_first(lists, np.array([3, 2, 1]), gains, [0.5], 1)
    >>> half.item(), whole.item()
    (10.0, 40.0)
    """
    ranking = tied_values.Places.from_scores(lists, scores)
    given: PerImpression = np.asarray(gains, np.float64)

    def summed(weights: PerImpression) -> PerImpression:
        return np.bincount(lists, weights, num_lists).astype(np.float64)

    def inside(share: float) -> PerImpression:
        return np.clip(share * ranking.sizes - ranking.places, 0.0, 1.0)

    held = [summed(ranking.shared(inside(share)) * given) for share in shares]
    return held, summed(given)


def _discounts(pages: Groups, scores: Values) -> PerImpression:
    """Returns 1 / log2(rank + 1) of each row on its page, tied scores sharing theirs.

    Ranks count from 1 at the highest score.
    """
    ranking = tied_values.Places.from_scores(pages, scores)
    return ranking.shared(1.0 / np.log2(ranking.places + 2.0))


def _rising_pairs(groups: Groups, values: Values) -> PerImpression:
    """Returns the number of rising pairs of each row within its group.

    Rows of a group are adjacent. A pair rises if the later row has the greater value.
    Ranks are compared bit by bit from the highest: rows with the same bits so far are
    adjacent, in their original order, and a pair that differs at a bit rises if the
    earlier row has a 0 and the later a 1.
    """
    ranks = _ranks(groups, values)
    places, pairs = np.arange(len(values)), np.zeros(len(values))
    prefix = tied_values.starts(groups)
    for bit in reversed(range(int(ranks.max(initial=0)).bit_length())):
        first, stop = tied_values.bounds(prefix)
        is_one = (ranks[places] >> bit) & 1 == 1
        ones = np.append(0, np.cumsum(is_one))
        ones_before = ones[:-1] - ones[first]
        zeros_before = np.arange(len(values)) - first - ones_before
        ones_after = ones[stop] - ones[:-1]
        pairs[places] += np.where(is_one, zeros_before, ones_after)
        first_one = stop - (ones[stop] - ones[first])
        moved = np.where(is_one, first_one + ones_before, first + zeros_before)
        prefix[first_one[first_one < stop]] = True
        places[moved] = places.copy()
    return pairs


def _ranks(groups: Groups, values: Values) -> npt.NDArray[np.int64]:
    """Returns the rank of each value among the distinct values of its group."""
    order = np.lexsort((values, groups))
    new_group = tied_values.starts(np.asarray(groups)[order])
    different = np.cumsum(new_group | tied_values.starts(np.asarray(values)[order]))
    first, _ = tied_values.bounds(new_group)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = different - different[first]
    return ranks


def _sizes(*keys: npt.NDArray) -> PerImpression:
    """Returns for each row how many rows, itself too, agree with it in all keys."""
    order = np.lexsort(keys)
    new = np.zeros(len(order), bool)
    for key in keys:
        new |= tied_values.starts(np.asarray(key)[order])
    first, stop = tied_values.bounds(new)
    sizes = np.empty(len(order))
    sizes[order] = stop - first
    return sizes
