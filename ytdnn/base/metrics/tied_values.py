"""Runs of equal values in sorted arrays."""

import dataclasses

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
      new: `[n]`, whether a run starts, from `starts`.

    >>> bounds(np.array([True, False, True]))
    (array([0, 0, 2]), array([2, 2, 3]))
    """
    firsts = np.flatnonzero(new)
    run = np.cumsum(new) - 1
    return firsts[run], np.append(firsts[1:], len(new))[run]


@dataclasses.dataclass(frozen=True)
class Places:
    """The place of each row in the list of its group, by falling scores.

    Attributes:
      places: `[n]`, 0 for the first of a list, in the order of the lists.
      sizes: `[n]`, length of each row's list, in the same order.
    """

    places: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    _order: npt.NDArray[np.intp]
    _ties: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

    @classmethod
    def from_scores(
        cls, groups: npt.NDArray[np.integer], scores: npt.NDArray[np.floating]
    ) -> "Places":
        """Sorts rows into lists.

        Args:
          groups: `[n]`, equal within a list.
          scores: `[n]`, higher = placed first.
        """
        order = np.lexsort((-np.asarray(scores), groups))
        group, score = np.asarray(groups)[order], np.asarray(scores)[order]
        new_group = starts(group)
        first, stop = bounds(new_group)
        ties = bounds(new_group | starts(score))
        return cls(np.arange(len(order)) - first, stop - first, order, ties)

    def shared(self, weights: Floats) -> Floats:
        """Returns the weight of each row's place, `[n]` in the order of the rows.

        Tied scores share the mean weight of their places, the expected weight for a
        random order of ties.

        >>> found = Places.from_scores(np.array([5, 5, 8]), np.array([2.0, 2.0, 1.0]))
        >>> found.shared((found.places == 0).astype(float))
        array([0.5, 0.5, 1. ])

        Args:
          weights: `[n]`, in the order of `places`.
        """
        first, stop = self._ties
        sums = np.append(0.0, np.cumsum(weights))
        shares = np.empty(len(weights))
        shares[self._order] = (sums[stop] - sums[first]) / (stop - first)
        return shares
