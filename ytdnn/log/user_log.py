"""The log of a prepared set: its users and their events, by shards.

Watches are sorted by (user, order). A window of the log has the events of some users
only, and knows the whole log; what holds for the whole log is read from there. The
split has windows of its own: when each begins, and the watches of users in them.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import configs, ragged
from ytdnn.log import events, user_shards
from ytdnn.log import shard_index as log_index

USERS_FILE = "users.parquet"
_EVENTS_A_PART = 1 << 22


@dataclasses.dataclass(frozen=True)
class UserLog:
    """Users and their events, with memory-mapped arrays.

    Attributes:
      directory: Directory of the prepared set.
      facts: Facts of its manifest.
      users: `user_id` and the log's other columns; row u has index u.
      shards: The events, by ranges of users in order.
    """

    directory: pathlib.Path
    facts: Mapping[str, Any]
    users: pl.DataFrame
    shards: tuple[user_shards.LazyShard, ...]
    _whole: "UserLog | None" = None

    @property
    def num_users(self) -> int:
        """Number of users."""
        return self.users.height

    @functools.cached_property
    def shard(self) -> user_shards.Shard:
        """The events of all users; several shards are read into memory.

        For a log beyond memory see `shard_index`, `read_users` and `window`.
        """
        if len(self.shards) == 1 and self.shards[0].num_users == self.num_users:
            return self.shard_index.shard(0)
        return user_shards.joined(self.shards, self.num_users)

    @functools.cached_property
    def shard_index(self) -> log_index.ShardIndex:
        """Finds the events of some users, or at flat positions, shard by shard."""
        return log_index.ShardIndex(self.shards, self.num_users)

    @property
    def watches(self) -> events.Watches:
        """The watches of all users."""
        return self.shard.watches

    @property
    def searches(self) -> events.Searches:
        """The searches of all users.

        Raises:
          ValueError: The log has no searches; see `Catalogue.has_searches`.
        """
        if self.shard.searches is None:
            raise ValueError(f"expected searches, found none in {self.directory}")
        return self.shard.searches

    @property
    def impressions(self) -> events.Impressions:
        """The impressions of all users.

        Raises:
          ValueError: The log has no impressions; see `has_impressions`.
        """
        if self.shard.impressions is None:
            raise ValueError(f"expected impressions, found none in {self.directory}")
        return self.shard.impressions

    @property
    def has_impressions(self) -> bool:
        """Whether the log had impressions, without which there is no ranker."""
        return self.shard_index.shard(0).impressions is not None

    @property
    def has_watch_seconds(self) -> bool:
        """Whether clicked impressions have a watch time."""
        shown = self.shard_index.shard(0).impressions
        return shown is not None and shown.seconds is not None

    @functools.cached_property
    def queries(self) -> user_shards.Queries:
        """The texts of searches."""
        return user_shards.Queries(self.directory, self.facts)

    @property
    def whole(self) -> "UserLog":
        """The whole log, if this is a window; else this log."""
        return self._whole or self

    @functools.cached_property
    def some(self) -> "UserLog":
        """The log with only the events of its first shard, for shapes and types."""
        return self.window(self.shards[:1])

    def window(self, shards: Sequence[user_shards.LazyShard]) -> "UserLog":
        """Returns the log with the events of some of its shards only.

        Users keep their index.

        Args:
          shards: Shards in order of their users.
        """
        if len(shards) == len(self.shards):
            return self
        return dataclasses.replace(self, shards=tuple(shards), _whole=self.whole)

    def read_users(self, users: np.ndarray) -> "UserLog":
        """Returns the log with the events of some users only, in memory.

        Users keep their index. Events have other flat positions: the user's own begin
        at the user's offset.

        Args:
          users: Distinct user indices, ascending.
        """
        shard = self.shard_index.read_users(users)
        shards = (user_shards.in_memory(shard, self.num_users),)
        return dataclasses.replace(self, shards=shards, _whole=self.whole)

    def each_shard(self) -> Iterator["UserLog"]:
        """Yields a log for each shard, in order of their users.

        It has the shard's own users only, numbered from 0: it costs no more than the
        shard, however many users the log has.
        """
        if len(self.shards) == 1 and self.shards[0].num_users == self.num_users:
            yield self
            return
        for shard in self.shards:
            yield dataclasses.replace(
                self,
                users=self.users.slice(shard.first_user, shard.num_users),
                shards=(dataclasses.replace(shard, first_user=0),),
                _whole=self.whole,
            )

    def changed(
        self, change: Callable[[user_shards.Shard], user_shards.Shard]
    ) -> "UserLog":
        """Returns the log with `change` applied to the events of each shard."""
        shards = tuple(shard.changed(change) for shard in self.shards)
        return dataclasses.replace(self, shards=shards)

    def changed_by_user(
        self, change: Callable[[user_shards.Shard, int], user_shards.Shard]
    ) -> "UserLog":
        """Returns the log with events changed by their users.

        Args:
          change: Function of a shard's events and the index of its first user.
        """
        shards = tuple(
            shard.changed(functools.partial(_changed, change, shard.first_user))
            for shard in self.shards
        )
        return dataclasses.replace(self, shards=shards)


def read(directory: pathlib.Path, facts: Mapping[str, Any]) -> UserLog:
    """Opens the log of a prepared set.

    Args:
      directory: The artefact.
      facts: Facts of its manifest.
    """
    return UserLog(
        directory=directory,
        facts=facts,
        users=pl.read_parquet(directory / USERS_FILE),
        shards=user_shards.on_disk(directory, facts),
    )


def _changed(
    change: Callable[[user_shards.Shard, int], user_shards.Shard],
    first_user: int,
    shard: user_shards.Shard,
) -> user_shards.Shard:
    return change(shard, first_user)


@dataclasses.dataclass(frozen=True)
class SplitWindows:
    """The split of a log.

    Attributes:
      log: The users and their events.
      facts: Facts of the prepared set's manifest.
      end_of_training: Window at which training ends (temporal).
    """

    log: UserLog
    facts: Mapping[str, Any]
    end_of_training: str = "validation"
    _whole: "SplitWindows | None" = None

    @functools.cached_property
    def training_window(self) -> tuple[int, int]:
        """First and last second of the candidate model's training window.

        It ends at the begin of the next window (temporal), or at the last training
        watch.
        """
        if self._whole is not None:
            return self._whole.training_window
        first, last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        for shard in self.log.shards:
            watches = shard.read().watches
            times = np.asarray(watches.times)[watches.splits == events.Split.TRAIN]
            first = min(first, int(times.min(initial=first)))
            last = max(last, int(times.max(initial=last)))
        windows = self.facts.get("windows")
        if windows is not None:
            return first, int(windows[self.end_of_training])
        return first, max(first, last)

    @functools.cached_property
    def end_of_log(self) -> int:
        """The last second of any event."""
        if self._whole is not None:
            return self._whole.end_of_log
        reads = (shard.read() for shard in self.log.shards)
        tables = (t for r in reads for t in (r.watches, r.impressions, r.searches))
        return max(int(np.max(t.times, initial=0)) for t in tables if t is not None)

    @property
    def has_own_window(self) -> bool:
        """Whether the ranker's window begins after the candidates' training.

        Otherwise scores of the candidate model would leak the clicks of the ranker's
        window.
        """
        windows = self.facts.get("windows")
        return windows is not None and windows["validation"] <= windows["ranking"]

    def ranker_left_out(self, config: configs.RankingConfig) -> str:
        """Returns why there is no ranker; empty if there is one.

        Args:
          config: Settings of ranking, which may disable it.
        """
        if not config.enabled:
            return "config.ranking.enabled is false"
        return str(self.facts.get("ranking_obstacle", ""))

    def watches_of(self, split: events.Split) -> np.ndarray:
        """Returns the flat positions of a split's watches, `[n] int64`, ascending."""
        return self.log.shard_index.find(
            "watches", lambda watches: np.asarray(watches.splits) == split
        )

    def first_watches(self, split: events.Split) -> tuple[np.ndarray, np.ndarray]:
        """Returns the users with watches in a split, and the position of their first.

        Returns:
          user indices `[n] int32`, flat positions `[n] int64`.
        """
        rows = self.watches_of(split)
        users = self.log.shard_index.gather("watches", "users", rows)
        users, first = np.unique(users, return_index=True)
        return users, rows[first]

    def last_watches(self, split: events.Split) -> tuple[np.ndarray, np.ndarray]:
        """Returns the users with watches in a split, and the position of their last.

        Only completed watches (`data.min_watch_fraction`) count.

        Returns:
          user indices `[n] int32`, flat positions `[n] int64`.
        """
        index, rows = self.log.shard_index, self.watches_of(split)
        rows = rows[index.gather("watches", "are_completed", rows)]
        users = index.gather("watches", "users", rows)
        users, last = np.unique(users[::-1], return_index=True)
        return users, rows[::-1][last]

    def split_watches(
        self, users: np.ndarray, ends: np.ndarray, split: events.Split
    ) -> ragged.Ragged:
        """Returns the flat positions of each user's completed watches in a split.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions to begin at.
          split: Split of the watches.
        """
        index = self.log.shard_index
        lasts = index.offsets("watches")[np.asarray(users) + 1]
        places = ragged.ranges(np.asarray(ends), lasts)
        inside = index.gather("watches", "splits", places.values) == split
        inside &= index.gather("watches", "are_completed", places.values)
        return places.select(inside)

    def targets(
        self,
        users: np.ndarray,
        ends: np.ndarray,
        split: events.Split,
        with_watched: bool = False,
    ) -> ragged.Ragged:
        """Returns the distinct videos a user completes in a split, from `ends` on.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions, each the user's first watch in the split.
          split: Split of the targets.
          with_watched: Whether videos watched before `ends` are targets too; not if
            watched videos are removed from lists.

        Returns:
          Catalogue indices for each user.
        """
        watches = self.split_watches(users, ends, split)
        new = watches.select(self.are_new(users, ends, watches, with_watched))
        videos = self.log.shard_index.gather("watches", "videos", new.values)
        return ragged.Ragged(new.offsets, videos)

    def are_new(
        self,
        users: np.ndarray,
        ends: np.ndarray,
        watches: ragged.Ragged,
        with_watched: bool = False,
    ) -> np.ndarray:
        """Returns whether watches are the user's first of a video, `[watches] bool`.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions where each history ends.
          watches: Flat positions at or after `ends`, in order. The first watch of a
            repeated video is new.
          with_watched: Whether videos of the history count as new too.
        """
        index = self.log.shard_index
        videos = index.gather("watches", "videos", watches.values)
        stride = int(videos.max(initial=0)) + 1
        keys = watches.rows * stride + videos
        is_new = np.zeros(len(keys), bool)
        is_new[np.unique(keys, return_index=True)[1]] = True
        if with_watched:
            return is_new
        users, ends = np.asarray(users), np.asarray(ends)
        sizes = ends - index.offsets("watches")[users]
        for part in log_index.bounded(sizes, _EVENTS_A_PART):
            before = index.watched_before(users[part], ends[part])
            known = before.values < stride
            watched = (before.rows[known] + part.start) * stride + before.values[known]
            inside = slice(watches.offsets[part.start], watches.offsets[part.stop])
            is_new[inside] &= ~np.isin(keys[inside], watched)
        return is_new
