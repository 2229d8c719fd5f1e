"""Expected popularity complement: how far a list is from the most watched videos."""

import numpy as np
import numpy.typing as npt

from ytdnn.base import registries
from ytdnn.base.metrics import ranked_lists


@registries.METRICS.register(
    "popularity_complement",
    title="popularity complement",
    text="mean of 1 - w / w_max over the first k, w the training watches of a video, "
    "w_max those of the most watched one (expected popularity complement: Vargas and "
    "Castells, 2011). High for rare videos, right or not.",
    is_graded=False,
)
def popularity_complement(
    lists: ranked_lists.RankedLists, k: int
) -> npt.NDArray[np.float64]:
    """Returns the mean complement of each user's first k videos, from 0 to 1.

    NaN for a user without a list.

    Args:
      lists: Lists and training watches.
      k: Length at which the lists are cut.
    """
    most = max(float(np.nanmax(lists.train_counts, initial=0.0)), 1.0)
    return lists.mean(1.0 - lists.train_counts / most, k)
