"""Novelty: how unexpected the videos of a list are, by their popularity."""

import numpy as np
import numpy.typing as npt

from ytdnn import registries
from ytdnn.metrics import ranked_lists


@registries.METRICS.register(
    "novelty",
    title="novelty",
    text="mean self-information of the first k, -log2 of a video's share of all "
    "training watches, a video without any counted as if it had one (Vargas and "
    "Castells, 2011). High for rare videos, right or not.",
    is_graded=False,
)
def novelty(lists: ranked_lists.RankedLists, k: int) -> npt.NDArray[np.float64]:
    """Returns the mean self-information of each user's first k videos, in bits.

    NaN for a user without a list.

    Args:
      lists: Lists and training watches.
      k: Length at which the lists are cut.
    """
    counts = np.maximum(lists.train_counts, 1.0)
    return lists.mean(np.log2(np.nansum(lists.train_counts)) - np.log2(counts), k)
