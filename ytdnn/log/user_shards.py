"""Shards of users: read on demand, and joined.

A shard on disk is complete: its users, slates and rows are numbered from 0. Several
shards can be joined into one of the same form, with users by their index in the whole
set; users of other shards then have no events. So code that reads a shard can read
several, or all.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import errors, ragged, schema
from ytdnn.log import events

DIRECTORY = "shards"
QUERIES_FILE = "queries.parquet"
FACT = "shards"
WATCH, SEARCH, IMPRESSION = "watch", "search", "impression"
# Rows of other tables, and pages, count from 0 in each shard.
_USERS, _PAGES = "users", "pages"
_OFFSETS, _TOKEN_OFFSETS, _TOKENS = "offsets", "token_offsets", "tokens"


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


def query_files(
    directory: pathlib.Path, facts: Mapping[str, Any]
) -> list[pathlib.Path]:
    """Returns the files of the texts of searches, in order of their shards."""
    number = len(facts[FACT])
    return [path(directory, place) / QUERIES_FILE for place in range(number)]


class Queries:
    """The texts of searches, read from disk on demand."""

    def __init__(self, directory: pathlib.Path, facts: Mapping[str, Any]) -> None:
        """Stores a prepared set's directory and the facts of its manifest."""
        self._directory = directory
        self._facts = facts

    def texts(self, start: int, stop: int) -> list[str]:
        """Returns the texts of a range of all searches."""
        files, bounds = query_files(self._directory, self._facts), self._bounds
        texts: list[str] = []
        for number in np.flatnonzero((bounds[1:] > start) & (bounds[:-1] < stop)):
            first, last = (int(bounds[number + side]) for side in (0, 1))
            begin = max(start, first)
            rows = pl.scan_parquet(files[number]).select(schema.QUERY)
            queries = rows.slice(begin - first, min(stop, last) - begin).collect()
            texts += queries[schema.QUERY].to_list()
        return texts

    @functools.cached_property
    def _bounds(self) -> np.ndarray:
        """First search of each shard among all, in the order of the files."""
        shards = on_disk(self._directory, self._facts)
        search_tables = (shard.read().searches for shard in shards)
        sizes = [0 if table is None else len(table) for table in search_tables]
        return np.cumsum([0, *sizes])


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


def user_offsets(table: Any, num_users: int) -> np.ndarray:
    """Returns the first event of each user in a table, `[num_users + 1] int64`."""
    if isinstance(table, events.Impressions):
        return table.rows_of_users(num_users)
    return np.asarray(table.offsets)


def select_users(shard: Shard, users: np.ndarray) -> Shard:
    """Returns the events of some users of a shard; other users have none.

    Args:
      shard: The shard.
      users: Distinct indices within the shard, ascending.
    """
    num_users = len(shard.watches.offsets) - 1
    selected: dict[str, Any] = {}
    for field in dataclasses.fields(shard):
        table = getattr(shard, field.name)
        selected[field.name] = table
        if table is not None:
            rows = _rows_of_users(table, users, num_users)
            selected[field.name] = type(table)(**_taken(table, rows))
    return Shard(**selected)


def _rows_of_users(table: Any, users: np.ndarray, num_users: int) -> ragged.Ragged:
    """Returns the rows of each user of a shard, empty for users left out."""
    offsets = user_offsets(table, num_users)
    sizes = np.zeros(num_users + 1, np.int64)
    sizes[users + 1] = offsets[users + 1] - offsets[users]
    rows = ragged.ranges(offsets[users], offsets[users + 1]).values
    return ragged.Ragged(np.cumsum(sizes), rows)


def _taken(table: Any, rows: ragged.Ragged) -> dict[str, np.ndarray]:
    """Returns the columns of some rows of a table, with the offsets of `rows`."""
    named = dict(columns(table))
    selected = {}
    if named.pop(_OFFSETS, None) is not None:
        selected[_OFFSETS] = rows.offsets
    starts = named.pop(_TOKEN_OFFSETS, None)
    if starts is not None:
        starts = np.asarray(starts)
        words = ragged.ranges(starts[rows.values], starts[rows.values + 1])
        selected[_TOKEN_OFFSETS] = words.offsets
        selected[_TOKENS] = np.asarray(named.pop(_TOKENS))[words.values]
    return selected | {k: np.asarray(v)[rows.values] for k, v in named.items()}


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


def joined(shards: Sequence[LazyShard], num_users: int) -> Shard:
    """Returns the events of some shards as one.

    Each is copied when it is read, since mapped arrays keep their files open, and a set
    may have more files than a process may open.

    Args:
      shards: At least one shard, in order of their users.
      num_users: Number of users of the whole set.
    """
    if len(shards) == 1 and shards[0].num_users == num_users:
        return shards[0].read()
    copied = np.array if len(shards) > 1 else np.asarray
    kinds: dict[str, type] = {}
    parts: dict[str, dict[str, list[np.ndarray]]] = {}
    for shard in shards:
        loaded = shard.read()
        for name in (field.name for field in dataclasses.fields(loaded)):
            table = getattr(loaded, name)
            if table is None:
                continue
            kinds[name] = type(table)
            of_table = parts.setdefault(name, {})
            for column, values in columns(table):
                of_table.setdefault(column, []).append(copied(values))
    firsts = [shard.first_user for shard in shards]
    whole = {
        name: kind(**_joined(parts.pop(name), firsts, num_users))
        for name, kind in kinds.items()
    }
    return Shard(whole["watches"], whole.get("searches"), whole.get("impressions"))


def _joined(
    columns: dict[str, list[np.ndarray]], firsts: Sequence[int], num_users: int
) -> dict[str, np.ndarray]:
    """Returns the columns of a table, and lets go of the parts of each."""
    whole = {}
    for name in list(columns):
        parts = columns.pop(name)
        if name == _OFFSETS:
            whole[name] = _offsets(parts, firsts, num_users)
        elif name == _TOKEN_OFFSETS:
            whole[name] = _chained(parts)
        elif name == _USERS:
            whole[name] = _shifted(parts, firsts)
        elif name == _PAGES:
            number = [int(np.max(part, initial=-1)) + 1 for part in parts]
            whole[name] = _shifted(parts, np.cumsum([0, *number[:-1]]).tolist())
        else:
            whole[name] = np.concatenate(parts)
    return whole


def _shifted(parts: Sequence[np.ndarray], by: Iterable[int]) -> np.ndarray:
    return np.concatenate([p + p.dtype.type(n) for p, n in zip(parts, by, strict=True)])


def _chained(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the offsets of concatenated rows."""
    sizes = np.concatenate([np.diff(part) for part in parts])
    return np.append(0, np.cumsum(sizes)).astype(np.int64)


def _offsets(
    parts: Sequence[np.ndarray], firsts: Sequence[int], num_users: int
) -> np.ndarray:
    """Returns the first row of each user; users of no part have none."""
    sizes = np.zeros(num_users + 1, np.int64)
    for part, first in zip(parts, firsts, strict=True):
        sizes[first + 1 : first + len(part)] = np.diff(part)
    return np.cumsum(sizes, out=sizes)
