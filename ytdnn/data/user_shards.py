"""Shards of users: events that are read when they are asked for, and several as one.

A shard on disk is complete in itself: its users, pages and rows count from 0. Read, it
is one; joined with others, users have their index in the whole set, and those of shards
that are left out have no events. So whatever reads a shard reads a few, or all.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ytdnn import errors, schema
from ytdnn.data import events

DIRECTORY = "shards"
QUERIES_FILE = "queries.parquet"
FACT = "shards"
WATCH, SEARCH, IMPRESSION = "watch", "search", "impression"
# Rows of other tables, and pages, count from 0 in each shard.
_USERS, _PAGES = "users", "pages"
_OFFSETS, _TOKEN_OFFSETS = "offsets", "token_offsets"


@dataclasses.dataclass(frozen=True)
class Shard:
    """All events of some users: complete in itself, and what every reader takes.

    Attributes:
      watches: Of all its users.
      searches: None where the log has none with words that training contexts hold.
      impressions: None where the log has none.
    """

    watches: events.Watches
    searches: events.Searches | None
    impressions: events.Impressions | None


@dataclasses.dataclass(frozen=True)
class LazyShard:
    """A range of users whose events are read when they are asked for.

    Attributes:
      first_user: Index of its first user in the whole set.
      num_users: Users in it.
      num_events: Events of all tables, as `prepare` counted them.
      read: Returns its events, users from 0 on.
    """

    first_user: int
    num_users: int
    num_events: int
    read: Callable[[], Shard]

    def changed(self, change: Callable[[Shard], Shard]) -> "LazyShard":
        """Returns the same users, with what `change` makes of their events."""
        return dataclasses.replace(self, read=lambda: change(self.read()))


def in_memory(shard: Shard, num_users: int) -> LazyShard:
    """Returns the events of all users that are there already."""
    tables = (shard.watches, shard.searches, shard.impressions)
    size = sum(len(table) for table in tables if table is not None)
    return LazyShard(0, num_users, size, lambda: shard)


def path(directory: pathlib.Path, number: int) -> pathlib.Path:
    """Returns where a shard of a prepared set lies."""
    return directory / DIRECTORY / f"{number:05d}"


def on_disk(directory: pathlib.Path, facts: Mapping[str, Any]) -> tuple[LazyShard, ...]:
    """Returns the shards of a prepared set, in order of their users.

    Args:
      directory: The artefact.
      facts: Of its manifest.
    """
    return tuple(
        LazyShard(
            found["first_user"],
            found["users"],
            found["events"],
            functools.partial(_read, path(directory, number)),
        )
        for number, found in enumerate(facts[FACT])
    )


def fact(first_user: int, num_users: int, num_events: int) -> dict[str, int]:
    """Returns what a manifest says of a shard, for `on_disk`."""
    return {"first_user": first_user, "users": num_users, "events": num_events}


def query_files(
    directory: pathlib.Path, facts: Mapping[str, Any]
) -> list[pathlib.Path]:
    """Returns the files of the texts of searches, in order of their shards."""
    number = len(facts[FACT])
    return [path(directory, place) / QUERIES_FILE for place in range(number)]


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


def arrays(shard: Shard) -> dict[str, np.ndarray]:
    """Returns the arrays of a shard by the names of their files."""
    tables = {WATCH: shard.watches, SEARCH: shard.searches}
    return {
        f"{name}_{field.name}": values
        for name, table in (tables | {IMPRESSION: shard.impressions}).items()
        if table is not None
        for field in dataclasses.fields(table)
        if (values := getattr(table, field.name)) is not None
    }


def joined(shards: Sequence[LazyShard], num_users: int) -> Shard:
    """Returns the events of some shards as one.

    Args:
      shards: At least one; in order of their users.
      num_users: Of the whole set.
    """
    parts = [shard.read() for shard in shards]
    is_whole = len(shards) == 1 and shards[0].num_users == num_users
    if is_whole and shards[0].first_user == 0:
        return parts[0]

    def table(name: str) -> Any:
        found = [getattr(part, name) for part in parts]
        return None if found[0] is None else _joined(found, shards, num_users)

    return Shard(*(table(field.name) for field in dataclasses.fields(Shard)))


def _joined(tables: list[Any], shards: Sequence[LazyShard], num_users: int) -> Any:
    """Returns one table of several, of the same columns."""
    columns = {
        field.name: [getattr(table, field.name) for table in tables]
        for field in dataclasses.fields(tables[0])
        if getattr(tables[0], field.name) is not None
    }
    firsts = [shard.first_user for shard in shards]
    found = {}
    for name, parts in columns.items():
        if name == _OFFSETS:
            found[name] = _offsets(parts, firsts, num_users)
        elif name == _TOKEN_OFFSETS:
            found[name] = _chained(parts)
        elif name == _USERS:
            found[name] = _shifted(parts, firsts)
        elif name == _PAGES:
            number = [int(np.max(part, initial=-1)) + 1 for part in parts]
            found[name] = _shifted(parts, np.cumsum([0, *number[:-1]]).tolist())
        else:
            found[name] = np.concatenate(parts)
    return type(tables[0])(**found)


def _shifted(parts: Sequence[np.ndarray], by: Iterable[int]) -> np.ndarray:
    return np.concatenate([p + p.dtype.type(n) for p, n in zip(parts, by, strict=True)])


def _chained(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Returns offsets of rows that lie one behind another."""
    sizes = np.concatenate([np.diff(part) for part in parts])
    return np.append(0, np.cumsum(sizes)).astype(np.int64)


def _offsets(
    parts: Sequence[np.ndarray], firsts: Sequence[int], num_users: int
) -> np.ndarray:
    """Returns where each user's rows begin; users of no part have none."""
    sizes = np.zeros(num_users + 1, np.int64)
    for part, first in zip(parts, firsts, strict=True):
        sizes[first + 1 : first + len(part)] = np.diff(part)
    return np.cumsum(sizes, out=sizes)
