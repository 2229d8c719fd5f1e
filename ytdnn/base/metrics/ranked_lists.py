"""The lists of a model as metrics read them: with hits, users and videos."""

import dataclasses

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclasses.dataclass(frozen=True)
class RankedLists:
    """The lists of a model, with data of their users and videos.

    Attributes:
      videos: `[num_users, length] int32` catalogue indices, best first, 0 = none.
      hits: `[num_users, length] bool`, whether each is a right answer.
      num_relevant: `[num_users]` right answers of each user.
      seconds: `[num_users, length]` watch seconds of each right answer, else 0; None
        where the log has no watch time.
      times: `[num_users]` times of the requests, seconds since 1970.
      train_counts: `[num_videos + 1]` training watches by catalogue index; NaN at 0.
      catalogue: Columns of the videos; row i is catalogue index i + 1.
    """

    videos: npt.NDArray[np.int32]
    hits: npt.NDArray[np.bool_]
    num_relevant: npt.NDArray[np.integer]
    seconds: npt.NDArray[np.float64] | None
    times: npt.NDArray[np.integer]
    train_counts: npt.NDArray[np.float64]
    catalogue: pl.DataFrame

    def mean(self, values: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
        """Returns the mean value of the first k videos of each user, NaN without any.

        Args:
          values: `[num_videos + 1]` by catalogue index.
          k: Length at which the lists are cut.
        """
        cut = self.videos[:, :k]
        is_there = cut > 0
        sums = np.where(is_there, values[cut], 0.0).sum(axis=1)
        number = is_there.sum(axis=1)
        return np.where(number > 0, sums / np.maximum(number, 1), np.nan)
