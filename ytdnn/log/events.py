"""The arrays of a prepared set, typed: watches, searches, impressions of some users.

Each table is a dataclass; its fields are the files `TABLE_FIELD.npy` of a shard, None
for a column that the log lacks. Rows are sorted by (user, time) within a shard of
users, so that the context of an event is a slice that ends before it (DESIGN §4). A
shard on disk is complete: its users, slates and rows are numbered from 0.
"""

import dataclasses
import enum
import functools
import pathlib
import tokenize
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Self

import numpy as np

from ytdnn.base import errors, ragged, schema

DIRECTORY = "shards"
QUERIES_FILE = "queries.parquet"
FACT = "shards"
WATCH, SEARCH, IMPRESSION = "watch", "search", "impression"


class Split(enum.IntEnum):
    """The part of the split a watch or an impression belongs to.

    A `CONTEXT` row is no label of its stage, but is part of later histories. `EARLIER`
    impressions train the ranker without the scores of the first stage; no prepared set
    has them on disk (`earlier_impressions`).
    """

    TRAIN = 0
    VALIDATION = 1
    TEST = 2
    CONTEXT = 3
    EARLIER = 4


class _Table:
    """Reads a dataclass of arrays from files, and changes some of them."""

    @classmethod
    def read(cls, directory: pathlib.Path, table: str) -> Self | None:
        """Returns the table, memory-mapped; None if the log lacks it.

        Args:
          directory: Directory of the `.npy` files.
          table: Prefix of their names.

        Raises:
          errors.UserError: A file is damaged.
        """
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        paths = {
            field.name: directory / f"{table}_{field.name}.npy" for field in fields
        }
        arrays = {k: _load(path) for k, path in paths.items() if path.exists()}
        needed = [f.name for f in fields if f.default is dataclasses.MISSING]
        return cls(**arrays) if all(name in arrays for name in needed) else None

    def replace(self, **changed: np.ndarray) -> Self:
        """Returns the table with some arrays replaced."""
        return dataclasses.replace(self, **changed)  # type: ignore[type-var]


@dataclasses.dataclass(frozen=True)
class Watches(_Table):
    """Watches, sorted by (user, stated order).

    Attributes:
      offsets: `[users + 1] int64`; the watches of user u are `[offsets[u], offsets[u +
        1])`.
      videos: `[watches] int32` catalogue indices.
      times: `[watches] int64` seconds.
      splits: `[watches] uint8`, see `Split`.
      seconds: `[watches] float32` watch seconds.
      devices: `[watches] int32`, place in the vocabulary of devices, from 1.
      logged_in: `[watches] int8`: 0, 1, or -1 = unknown.
      completed: `[watches] bool`, if the configuration has a rule for it.
      num_searches: `[watches] int32`, the user's searches strictly before each.
    """

    offsets: np.ndarray
    videos: np.ndarray
    times: np.ndarray
    splits: np.ndarray
    seconds: np.ndarray | None = None
    devices: np.ndarray | None = None
    logged_in: np.ndarray | None = None
    completed: np.ndarray | None = None
    num_searches: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of watches."""
        return len(self.videos)

    @functools.cached_property
    def users(self) -> np.ndarray:
        """User index of each watch, `[watches] int32`."""
        return ragged.rows_of(self.offsets).astype(np.int32)

    def select(self, keep: np.ndarray) -> "Watches":
        """Returns some of the watches, of the same users.

        Args:
          keep: `[watches] bool`.
        """
        named = dict(columns(self))
        del named["offsets"]
        rows = {name: np.asarray(values)[keep] for name, values in named.items()}
        before = np.append(0, np.cumsum(keep))
        return Watches(offsets=before[self.offsets].astype(np.int64), **rows)

    @property
    def are_completed(self) -> np.ndarray:
        """Whether each watch may be a label or an answer, `[watches] bool`."""
        if self.completed is None:
            return np.ones(len(self), bool)
        return np.asarray(self.completed)


@dataclasses.dataclass(frozen=True)
class Searches(_Table):
    """Searches with a word, sorted by (user, time).

    Attributes:
      offsets: `[users + 1] int64`.
      times: `[searches] int64` seconds.
      token_offsets: `[searches + 1] int64`, first token of each search.
      tokens: `[tokens] int32` indices into the vocabulary of tokens.
    """

    offsets: np.ndarray
    times: np.ndarray
    token_offsets: np.ndarray
    tokens: np.ndarray

    def __len__(self) -> int:
        """Number of searches."""
        return len(self.times)

    def num_before(self, users: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Returns the number of each user's searches before a time, `[n] int64`.

        Args:
          users: `[n]` user indices.
          times: `[n]` seconds.
        """
        return ragged.num_before(users, times, self.offsets, np.asarray(self.times))


