"""The world's truth about a slate: the expected watch seconds of each candidate."""

from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import errors, ragged, schema
from ytdnn.evaluation import protocol, truths
from ytdnn.log import prepared

_FIRST = np.zeros(1)


class Truth:
    """The truth about users of a world at the end of its log."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Generates the world again, which may take some seconds."""
        self._data = data
        self._pages = truths.pages_of(data)
        ids = data.videos[schema.VIDEO_ID].to_list()
        self._indices = {video: index for index, video in enumerate(ids, 1)}

    def expected_seconds(
        self, user_id: str | int, video_ids: list[Any], k: int
    ) -> dict[str, Any] | None:
        """Returns the expected seconds of videos, each in the first place of a slate.

        Args:
          user_id: Id as in the log, or its text.
          video_ids: Ids of the candidates.
          k: Length of the catalogue's best slate, for comparison.

        Raises:
          errors.UserError: The log has no such user.
        """
        if self._pages is None:
            return None
        case = self._case(user_id)
        found = np.array([[self._indices[v] for v in video_ids]], np.int32)
        best = self._pages.best(case, k)
        return {
            "seconds": self._seconds(case, found),
            "best": [self._id(index) for index in best[0].tolist() if index],
            "best_seconds": self._seconds(case, best),
        }

    def _seconds(self, case: protocol.Cases, found: Any) -> list[float]:
        if self._pages is None or not found.size:
            return []
        return [float(v) for v in self._pages.worth(case, found, _FIRST).seconds[0]]

    def _id(self, index: int) -> Any:
        return self._data.videos[schema.VIDEO_ID][index - 1]

    def _case(self, user_id: str | int) -> protocol.Cases:
        """Returns the user's request at the end of the log as an evaluation has it."""
        ids = self._data.users[schema.USER_ID].cast(pl.String)
        user = ids.index_of(str(user_id))
        if user is None:
            raise errors.UserError(f"expected a user of the log, received {user_id}")
        users = np.array([user])
        ends = self._data.log.shard_index.offsets("watches")[users + 1]
        watched = self._data.log.shard_index.watched_before(users, ends)
        nothing = ragged.empty(1)
        return protocol.Cases(
            users=users,
            ends=ends,
            times=np.array([self._data.windows.end_of_log + 1], np.int64),
            watched=watched,
            removed=watched,
            available_from=None,
            targets=nothing,
            labels=np.zeros(0, np.int64),
            seconds=None,
            num_left_out=0,
            num_listed=self._data.vocabulary_size,
        )
