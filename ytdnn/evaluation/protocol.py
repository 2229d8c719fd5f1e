"""Who is asked, from what history, and which videos are the right answers.

One case for each user with a watch in the evaluated split. The history ends at the
first of those watches (leave_one_out: at the only one; the validation item is history
of the test). Right answers are the split's distinct videos the user had not watched:
watched videos are removed from every list, so one watched again cannot be found, and a
user left without answers is left out and counted. A video out of the vocabulary stays
an answer that nobody can find.

No case sees the time of its answer. The ranker's requests are made when the evaluated
window begins (temporal) or at the last watch of the history (leave_one_out).
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn import configs, errors, schema
from ytdnn.data import prepared

SEES_REQUEST_TIME = "sees request time (hour, weekday and pause before the answer)"
_WINDOW_OF = {prepared.Split.VALIDATION: "validation", prepared.Split.TEST: "test"}


@dataclasses.dataclass(frozen=True)
class Cases:
    """The cases of a split, one row for each user.

    Attributes:
      users: `[n]` user indices.
      ends: `[n]` flat positions where each history ends.
      times: `[n] int64` of the requests, seconds since the epoch.
      watched: Videos of each history, to be removed from the lists.
      targets: Right answers of each user, at least one.
      num_left_out: Users whose watches in the split are all of videos seen before.
    """

    users: npt.NDArray[np.integer]
    ends: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    watched: prepared.Ragged
    targets: prepared.Ragged
    num_left_out: int

    def __len__(self) -> int:
        """Number of cases."""
        return len(self.users)


def cases(data: prepared.PreparedData, split: prepared.Split) -> Cases:
    """Returns the cases of a split.

    Args:
      data: The prepared set.
      split: `VALIDATION` or `TEST`.

    Raises:
      errors.UserError: No user has an answer in the split.
    """
    users, ends = data.first_watches(split)
    num_targets = np.diff(data.targets(users, ends, split).offsets)
    has_target = num_targets > 0
    left_out = int((~has_target).sum())
    users, ends = users[has_target], ends[has_target]
    if not len(users):
        raise errors.UserError(
            f"expected users with unseen videos among their {split.name.lower()} "
            f"{schema.WATCHES}, found none in {data.directory}: change "
            f"data.test_fraction, or data.protocol"
        )
    return Cases(
        users=users,
        ends=ends,
        times=_request_times(data, ends, split),
        watched=data.watched_before(users, ends),
        targets=data.targets(users, ends, split),
        num_left_out=left_out,
    )


def _request_times(
    data: prepared.PreparedData, ends: npt.NDArray[np.int64], split: prepared.Split
) -> npt.NDArray[np.int64]:
    if data.config.protocol == "temporal":
        start = data.manifest.facts["windows"][_WINDOW_OF[split]]
        return np.full(len(ends), start, np.int64)
    return np.asarray(data.watch_times)[ends - 1].astype(np.int64)


def removed(found: Cases, config: configs.Evaluation) -> prepared.Ragged:
    """Returns the videos to remove from the lists: all watched, or none."""
    if config.remove_watched:
        return found.watched
    return prepared.Ragged(np.zeros(len(found) + 1, np.int64), np.zeros(0, np.int32))


def describe(
    data: prepared.PreparedData,
    found: Cases,
    split: prepared.Split,
    config: configs.Evaluation,
) -> dict[str, Any]:
    """Returns what the numbers depend on, for the `protocol` key of the report."""
    return {
        "name": data.config.protocol,
        "split": split.name.lower(),
        "source": data.config.source,
        "order": ", then ".join(data.manifest.facts["order"]),
        "users": len(found),
        "users_left_out": found.num_left_out,
        "videos": data.num_videos,
        "targets": len(found.targets.videos),
        "targets_out_of_vocabulary": int((found.targets.videos == 0).sum()),
        "remove_watched": config.remove_watched,
        "ties": "lower video index first",
        "request_time": "the time of the answer is seen by neither stage",
        "history": _HISTORY[data.config.protocol],
    }


_HISTORY = {
    "temporal": "all watches before the evaluated window",
    "leave_one_out": "all watches before the answer; those held out for validation are "
    "history of the test, and never trained on",
}