@dataclasses.dataclass(frozen=True)
class Impressions(_Table):
    """Impressions, sorted by (user, time).

    Attributes:
      users: `[impressions] int32` user indices.
      videos: `[impressions] int32` catalogue indices.
      times: `[impressions] int64` seconds.
      clicked: `[impressions] bool`.
      pages: `[impressions] int64`, equal for one slate of one user.
      splits: `[impressions] uint8`, see `Split`.
      num_watches: `[impressions] int64`, the user's watches strictly before the slate.
      seconds: `[impressions] float32` watch seconds, 0 where not clicked.
      num_searches: `[impressions] int32`, the user's searches strictly before it.
      devices: `[impressions] int32`, place in the vocabulary of devices from 1 on.
      positions: `[impressions] int32` place in the slate, -1 = unknown.
      sources: `[impressions] int32`, place in the vocabulary of sources from 1 on.
      scores: `[impressions] float32` of the source, NaN = unknown.
      seed_videos: `[impressions] int32` catalogue indices, 0 for none.
      propensities: `[impressions] float32`, probability that the video was shown at its
        position, NaN = unknown.
      outcomes: `[impressions, n] float32`, in the order of the manifest, NaN = unknown.
    """

    users: np.ndarray
    videos: np.ndarray
    times: np.ndarray
    clicked: np.ndarray
    pages: np.ndarray
    splits: np.ndarray
    num_watches: np.ndarray
    seconds: np.ndarray | None = None
    num_searches: np.ndarray | None = None
    devices: np.ndarray | None = None
    positions: np.ndarray | None = None
    sources: np.ndarray | None = None
    scores: np.ndarray | None = None
    seed_videos: np.ndarray | None = None
    propensities: np.ndarray | None = None
    outcomes: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of impressions."""
        return len(self.videos)

    @functools.cached_property
    def request_times(self) -> np.ndarray:
        """Time of the request of each impression's slate, `[impressions] int64`."""
        return request_times(np.asarray(self.pages), np.asarray(self.times))

    @property
    def ranked(self) -> np.ndarray:
        """Rows of the impressions of the ranker's windows, `[n] int64`.

        Those before them are only history, in most logs the greater part.
        """
        return np.flatnonzero(np.asarray(self.splits) != Split.CONTEXT)

    def rows_of_users(self, num_users: int) -> np.ndarray:
        """Returns the first impression of each user, `[num_users + 1] int64`."""
        return np.searchsorted(self.users, np.arange(num_users + 1)).astype(np.int64)


def request_times(pages: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Returns the earliest time of each impression's slate, `[impressions] int64`.

    A slate answers one request, so its clicks come after all of its videos were
    ordered, whenever each is seen.

    Args:
      pages: `[impressions]`, numbers of slates from 0.
      times: `[impressions]` seconds.
    """
    starts = np.full(int(pages.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(starts, pages, times)
    return starts[pages]


def _load(path: pathlib.Path) -> np.ndarray:
    """Memory-maps an array, which keeps its file open; an empty one is read."""
    try:
        array: np.ndarray = np.load(path, mmap_mode="r")
        return array if array.size else np.load(path)
    except (ValueError, EOFError, tokenize.TokenError, zipfile.BadZipFile):
        raise errors.UserError(
            f"expected a NumPy array in {path}, found a damaged file: run prepare again"
        ) from None


class _Writer:
    """Passes bytes through Python, which raises the system's error.

    `np.save` writes through a C buffer that drops an error of the last write: a full
    disk left truncated files, which were noticed only when they were read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write


def save(path: pathlib.Path, values: np.ndarray) -> None:
    """Writes an array, the bytes of `np.save`.

    Raises:
      OSError: The disk is full, or another limit is reached.
    """
    with open(path, "wb") as file:
        np.lib.format.write_array(_Writer(file), np.asanyarray(values))


@dataclasses.dataclass(frozen=True)
class Shard:
    """All events of some users.

    Attributes:
      watches: Watches of all its users.
      searches: Searches with words; None if no training context of the log has any.
      impressions: Impressions; None if the log has none.
    """

    watches: Watches
    searches: Searches | None
    impressions: Impressions | None


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
    watches = Watches.read(directory, WATCH)
    if watches is None:
        raise errors.UserError(
            f"expected arrays of {schema.WATCHES} in {directory}, found some missing: "
            f"run prepare again"
        )
    return Shard(
        watches=watches,
        searches=Searches.read(directory, SEARCH),
        impressions=Impressions.read(directory, IMPRESSION),
    )


def with_validation_in_training(shard: Shard) -> Shard:
    """Returns the shard with validation watches as training watches."""
    split = Split
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
    if isinstance(table, Impressions):
        return table.rows_of_users(num_users)
    return np.asarray(table.offsets)
