"""Hits with inverse-propensity weights: an estimate for equal exposure of all videos.

Watches of a log follow exposure: a popular video is a right answer often because it was
shown often. Weighted by one over its propensity, an answer counts as if all videos had
been exposed equally (Yang, Cui, Xuan, Wang, Belongie and Estrin, RecSys 2018); weights
are normalised by their sum, which bounds their variance (Swaminathan and Joachims, NIPS
2015).
"""

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.base.metrics import retrieval

Array = npt.NDArray[np.float64]


def inverse_propensities(watches: Array, power: float) -> Array:
    """Returns one over each video's propensity, up to a common factor.

    A propensity is in proportion to a power of the training watches, at least one. With
    power 1 all videos have the same total weight, with power 0 all answers.

    Args:
      watches: `[n]` training watches of each video.
      power: Power of the watches.

    >>> inverse_propensities(np.array([0.0, 1.0, 4.0]), power=0.5)
    array([1. , 1. , 0.5])
    """
    return np.maximum(watches, 1.0) ** -power


def hit_rate_parts(
    lists: npt.NDArray[np.int32], targets: ragged.Ragged, weights: Array, k: int
) -> tuple[Array, Array]:
    """Returns each user's weights of hits in the first k, and of all answers.

    The debiased hit rate is the ratio of their sums over users.

    >>> lists = np.array([[7, 8], [8, 9]], np.int32)
    >>> targets = ragged.Ragged(np.array([0, 2, 3]), np.array([7, 5, 9]))
    >>> hit_rate_parts(lists, targets, np.array([0.5, 1.0, 1.0]), k=1)
    (array([0.5, 0. ]), array([1.5, 1. ]))

    Args:
      lists: `[num_users, length]`, best first, 0 = none.
      targets: Right answers of each user.
      weights: `[targets]`.
      k: Length at which lists are cut.
    """
    hits = retrieval.weights_of(lists, *targets, weights)[:, :k].sum(axis=1)
    every = np.bincount(targets.rows, weights, minlength=len(lists))
    return hits, every.astype(np.float64)
