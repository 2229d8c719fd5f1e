"""The memory of each user: the latest impressions and watches, in ring buffers.

Memory is bounded for each user, so the world's cost does not grow with the corpus.
"""

from typing import Any

import numpy as np

from ytdnn.lab.world import corpus

NUM_IMPRESSIONS = 96  # a user's latest, of which unclicked ones lose appeal
NUM_WATCHES = 128  # a user's latest, which are not offered again


class Memory:
    """The rings of some users.

    Attributes:
      last_watched: int64 [n], -1 = nothing yet.
      last_episode: int64 [n], the latest watched video that has a series; -1 = none.
    """

    def __init__(self, num_users: int) -> None:
        """Users who have seen nothing."""
        self.last_watched = np.full(num_users, corpus.NONE, np.int64)
        self.last_episode = np.full(num_users, corpus.NONE, np.int64)
        self._unclicked = np.full((num_users, NUM_IMPRESSIONS), corpus.NONE, np.int32)
        self._watched = np.full((num_users, NUM_WATCHES), corpus.NONE, np.int32)
        self._num_shown = np.zeros(num_users, np.int64)
        self._num_watched = np.zeros(num_users, np.int64)

    def num_unclicked(self, rows: np.ndarray, videos: np.ndarray) -> np.ndarray:
        """Returns how often each video was shown lately and not clicked, `[n, k]`."""
        return _found(self._unclicked[rows], videos, np.sum)

    def has_watched(self, rows: np.ndarray, videos: np.ndarray) -> np.ndarray:
        """Returns whether each video was watched lately, `[n, k]`."""
        return _found(self._watched[rows], videos, np.any)

    def add_impressions(
        self, rows: np.ndarray, videos: np.ndarray, clicked: np.ndarray
    ) -> None:
        """Remembers a page `[n, k]` of each user; -1 is no video."""
        shown = videos >= 0
        place = self._num_shown[rows, None] + np.cumsum(shown, axis=1) - 1
        entry = np.where(clicked, corpus.NONE, videos)
        at = np.broadcast_to(rows[:, None], videos.shape)[shown]
        self._unclicked[at, place[shown] % NUM_IMPRESSIONS] = entry[shown]
        self._num_shown[rows] += shown.sum(axis=1)

    def add_watches(
        self, rows: np.ndarray, videos: np.ndarray, series: np.ndarray
    ) -> None:
        """Remembers a watch of each user `[n]`, and its series (-1 = none)."""
        self._watched[rows, self._num_watched[rows] % NUM_WATCHES] = videos
        self._num_watched[rows] += 1
        self.last_watched[rows] = videos
        serial = series >= 0
        self.last_episode[rows[serial]] = videos[serial]


def _found(rings: np.ndarray, videos: np.ndarray, reduce: Any) -> np.ndarray:
    """Reduces over each row's ring where it holds the row's videos, `[n, k]`."""
    columns = [reduce(rings == each[:, None], axis=1) for each in videos.T]
    return np.stack(columns, axis=1)
