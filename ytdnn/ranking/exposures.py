"""Earlier impressions of any video to a user, for candidates the log never showed.

`prepare` keeps them for the impressions of the log; scoring a user's candidates needs
them for every pair. Impressions lie sorted by (user, time), so "before the request"
is "before a row": one sort by (user, video, row) answers both questions by bisection.
"""

import numpy as np
import numpy.typing as npt

from ytdnn.data import prepared

Int64s = npt.NDArray[np.int64]


class Exposures:
    """Counts and times of the earlier impressions of (user, video) pairs."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Sorts the impressions of `data` by (user, video, row)."""
        self._users = data.impression_users
        self._times = data.impression_times
        self._num_videos = data.num_videos
        pairs = self._pair(data.impression_users, data.impression_videos)
        self._pairs, groups = np.unique(pairs, return_inverse=True)
        self._num_rows = len(pairs)
        rows = np.arange(self._num_rows, dtype=np.int64)
        self._keys = np.sort(groups.astype(np.int64) * self._num_rows + rows)

    def before(
        self, users: npt.NDArray[np.integer], times: Int64s, videos: npt.NDArray
    ) -> tuple[Int64s, Int64s]:
        """Looks up impressions strictly earlier than each request.

        Args:
          users: `[n]` user indices.
          times: `[n] int64` of the requests, 0 = unknown (then all count).
          videos: `[n, k]` video indices; 0 was never shown.

        Returns:
          Their number, and the time of the latest (0 = none), both `[n, k] int64`.
        """
        stops = self._stops(users, times)[:, np.newaxis]
        pairs = self._pair(users[:, np.newaxis], videos)
        groups = np.searchsorted(self._pairs, pairs)
        known = self._pairs[np.minimum(groups, len(self._pairs) - 1)] == pairs
        known &= videos > 0
        first = np.searchsorted(self._keys, groups * self._num_rows)
        stop = np.searchsorted(self._keys, groups * self._num_rows + stops)
        num_earlier = np.where(known, stop - first, 0)
        latest_rows = self._keys[np.maximum(stop - 1, 0)] % self._num_rows
        return num_earlier, np.where(num_earlier > 0, self._times[latest_rows], 0)

    def _stops(self, users: npt.NDArray[np.integer], times: Int64s) -> Int64s:
        """Returns the first row of each user that is not before the time."""
        first = np.searchsorted(self._users, users, side="left")
        stop = np.searchsorted(self._users, users, side="right")
        before = [
            np.searchsorted(self._times[begin:end], time) if time else end - begin
            for begin, end, time in zip(first, stop, times, strict=True)
        ]
        return first + np.array(before, np.int64).reshape(len(users))

    def _pair(self, users: npt.NDArray, videos: npt.NDArray) -> Int64s:
        wide: Int64s = users.astype(np.int64) * (self._num_videos + 1) + videos
        return wide
