"""Who is asked, from what history, and which videos are the right answers.

One case for each user with a watch in the evaluated split. The history ends at the
first of those watches (leave_one_out: at the only one; the validation item is history
of the test), so it holds nothing at or after an answer, whatever the split. Right
answers are the distinct videos of the split's watches; those of the history are none
unless watched videos stay in the lists. A user left without answers is left out and
counted. A video out of the vocabulary stays an answer that nobody can find.

No case sees the time of its answer. The ranker's requests are made when the evaluated
window begins (temporal) or at the last watch of the history (the other protocols; where
there is none, when the split begins).
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from ytdnn import configs, errors, schema
from ytdnn.data import prepared

_WINDOW_OF = {prepared.Split.VALIDATION: "validation", prepared.Split.TEST: "test"}
_DAY_SECONDS = 86_400
_NEVER = np.iinfo(np.int64).max

Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Cases:
    """The cases of a split, one row for each user.

    Attributes:
      users: `[n]` user indices.
      ends: `[n]` flat positions where each history ends.
      times: `[n] int64` of the requests, seconds since the epoch.
      watched: Videos of each history.
      removed: Videos that no list of the user may hold: `watched`, or none.
      available_from: `[num_videos] int64`, when each video may first be listed.
      targets: Right answers of each user, at least one.
      labels: Flat position of the watch of each target.
      num_left_out: Users whose watches in the split leave no answer.
    """

    users: npt.NDArray[np.integer]
    ends: Integers
    times: Integers
    watched: prepared.Ragged
    removed: prepared.Ragged
    available_from: Integers | None
    targets: prepared.Ragged
    labels: Integers
    num_left_out: int

    def __len__(self) -> int:
        """Number of cases."""
        return len(self.users)

    @property
    def available(self) -> tuple[Integers, Integers] | None:
        """What `metrics.retrieval.top_k` takes to leave videos out; None: nothing."""
        return (
            None if self.available_from is None else (self.available_from, self.times)
        )


def cases(
    data: prepared.PreparedData, split: prepared.Split, config: configs.Evaluation
) -> Cases:
    """Returns the cases of a split.

    Args:
      data: The prepared set.
      split: `VALIDATION` or `TEST`.
      config: Which watches are answers, and which videos may be listed.

    Raises:
      errors.UserError: No user has an answer in the split.
    """
    users, ends = data.first_watches(split)
    times = _request_times(data, users, ends, split)
    offsets, labels = _answers(data, users, ends, times, split, config)
    has_answer = np.diff(offsets) > 0
    users, ends, times = users[has_answer], ends[has_answer], times[has_answer]
    if not len(users):
        raise errors.UserError(
            f"expected users with unseen videos among their {split.name.lower()} "
            f"{schema.WATCHES}, found none in {data.directory}: change "
            f"data.test_fraction, data.protocol, or evaluation.horizon_days"
        )
    offsets = np.append(0, offsets[1:][has_answer])
    watched = data.watched_before(users, ends)
    none = prepared.Ragged(np.zeros(len(users) + 1, np.int64), np.zeros(0, np.int32))
    return Cases(
        users=users,
        ends=ends,
        times=times,
        watched=watched,
        removed=watched if config.remove_watched else none,
        available_from=_available_from(data, config),
        targets=prepared.Ragged(offsets, np.asarray(data.watch_videos)[labels]),
        labels=labels,
        num_left_out=int((~has_answer).sum()),
    )


def take(found: Cases, rows: npt.NDArray[np.integer]) -> Cases:
    """Returns some of the cases."""
    offsets, places = _of_rows(found.targets.offsets, rows)
    return dataclasses.replace(
        found,
        users=found.users[rows],
        ends=found.ends[rows],
        times=found.times[rows],
        watched=_taken(found.watched, rows),
        removed=_taken(found.removed, rows),
        targets=prepared.Ragged(offsets, found.targets.videos[places]),
        labels=found.labels[places],
    )


def _taken(ragged: prepared.Ragged, rows: npt.NDArray[np.integer]) -> prepared.Ragged:
    offsets, places = _of_rows(ragged.offsets, rows)
    return prepared.Ragged(offsets, ragged.videos[places])


def _of_rows(
    offsets: npt.NDArray[np.integer], rows: npt.NDArray[np.integer]
) -> tuple[Integers, Integers]:
    """Returns new offsets, and the places of the entries of some rows."""
    return prepared.ranges(offsets[rows], offsets[rows + 1])


def _answers(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    ends: Integers,
    times: Integers,
    split: prepared.Split,
    config: configs.Evaluation,
) -> prepared.Ragged:
    """Returns the flat positions of the watches that are right answers."""
    watches = data.split_watches(users, ends, split)
    if config.horizon_days:
        until = times + int(config.horizon_days * _DAY_SECONDS)
        rows = prepared.rows_of(watches.offsets)
        in_time = np.asarray(data.watch_times)[watches.videos] < until[rows]
        watches = prepared.select(watches, in_time)
    is_new = data.are_new(users, ends, watches, not config.remove_watched)
    watches = prepared.select(watches, is_new)
    if config.targets == "next":
        is_first = np.zeros(len(watches.videos), bool)
        is_first[watches.offsets[:-1][np.diff(watches.offsets) > 0]] = True
        watches = prepared.select(watches, is_first)
    return watches


def _request_times(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    ends: Integers,
    split: prepared.Split,
) -> Integers:
    if data.config.protocol == "temporal":
        start = data.manifest.facts["windows"][_WINDOW_OF[split]]
        return np.full(len(ends), start, np.int64)
    # Without a history: when the split begins for all, which tells no one's answer.
    times = np.asarray(data.watch_times).astype(np.int64)
    begins = times[data.watch_split_rows(split)].min(initial=_NEVER)
    starts = np.asarray(data.watch_offsets)[users]
    return np.where(ends > starts, times[np.maximum(ends - 1, 0)], begins)


def _available_from(
    data: prepared.PreparedData, config: configs.Evaluation
) -> Integers | None:
    """Returns when each video may first be listed, None where all always may.

    Raises:
      errors.UserError: The candidate set is by upload and the log has no upload times.
    """
    if config.candidate_set == "train":
        counts = data.videos[prepared.TRAIN_COUNT].to_numpy()
        return np.where(counts > 0, np.iinfo(np.int64).min, _NEVER)
    if config.candidate_set == "all":
        return None
    if schema.UPLOAD_TIME not in data.videos.columns:
        raise errors.UserError(
            f"expected column {schema.VIDEOS}.{schema.UPLOAD_TIME} for "
            f"evaluation.candidate_set=uploaded, found none in {data.directory}: use "
            f"candidate_set=all or train"
        )
    known = data.videos[schema.UPLOAD_TIME].fill_null(np.iinfo(np.int64).min)
    return known.to_numpy().astype(np.int64)


def num_candidates(data: prepared.PreparedData, found: Cases) -> int:
    """Returns how many videos may be listed for at least one case."""
    if found.available_from is None:
        return data.num_videos
    return int((found.available_from <= found.times.max()).sum())


def num_unlistable(found: Cases) -> int:
    """Returns the answers of the vocabulary that are not in the candidate set."""
    if found.available_from is None:
        return 0
    since = np.append(np.iinfo(np.int64).min, found.available_from)
    times = found.times[prepared.rows_of(found.targets.offsets)]
    return int((since[found.targets.videos] > times).sum())
