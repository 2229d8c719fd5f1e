"""The split of a log: when its windows begin, and the watches of users in them."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ytdnn.base import configs, ragged
from ytdnn.log import events, prepared_log, shard_index

_EVENTS_A_PART = 1 << 22


@dataclasses.dataclass(frozen=True)
class SplitWindows:
    """The split of a log.

    Attributes:
      log: The users and their events.
      facts: Facts of the prepared set's manifest.
      end_of_training: Window at which training ends (temporal).
    """

    log: prepared_log.UserLog
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
        for part in shard_index.bounded(sizes, _EVENTS_A_PART):
            before = index.watched_before(users[part], ends[part])
            known = before.values < stride
            watched = (before.rows[known] + part.start) * stride + before.values[known]
            own = slice(watches.offsets[part.start], watches.offsets[part.stop])
            is_new[own] &= ~np.isin(keys[own], watched)
        return is_new
