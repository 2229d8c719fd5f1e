"""The share of a list's gains in its first places.

In a list of n rows with gains g ≥ 0, ordered by falling scores, the gains in the first
share p of the places are

    G(p) = Σ_j w_j · g_(j),   w_j = min(1, max(0, p · n − j)),   j = 0 … n − 1,

so a place at the cut counts partly, and lists of different lengths are cut at the same
share. G(p) / G(1) over p is the cumulative gains curve of marketing, the
cumulated gain of Järvelin and Kekäläinen (2002) by share of the list in place of rank.
Tied scores share their places (`equal_values.Places`), so a constant score has exactly
p of every list, the expectation of a random order.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.base.metrics import equal_values

Groups = npt.NDArray[np.integer]
Values = npt.NDArray[np.floating]
PerList = npt.NDArray[np.float64]


def gains_of_first(
    lists: Groups,
    scores: Values,
    gains: Values,
    shares: Sequence[float],
    num_lists: int,
) -> tuple[list[PerList], PerList]:
    """Returns the gains in the first places of each list, and in the whole list.

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
    found = equal_values.Places.from_scores(lists, scores)
    given: PerList = np.asarray(gains, np.float64)

    def summed(weights: PerList) -> PerList:
        return np.bincount(lists, weights, num_lists).astype(np.float64)

    def inside(share: float) -> PerList:
        return np.clip(share * found.sizes - found.places, 0.0, 1.0)

    held = [summed(found.shared(inside(share)) * given) for share in shares]
    return held, summed(given)
