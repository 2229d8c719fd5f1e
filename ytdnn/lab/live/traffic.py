"""Assigns users to arms by a hash of user and seed, so assignments never change."""

import numpy as np
import numpy.typing as npt

_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def assign(num_users: int, num_arms: int, seed: int) -> npt.NDArray[np.int64]:
    """Returns the arm of each user, `[num_users]`, from 0, with equal probabilities.

    The bits of a user's number are mixed by SplitMix64 (Steele, Lea and Flood, 2014),
    so users of one test are spread anew in a test of another seed.

    Args:
      num_users: Users of the world.
      num_arms: Arms of the test.
      seed: Seed of the test.
    """
    with np.errstate(over="ignore"):
        start = _mixed(np.array([seed], np.uint64))
        mixed = _mixed(_mixed(np.arange(num_users, dtype=np.uint64)) ^ start)
    share = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    arms: npt.NDArray[np.int64] = (share * num_arms).astype(np.int64)
    return arms


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    values = values + np.uint64(_STEP)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(_FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(_SECOND)
    mixed: npt.NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed
