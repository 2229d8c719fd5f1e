"""The cases of an evaluation: users, their histories, and the right answers.

There is one case for each user with a watch in the evaluated split. The history ends at
the first of those watches (leave_one_out: at the only one; the validation item is
history of the test), so it has nothing at or after an answer. Of a given split, it is
all that the user's earlier splits hold, whenever it was watched. Right answers are the
distinct videos of the split's watches; videos of the history are no answers unless
watched videos stay in the lists. A user without answers is left out and counted. An
answer that no list can hold counts as a miss.

No case contains the time of its answer. The ranker's requests are made when the
evaluated window begins (temporal) or at the last watch of the history (the other
protocols; where there is none, when the split begins).

If `evaluation.targets` is `last`, as for sessions with ids of their own, the history
ends at the user's last watch of the split, which is the answer. The request is made at
the watch before it, but in the temporal protocol not before the window begins.
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, errors, ragged, schema
from ytdnn.evaluation import evaluated_parts
from ytdnn.log import events, prepared

_WINDOW_OF = {events.Split.VALIDATION: "validation", events.Split.TEST: "test"}
_NEVER = np.iinfo(np.int64).max


class Histories:
    """The videos of users' histories, a `ragged.Ragged` that is read on first use."""

    def __init__(
        self,
        data: prepared.PreparedData,
        users: npt.NDArray[np.integer],
        ends: ragged.Integers,
    ) -> None:
        """Stores the users and positions; videos are read on first use.

        Args:
          data: The prepared set.
          users: `[n]` user indices.
          ends: `[n]` flat positions where each history ends.
        """
        self._data, self._users, self._ends = data, users, ends
        starts = data.log.shard_index.offsets("watches")[users]
        self.offsets = np.append(0, np.cumsum(ends - starts)).astype(np.int64)

    def __iter__(self) -> Iterator[npt.NDArray[np.integer]]:
        """Yields offsets and values, as `ragged.Ragged` does."""
        yield self.offsets
        yield self.values

    @functools.cached_property
    def _read(self) -> ragged.Ragged:
        return self._data.log.shard_index.watched_before(self._users, self._ends)

    @property
    def values(self) -> npt.NDArray[np.integer]:
        """Catalogue indices of all histories, cached."""
        return self._read.values

    @property
    def sizes(self) -> ragged.Integers:
        """Length of each history, `[n]`."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> ragged.Integers:
        """Row of the history that each entry belongs to."""
        return self._read.rows

    def take(self, rows: npt.NDArray[np.integer]) -> ragged.Ragged:
        """Returns some of the histories, in the order of `rows`."""
        index = self._data.log.shard_index
        return index.watched_before(self._users[rows], self._ends[rows])

    def padded(self) -> npt.NDArray[np.integer]:
        """Returns the histories as rows of one length, with 0 in front."""
        return self._read.padded()


@dataclasses.dataclass(frozen=True, eq=False)  # a key of caches by itself
class Cases:
    """The cases of a split, one row for each user.

    Attributes:
      users: `[n]` user indices.
      ends: `[n]` flat positions where each history ends.
      times: `[n] int64` times of the requests, seconds since the epoch.
      watched: Videos of each history.
      removed: Videos left out of the user's lists: `watched`, or none.
      available_from: `[num_videos] int64`, time from which each video may be listed.
      targets: Right answers of each user, at least one.
      labels: Flat position of the watch of each target.
      seconds: `[targets]`, watch seconds of each target in the evaluated watches,
        repeated watches included; None: the log has no watch time.
      num_left_out: Number of users with watches in the split but no answer.
      num_listed: Number of videos that lists can hold, the first ones of the catalogue.
      until: Time of the last answer of all users, unchanged by `take`; None: there are
        no answers.
    """

    users: npt.NDArray[np.integer]
    ends: ragged.Integers
    times: ragged.Integers
    watched: "ragged.Ragged | Histories"
    removed: "ragged.Ragged | Histories"
    available_from: ragged.Integers | None
    targets: ragged.Ragged
    labels: ragged.Integers
    seconds: npt.NDArray[np.float64] | None
    num_left_out: int
    num_listed: int
    until: int | None = None

    def __len__(self) -> int:
        """Number of cases."""
        return len(self.users)

    @property
    def available(self) -> tuple[ragged.Integers, ragged.Integers] | None:
        """The argument of `metrics.retrieval.top_k` that leaves videos out."""
        since = self.available_from
        return None if since is None else (since, self.times)


def cases(
    data: prepared.PreparedData,
    split: events.Split,
    config: configs.EvaluationConfig,
    num_listed: int | None = None,
) -> Cases:
    """Returns the cases of a split.

    Args:
      data: The prepared set.
      split: `VALIDATION` or `TEST`.
      config: Settings of right answers and of the candidate set.
      num_listed: Number of videos that the candidate model can list; None: the
        vocabulary.

    Raises:
      errors.UserError: No user has an answer in the split.
    """
    is_last = config.targets == "last"
    windows = data.windows
    users, ends = (windows.last_watches if is_last else windows.first_watches)(split)
    if config.users:
        is_asked = evaluated_parts.user_mask(data, config.users)[users]
        users, ends = users[is_asked], ends[is_asked]
    times = _request_times(data, users, ends, split, is_last)
    index = data.log.shard_index
    watches = windows.split_watches(users, ends, split)
    if config.horizon_days:
        until = times + int(config.horizon_days * schema.DAY_SECONDS)
        at = index.gather("watches", "times", watches.values)
        watches = watches.select(at < until[watches.rows])
    answers = _answers(data, users, ends, watches, config)
    offsets, labels = answers.offsets, answers.values
    seconds = _watch_seconds(data, watches, answers)
    has_answer = np.diff(offsets) > 0
    users, ends, times = users[has_answer], ends[has_answer], times[has_answer]
    if not len(users):
        is_part = bool(config.users or config.videos)
        part = "evaluation.users, evaluation.videos, " * is_part
        raise errors.UserError(
            f"expected users with unseen videos among their {split.name.lower()} "
            f"{schema.WATCHES}, found none in {data.directory}: change "
            f"{part}data.test_fraction, data.protocol, or evaluation.horizon_days; "
            f"trained models can be used without an evaluation: ytdnn export"
        )
    offsets = np.append(0, offsets[1:][has_answer])
    num_listed = data.vocabulary_size if num_listed is None else num_listed
    return dataclasses.replace(
        at_requests(data, (users, ends, times), config, num_listed),
        targets=ragged.Ragged(offsets, index.gather("watches", "videos", labels)),
        labels=labels,
        seconds=seconds,
        num_left_out=int((~has_answer).sum()),
        until=int(index.gather("watches", "times", labels).max()),
    )


def at_requests(
    data: prepared.PreparedData,
    requests: tuple[npt.NDArray[np.integer], ragged.Integers, ragged.Integers],
    config: configs.EvaluationConfig,
    num_listed: int,
) -> Cases:
    """Returns cases of any requests, without right answers.

    Args:
      data: The prepared set.
      requests: Users, ends of their histories and times (see `Cases`).
      config: Settings of the candidate set.
      num_listed: Number of videos that the candidate model can list.
    """
    users, ends, times = requests
    watched, nothing = Histories(data, users, ends), ragged.empty(len(users))
    lists_new = num_listed > data.vocabulary_size
    return Cases(
        users=users,
        ends=ends,
        times=times,
        watched=watched,
        removed=watched if config.remove_watched else nothing,
        available_from=data.catalogue.listed_from if lists_new else None,
        targets=nothing,
        labels=np.zeros(0, np.int64),
        seconds=None,
        num_left_out=0,
        num_listed=num_listed,
    )


def take(all_cases: Cases, rows: npt.NDArray[np.integer]) -> Cases:
    """Returns some of the cases."""
    places = ragged.ranges(
        all_cases.targets.offsets[rows], all_cases.targets.offsets[rows + 1]
    )
    watched = all_cases.watched.take(rows)
    is_same = all_cases.removed is all_cases.watched
    return dataclasses.replace(
        all_cases,
        users=all_cases.users[rows],
        ends=all_cases.ends[rows],
        times=all_cases.times[rows],
        watched=watched,
        removed=watched if is_same else all_cases.removed.take(rows),
        targets=all_cases.targets.take(rows),
        labels=all_cases.labels[places.values],
        seconds=None if all_cases.seconds is None else all_cases.seconds[places.values],
    )


def _answers(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    ends: ragged.Integers,
    watches: ragged.Ragged,
    config: configs.EvaluationConfig,
) -> ragged.Ragged:
    """Returns the flat positions of the watches that are right answers."""
    is_new = data.windows.are_new(users, ends, watches, not config.remove_watched)
    if config.videos:
        videos = data.log.shard_index.gather("watches", "videos", watches.values)
        is_new &= evaluated_parts.video_mask(data, config.videos)[videos]
    watches = watches.select(is_new)
    if config.targets == "next":
        is_first = np.zeros(len(watches.values), bool)
        is_first[watches.offsets[:-1][watches.sizes > 0]] = True
        watches = watches.select(is_first)
    return watches


def _watch_seconds(
    data: prepared.PreparedData, watches: ragged.Ragged, answers: ragged.Ragged
) -> npt.NDArray[np.float64] | None:
    """Returns how long the video of each answer was watched in all of the watches."""
    index, stride = data.log.shard_index, data.num_videos + 1
    if not index.has("watches", "seconds"):
        return None
    videos, answered = (
        index.gather("watches", "videos", table.values) for table in (watches, answers)
    )
    pairs, places = np.unique(watches.rows * stride + videos, return_inverse=True)
    seconds = np.bincount(places, index.gather("watches", "seconds", watches.values))
    wanted = answers.rows * stride + answered
    return seconds[np.searchsorted(pairs, wanted)]


def _request_times(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    ends: ragged.Integers,
    split: events.Split,
    is_last: bool,
) -> ragged.Integers:
    begins = _NEVER
    if data.config.protocol == "temporal":
        begins = data.manifest.facts["windows"][_WINDOW_OF[split]]
        if not is_last:
            return np.full(len(ends), begins, np.int64)
    # Without a history: when the split begins for all, which tells no one's answer.
    index = data.log.shard_index
    rows, last = data.windows.watches_of(split), np.maximum(ends - 1, 0)
    own, before = (
        index.gather("watches", "times", places).astype(np.int64)
        for places in (rows, last)
    )
    begins = min(begins, own.min(initial=_NEVER))
    before = np.where(ends > index.offsets("watches")[users], before, begins)
    return np.maximum(before, begins) if is_last else before


def moment(all_cases: Cases, split: events.Split) -> int | None:
    """Returns the time of the requests; None: the serving moment, as for a bundle.

    A temporal test begins at the serving moment. For an earlier window, later
    statistics must not be used.
    """
    return None if split == events.Split.TEST else int(all_cases.times.max())


def num_candidates(all_cases: Cases) -> int:
    """Returns the number of videos that may be listed for at least one case."""
    if all_cases.available_from is None:
        return all_cases.num_listed
    since = all_cases.available_from[: all_cases.num_listed]
    return int((since <= all_cases.times.max()).sum())


def num_unlistable(all_cases: Cases) -> int:
    """Returns the number of answers in the vocabulary but outside the candidate set."""
    if all_cases.available_from is None:
        return 0
    inside = all_cases.targets.values <= all_cases.num_listed
    since = all_cases.available_from[all_cases.targets.values[inside] - 1]
    return int((since > all_cases.times[all_cases.targets.rows[inside]]).sum())
