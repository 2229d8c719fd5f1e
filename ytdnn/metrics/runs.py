"""Runs of equal values in sorted arrays."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def starts(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Returns whether each value differs from the one before it; the first does.

    >>> starts(np.array([4, 4, 7]))
    array([ True, False,  True])
    """
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return changes


def bounds(
    new: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns for each row the first row of its run and the row after its last.

    Args:
      new: `[n]`, whether a run starts, of `starts`.

    >>> bounds(np.array([True, False, True]))
    (array([0, 0, 2]), array([2, 2, 3]))
    """
    firsts = np.flatnonzero(new)
    run = np.cumsum(new) - 1
    stops = np.append(firsts[1:], len(new))
    return firsts[run], stops[run]


def weights_by_place(
    groups: npt.NDArray[np.integer],
    scores: npt.NDArray[np.floating],
    weigh: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Floats],
) -> Floats:
    """Returns the weight of each row's place in the list of its group.

    A list is a group in the order of falling scores. Tied scores share the mean weight
    of their places: the expected weight where the order of ties is drawn.

    Args:
      groups: `[n]`, equal within a list.
      scores: `[n]`, higher = placed first.
      weigh: Takes places `[n]`, 0 for the first of a list, and the length of the list
        of each `[n]`; returns the weight of each place.

    >>> first_only = lambda places, sizes: (places == 0).astype(float)
    >>> weights_by_place(np.array([5, 5, 8]), np.array([2.0, 2.0, 1.0]), first_only)
    array([0.5, 0.5, 1. ])
    """
    order = np.lexsort((-np.asarray(scores), groups))
    group, score = np.asarray(groups)[order], np.asarray(scores)[order]
    new_group = starts(group)
    group_first, group_stop = bounds(new_group)
    places = np.arange(len(order)) - group_first
    weights = weigh(places, group_stop - group_first)
    tie_first, tie_stop = bounds(new_group | starts(score))
    sums = np.append(0.0, np.cumsum(weights))
    shared = np.empty(len(order))
    shared[order] = (sums[tie_stop] - sums[tie_first]) / (tie_stop - tie_first)
    return shared
