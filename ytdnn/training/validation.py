"""Validation of the candidate model: exact lists for a sample of users.

Each user is asked twice: before the window, for all that follows, and before the last
watch in it, for that one. Lists for a window reward taste, requests what follows the
last watch (a world with series: .171 and .223 of two members level at .17 by lists).

The users are the same after every epoch, and for every seed, so epochs and runs are
compared on equal terms.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, progress, ragged
from ytdnn.candidates import model
from ytdnn.log import batch_streams, events, prepared

METRIC = "ndcg@10"
HALF_INTERVAL = f"{METRIC}_half_interval"
_KS = (10, 100)
_SEED = 0
_NORMAL_95 = 1.96  # standard errors in half a 95 % interval
_REQUESTS_A_BLOCK = 1_024

_ARE_LAST = "are_last"

Values = dict[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class _Cases:
    """Requests of users of a window with a right answer among their validation watches.

    Attributes:
      data: The window.
      users: `[n]` user indices, once or twice.
      ends: `[n]` flat positions where each history ends.
      are_last: `[n] bool`, whether the answer is the user's last watch alone.
      targets: Catalogue indices of the right answers.
      config: Settings that define the right answers.
    """

    data: prepared.PreparedData
    users: np.ndarray
    ends: np.ndarray
    are_last: npt.NDArray[np.bool_]
    targets: ragged.Ragged
    config: configs.CandidatesConfig

    @classmethod
    def from_data(
        cls,
        data: prepared.PreparedData,
        config: configs.CandidatesConfig,
        sample: np.ndarray | None = None,
    ) -> "_Cases":
        """Returns the requests of a window with a right answer.

        Args:
          data: A shard window.
          config: Settings that define the right answers.
          sample: Ascending indices of the users to look at; None: all.
        """
        split, repeats = events.Split.VALIDATION, config.validate_repeats
        windows = data.windows
        users, ends = windows.last_watches(split)
        are_last = np.ones(len(users), bool)
        if not config.validate_last:
            first, begins = windows.first_watches(split)
            is_later = ~np.isin(ends, begins)
            users = np.concatenate([first, users[is_later]])
            ends = np.concatenate([begins, ends[is_later]])
            are_last = np.arange(len(users)) >= len(first)
        targets = windows.targets(users, ends, split, repeats)
        is_in = True if sample is None else np.isin(users, sample)
        every = cls(data, users, ends, are_last, targets, config)
        return every._take(np.flatnonzero((targets.sizes > 0) & is_in))

    def blocks(self) -> Iterator["_Cases"]:
        """Yields some requests at a time."""
        for part in ragged.slices(len(self.users), _REQUESTS_A_BLOCK):
            yield self._take(np.arange(part.start, part.stop))

    def _take(self, rows: npt.NDArray[np.integer]) -> "_Cases":
        users, ends, are_last = self.users[rows], self.ends[rows], self.are_last[rows]
        right, config = self.targets.take(rows), self.config
        return _Cases(self.data, users, ends, are_last, right, config)

    @functools.cached_property
    def removed(self) -> ragged.Ragged:
        """The videos that each user's list leaves out: those watched before."""
        if self.config.validate_repeats:
            return ragged.empty(len(self.users))
        return self.data.log.shard_index.watched_before(self.users, self.ends)


def has_targets(config: configs.CandidatesConfig, data: prepared.PreparedData) -> bool:
    """Returns whether a validation watch is a right answer."""
    windows = batch_streams.ShardWindows(data, config.window_events)
    return any(len(_Cases.from_data(window, config).users) for window in windows)


def validator(
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
    candidate_model: model.Joined,
    is_stated: bool = True,
    watch: Callable[[npt.NDArray[np.float64]], None] | None = None,
) -> Callable[[], dict[str, float]]:
    """Returns a function that validates the model with its current weights.

    Args:
      config: Settings with the number of users, and of events in memory at a time.
      data: The prepared set. With one window the cases are computed once; with several,
        in each call.
      candidate_model: Model in training.
      is_stated: Whether to print the size of the sample.
      watch: Function that is called with `METRIC` of each request, `[requests, 2]`: in
        the first column of a window's watches, in the second of a last watch, NaN in
        the other. Requests are the same in each call and for each model.
    """
    windows = batch_streams.ShardWindows(data, config.window_events)
    users = _with_validation(data)
    sample = _sample(users, config.validation_users)
    find = functools.partial(_Cases.from_data, config=config, sample=sample)
    kept = [find(windows[0])] if len(windows) == 1 else None
    if sample is not None and is_stated:
        progress.say(
            f"candidates: each epoch is validated on a sample of {len(sample):,} of "
            f"{len(users):,} users; --config.candidates.validation_users=0 takes all"
        )

    def validate() -> dict[str, float]:
        cases = kept or map(find, windows)
        total = 2 * len(users if sample is None else sample)
        parts = list(_measured(data, candidate_model, cases, total))
        whole = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        are_last = whole.pop(_ARE_LAST)
        if watch is not None:
            is_kind = np.stack([~are_last, are_last])
            watch(np.where(is_kind, whole[METRIC], np.nan).T)
        return _means(whole)

    return validate


def _measured(
    data: prepared.PreparedData,
    candidate_model: model.Joined,
    parts: "list[_Cases] | Iterator[_Cases]",
    total: int,
) -> Iterator[Values]:
    """Yields the metrics of the users of each block."""
    from ytdnn.base.metrics import exact_top_k

    _, moment = data.windows.training_window
    vectors = candidate_model.video_vectors(moment)
    lists_new = candidate_model.num_listed > data.vocabulary_size
    done = 0
    with progress.Bar("validation", total, "requests", is_own=True) as bar:
        for cases in parts:
            log = candidate_model.open_log(cases.data)
            for block in cases.blocks():
                available = None
                if lists_new:
                    times = np.full(len(block.users), moment)
                    available = data.catalogue.listed_from, times
                top = exact_top_k.top_k(
                    candidate_model.vectors_at(log, block.users, block.ends),
                    vectors,
                    block.removed.offsets,
                    block.removed.values,
                    max(_KS),
                    available=available,
                )
                right = block.targets
                metrics = exact_top_k.metrics_at(top, right.offsets, right.values, _KS)
                yield {**metrics, _ARE_LAST: block.are_last}
                done += len(block.users)
                bar.reach(done)


def _means(whole: Values) -> dict[str, float]:
    """Returns the mean of each metric, and half the 95 % interval of the first."""
    means = {name: float(values.mean()) for name, values in whole.items()}
    values = whole[METRIC]
    means[HALF_INTERVAL] = float(_NORMAL_95 * values.std() / np.sqrt(len(values)))
    return means


def _with_validation(data: prepared.PreparedData) -> npt.NDArray[np.int64]:
    """Returns the users with a watch in the validation window, ascending."""
    users_of_shards = [np.zeros(0, np.int64)]
    shards = map(data.with_log, data.log.each_shard())
    for place, shard in zip(data.log.shards, shards, strict=True):
        users, _ = shard.windows.first_watches(events.Split.VALIDATION)
        users_of_shards.append(users.astype(np.int64) + place.first_user)
    return np.concatenate(users_of_shards)


def _sample(users: npt.NDArray[np.int64], number: int) -> npt.NDArray[np.int64] | None:
    """Returns the users to validate on, ascending; None: all."""
    if not number or len(users) <= number:
        return None
    rng = np.random.Generator(np.random.Philox(_SEED))
    return np.sort(rng.choice(users, number, replace=False))
