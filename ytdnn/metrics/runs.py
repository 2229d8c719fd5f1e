"""Runs of equal values in sorted arrays."""

import numpy as np
import numpy.typing as npt


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
