"""Matrices of ids, for systems that read sparse matrices."""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

Ids = npt.NDArray[np.generic]


class Coded:
    """Watches as a matrix of counts, users in rows and videos in columns.

    Attributes:
      matrix: `[users, videos] float32`.
    """

    def __init__(self, watches: pl.DataFrame) -> None:
        """Codes the ids of the watches."""
        self._users, rows = np.unique(watches["user_id"], return_inverse=True)
        self._videos, columns = np.unique(watches["video_id"], return_inverse=True)
        shape = len(self._users), len(self._videos)
        entries = np.ones(len(rows), np.float32), (rows, columns)
        self.matrix = sparse.coo_matrix(entries, shape).tocsr()

    def rows(self, users: pl.Series) -> npt.NDArray[np.int64]:
        """Returns the row of each user who has one."""
        return np.flatnonzero(np.isin(self._users, users.to_numpy()))

    def lists(
        self, rows: npt.NDArray[np.int64], videos: npt.NDArray[np.integer]
    ) -> pl.DataFrame:
        """Returns lists of columns `[n, k]` as `user_id` and `video_id`."""
        return pl.DataFrame(
            {
                "user_id": self._users[np.repeat(rows, videos.shape[1])],
                "video_id": self._videos[videos.ravel()],
            }
        )


def best(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """Returns the columns of the k highest scores of each row, the highest first."""
    k = min(k, scores.shape[1])
    top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1)
    return np.take_along_axis(top, order, axis=1)
