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

from ytdnn.base import schema
from ytdnn.log import events
from ytdnn.log import shard_index as log_index

Shard = events.Shard

USERS_FILE = "users.parquet"


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
    shards: tuple[events.LazyShard, ...]
    _whole: "UserLog | None" = None

    @property
    def num_users(self) -> int:
        """Number of users."""
        return self.users.height

    @functools.cached_property
    def shard(self) -> Shard:
        """The events of all users; several shards are read into memory.

        For a log beyond memory see `shard_index`, `read_users` and `window`.
        """
        if len(self.shards) == 1 and self.shards[0].num_users == self.num_users:
            return self.shard_index.shard(0)
        from ytdnn.log import merged_shards

        return merged_shards.joined(self.shards, self.num_users)

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
    def queries(self) -> "Queries":
        """The texts of searches."""
        return Queries(self.directory, self.facts)

    @property
    def whole(self) -> "UserLog":
        """The whole log, if this is a window; else this log."""
        return self._whole or self

    @functools.cached_property
    def some(self) -> "UserLog":
        """The log with only the events of its first shard, for shapes and types."""
        return self.window(self.shards[:1])

    def window(self, shards: Sequence[events.LazyShard]) -> "UserLog":
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
        shards = (events.in_memory(shard, self.num_users),)
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

    def changed(self, change: Callable[[Shard], Shard]) -> "UserLog":
        """Returns the log with `change` applied to the events of each shard."""
        shards = tuple(shard.changed(change) for shard in self.shards)
        return dataclasses.replace(self, shards=shards)

    def changed_by_user(self, change: Callable[[Shard, int], Shard]) -> "UserLog":
        """Returns the log with events changed by their users.

        Args:
          change: Function of a shard's events and the index of its first user.
        """
        shards = tuple(
            shard.changed(lambda read, first=shard.first_user: change(read, first))  # type: ignore[misc]
            for shard in self.shards
        )
        return dataclasses.replace(self, shards=shards)


class Queries:
    """The texts of searches, read from disk on demand."""

    def __init__(self, directory: pathlib.Path, facts: Mapping[str, Any]) -> None:
        """Stores a prepared set's directory and the facts of its manifest."""
        self._directory = directory
        self._facts = facts

    def texts(self, start: int, stop: int) -> list[str]:
        """Returns the texts of a range of all searches."""
        bounds = self._bounds
        texts: list[str] = []
        for number in np.flatnonzero(
            (bounds[1:] > start) & (bounds[:-1] < stop)
        ).tolist():
            first, last = (int(bounds[number + side]) for side in (0, 1))
            begin = max(start, first)
            file = events.path(self._directory, number) / events.QUERIES_FILE
            rows = pl.scan_parquet(file).select(schema.QUERY)
            queries = rows.slice(begin - first, min(stop, last) - begin).collect()
            texts += queries[schema.QUERY].to_list()
        return texts

    @functools.cached_property
    def _bounds(self) -> np.ndarray:
        """First search of each shard among all, in the order of the files."""
        shards = events.on_disk(self._directory, self._facts)
        search_tables = (shard.read().searches for shard in shards)
        sizes = [0 if table is None else len(table) for table in search_tables]
        return np.cumsum([0, *sizes])
