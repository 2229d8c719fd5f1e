"""The events of each user so far, for the requests of a live test.

Events of finished days are sorted by user; those of the current day are few and are
joined on demand. So the cost of a request is in proportion to its user's history, and
that of a day to its events.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ytdnn.base import ragged
from ytdnn.lab.world import event_recorder

Columns = Mapping[str, npt.NDArray[np.generic]]

_USERS, _TIMES = "users", "times"
_KEPT = {
    "watches": (_TIMES, "videos", "seconds"),
    "impressions": (_TIMES, "videos", "clicked"),
    "searches": (_TIMES, "queries"),
}


class UserHistories:
    """The events of all users of a world."""

    def __init__(self, num_users: int) -> None:
        """Starts without events."""
        self._tables = {kind: _Table(num_users, kept) for kind, kept in _KEPT.items()}

    def add(self, happened: list[event_recorder.Events]) -> None:
        """Adds events that are later than all earlier ones.

        Args:
          happened: Events of each crowd.
        """
        for kind, table in self._tables.items():
            table.add([getattr(one, kind).columns() for one in happened])

    def columns(
        self, kind: str, users: npt.NDArray[np.int64], today: event_recorder.Events
    ) -> dict[str, ragged.Ragged]:
        """Returns the columns of some users' events, each as lists in order of time.

        Args:
          kind: `watches`, `impressions` or `searches`.
          users: `[n]` numbers of users.
          today: Events since the last `add`.
        """
        return self._tables[kind].lists(users, getattr(today, kind).columns())

    def watch_counts(self, since: int, num_videos: int) -> npt.NDArray[np.int64]:
        """Returns how often each video was watched since a time, `[num_videos]`."""
        columns = self._tables["watches"].columns
        videos = columns["videos"][columns[_TIMES] >= since]
        return np.bincount(videos, minlength=num_videos)


class _Table:
    """One kind of event, sorted by user and time."""

    def __init__(self, num_users: int, kept: tuple[str, ...]) -> None:
        self._num_users = num_users
        self._kept = kept
        self._offsets = np.zeros(num_users + 1, np.int64)
        self.columns: dict[str, npt.NDArray] = {}

    def add(self, parts: list[Columns]) -> None:
        """Adds the events of some crowds; a user's events are all in one crowd."""
        users = np.concatenate(
            [ragged.rows_of(self._offsets), *(part[_USERS] for part in parts)]
        )
        order = np.argsort(users, kind="stable")
        earlier = [self.columns] if self.columns else []
        self.columns = {
            name: np.concatenate([part[name] for part in (*earlier, *parts)])[order]
            for name in self._kept
        }
        counts = np.bincount(users, minlength=self._num_users)
        self._offsets = np.append(0, np.cumsum(counts))

    def lists(
        self, users: npt.NDArray[np.int64], today: Columns
    ) -> dict[str, ragged.Ragged]:
        """Returns the lists of some users, today's events last."""
        known = ragged.ranges(self._offsets[users], self._offsets[users + 1])
        place = np.full(self._num_users, -1, np.int64)
        place[users] = np.arange(len(users))
        rows = place[today[_USERS]]
        new = np.flatnonzero(rows >= 0)
        all_rows = np.concatenate([known.rows, rows[new]])
        lists = {}
        for name in self._kept:
            recent = today[name][new]
            earlier = self.columns[name][known.values] if self.columns else recent[:0]
            values = np.concatenate([earlier, recent])
            lists[name] = ragged.from_rows(all_rows, values, len(users))
        return lists
