"""Shards of users, read on demand.

A shard on disk is complete: its users, slates and rows are numbered from 0.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ytdnn.base import errors, schema
from ytdnn.log import events

DIRECTORY = "shards"
QUERIES_FILE = "queries.parquet"
FACT = "shards"
WATCH, SEARCH, IMPRESSION = "watch", "search", "impression"


@dataclasses.dataclass(frozen=True)
class Shard:
    """All events of some users.

    Attributes:
      watches: Watches of all its users.
      searches: Searches with words; None if no training context of the log has any.
      impressions: Impressions; None if the log has none.
    """

    watches: events.Watches
    searches: events.Searches | None
    impressions: events.Impressions | None


@dataclasses.dataclass(frozen=True)
class LazyShard:
    """A range of users with events that are read on demand.

    Attributes:
      first_user: Index of its first user in the whole set.
      num_users: Number of users.
      num_events: Number of events in all tables, as counted by `prepare`.
      read: Function that returns its events, users from 0.
    """

    first_user: int
    num_users: int
    num_events: int
    read: Callable[[], Shard]

    def changed(self, change: Callable[[Shard], Shard]) -> "LazyShard":
        """Returns the same users, with `change` applied to their events."""
        return dataclasses.replace(self, read=lambda: change(self.read()))


def in_memory(shard: Shard, num_users: int) -> LazyShard:
    """Returns the shard of events in memory."""
    tables = (shard.watches, shard.searches, shard.impressions)
    size = sum(len(table) for table in tables if table is not None)
    return LazyShard(0, num_users, size, lambda: shard)


def path(directory: pathlib.Path, number: int) -> pathlib.Path:
    """Returns the directory of a shard of a prepared set."""
    return directory / DIRECTORY / f"{number:05d}"


def on_disk(directory: pathlib.Path, facts: Mapping[str, Any]) -> tuple[LazyShard, ...]:
    """Returns the shards of a prepared set, in order of their users.

    Args:
      directory: The artefact.
      facts: Facts of its manifest.
    """
    return tuple(
        LazyShard(
            entry["first_user"],
            entry["users"],
            entry["events"],
            functools.partial(_read, path(directory, number)),
        )
        for number, entry in enumerate(facts[FACT])
    )


def fact(first_user: int, num_users: int, num_events: int) -> dict[str, int]:
    """Returns the manifest's entry of a shard, for `on_disk`."""
    return {"first_user": first_user, "users": num_users, "events": num_events}


def _read(directory: pathlib.Path) -> Shard:
    watches = events.Watches.read(directory, WATCH)
    if watches is None:
        raise errors.UserError(
            f"expected arrays of {schema.WATCHES} in {directory}, found some missing: "
            f"run prepare again"
        )
    return Shard(
        watches=watches,
        searches=events.Searches.read(directory, SEARCH),
        impressions=events.Impressions.read(directory, IMPRESSION),
    )


def with_validation_in_training(shard: Shard) -> Shard:
    """Returns the shard with validation watches as training watches."""
    split = events.Split
    splits = np.asarray(shard.watches.splits)
    trained = np.where(splits == split.VALIDATION, split.TRAIN, splits)
    watches = shard.watches.replace(splits=trained.astype(splits.dtype))
    return dataclasses.replace(shard, watches=watches)


def tables(shard: Shard) -> dict[str, Any]:
    """Returns the tables that a shard has, by the prefixes of their files."""
    named: dict[str, Any] = {WATCH: shard.watches, SEARCH: shard.searches}
    named[IMPRESSION] = shard.impressions
    return {name: table for name, table in named.items() if table is not None}


def columns(table: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the columns that a table has."""
    for field in dataclasses.fields(table):
        values = getattr(table, field.name)
        if values is not None:
            yield field.name, values


def user_offsets(table: Any, num_users: int) -> np.ndarray:
    """Returns the first event of each user in a table, `[num_users + 1] int64`."""
    if isinstance(table, events.Impressions):
        return table.rows_of_users(num_users)
    return np.asarray(table.offsets)
