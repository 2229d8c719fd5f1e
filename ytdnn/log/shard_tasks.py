"""The two tasks on a shard of users while a set is prepared: count, then write.

Both are functions of the shard's events and of facts about the whole log, so they run
on any machine, in any order, and again after a failure, with the same bytes. A file or
directory is renamed to its final name when it is complete.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl

from ytdnn.base import configs, progress, schema
from ytdnn.log import events, searches, shard_arrays, window_choice

_VIDEOS = ("watch_videos", "impression_videos", "impression_seed_videos")
_ROWS = {
    schema.WATCHES: "watch_times",
    schema.IMPRESSIONS: "impression_times",
    schema.SEARCHES: "search_times",
}

Frames = Mapping[str, pl.DataFrame]
Task = Callable[["ShardUsers"], Any]


class RunTasks(Protocol):
    """Runs a task for each shard, here or on other machines."""

    def __call__(
        self, task: Task, parts: "Sequence[ShardUsers]", name: str
    ) -> list[Any]:
        """Returns the result of the task for each shard, in order.

        Args:
          task: Function of a shard's users; it may run twice, and can be pickled.
          parts: Users of the shards.
          name: Name of the work, for progress.
        """


def run_here(task: Task, parts: "Sequence[ShardUsers]", name: str) -> list[Any]:
    """Runs a task for each shard on this machine; see `RunTasks`."""
    sizes = [users.size for users in parts]
    return [task(users) for users in progress.through(parts, name, "users", sizes)]


@dataclasses.dataclass(frozen=True)
class Rules:
    """The settings that all shards share.

    Attributes:
      config: Settings of order, protocol and pages.
      bounds: Windows of the temporal protocol.
      scratch: Directory of the intermediate files between counting and writing.
      directory: Directory of the prepared set.
    """

    config: configs.DataConfig
    bounds: window_choice.Windows | None
    scratch: pathlib.Path
    directory: pathlib.Path


@dataclasses.dataclass(frozen=True)
class ShardUsers:
    """The users of a shard.

    Attributes:
      number: Number of the shard.
      first: Index of the first user.
      size: Number of users.
      num_events: Number of events in all tables.
    """

    number: int
    first: int
    size: int
    num_events: int


@dataclasses.dataclass(frozen=True)
class ShardEvents:
    """The events of all shards on disk, in the columns that `shards` reads.

    Attributes:
      directory: Directory of the files, from `survey.divide`.
      types: Columns and types of each table of events.
    """

    directory: pathlib.Path
    types: Mapping[str, pl.Schema]

    def read(self, number: int) -> Frames:
        """Returns each table's events of a shard."""
        return {table: self._read(table, number) for table in self.types}

    def _read(self, table: str, number: int) -> pl.DataFrame:
        files = sorted((self.directory / table / f"shard={number}").glob("*.parquet"))
        if not files:
            return pl.DataFrame(schema=self.types[table])
        return pl.read_parquet(files)


@dataclasses.dataclass(frozen=True)
class ShardCounts:
    """The counts of one shard.

    Attributes:
      videos: `[n]` indices of videos that are training labels.
      labels: `[n]` number of labels of each video.
      searches_left_out: Number of searches without a word.
    """

    videos: np.ndarray
    labels: np.ndarray
    searches_left_out: int


def divided(num_events: np.ndarray, most: int) -> list[ShardUsers]:
    """Returns ranges of users with a bounded number of events each.

    Args:
      num_events: `[users] int64`, number of events of each user in all tables.
      most: Maximum of a shard, exceeded by the events of one user at most.
    """
    reached = np.cumsum(num_events)
    firsts = np.flatnonzero(np.diff(reached // most, prepend=-1) > 0)
    stops = np.append(firsts[1:], len(num_events))
    before = np.append(0, reached)
    return [
        ShardUsers(number, first, stop - first, int(before[stop] - before[first]))
        for number, (first, stop) in enumerate(
            zip(firsts.tolist(), stops.tolist(), strict=True)
        )
    ]


def token_file(scratch: pathlib.Path, number: int) -> pathlib.Path:
    """Returns the file of a shard's tokens, until all shards are counted."""
    return scratch / f"tokens-{number:05d}.parquet"


def count(users: ShardUsers, rules: Rules, stored: ShardEvents) -> ShardCounts:
    """Counts a shard's training labels, and writes the tokens of its searches.

    Args:
      users: Users of this shard.
      rules: Settings of all shards.
      stored: Events of all shards.
    """
    frames = stored.read(users.number)
    watches = _watches(rules, users, frames)
    is_label = watches["watch_splits"] == events.Split.TRAIN
    is_label &= watches.get("watch_completed", np.ones(len(is_label), bool))
    labels = watches["watch_videos"][is_label]
    left_out = 0
    if schema.SEARCHES in frames:
        rows = searches.with_tokens(frames[schema.SEARCHES])
        _, in_training = shard_arrays.search_arrays(rows, users.first, watches)
        left_out = frames[schema.SEARCHES].height - rows.height
        with placed(token_file(rules.scratch, users.number)) as path:
            searches.write_tokens(rows, in_training, path)
    return ShardCounts(*np.unique(labels, return_counts=True), left_out)


def write(
    users: ShardUsers,
    rules: Rules,
    stored: ShardEvents,
    new_index: np.ndarray,
    tokens: pl.DataFrame,
) -> dict[str, int]:
    """Writes a shard.

    Args:
      users: Users of this shard.
      rules: Settings of all shards.
      stored: Events of all shards.
      new_index: `[videos + 1] int32`, the catalogue index of each video of the events.
      tokens: The vocabulary of searches.

    Returns:
      The rows of each table.
    """
    frames = stored.read(users.number)
    arrays = _watches(rules, users, frames)
    search_arrays = kept = None
    if schema.SEARCHES in frames:
        kept = pl.read_parquet(token_file(rules.scratch, users.number))
        search_arrays, _ = shard_arrays.search_arrays(kept, users.first, arrays)
    if schema.IMPRESSIONS in frames:
        arrays |= shard_arrays.impression_arrays(
            frames[schema.IMPRESSIONS],
            users.first,
            arrays,
            rules.bounds,
            search_arrays,
            rules.config.page_gap_seconds,
        )
    if kept is not None and search_arrays is not None:
        arrays |= search_arrays | searches.token_arrays(kept, tokens)
    for name in _VIDEOS:
        if name in arrays:
            arrays[name] = new_index[arrays[name]]
    with placed(events.path(rules.directory, users.number)) as path:
        path.mkdir(parents=True)
        save(arrays, path)
        if kept is not None:
            queries = kept.select(schema.QUERY)
            queries.write_parquet(path / events.QUERIES_FILE)
    return {table: len(arrays[name]) for table, name in _ROWS.items() if name in arrays}


def save(arrays: shard_arrays.Arrays, directory: pathlib.Path) -> None:
    """Writes arrays; sizes of users become offsets."""
    for name, values in arrays.items():
        if name.endswith("_sizes"):
            name = name.replace("_sizes", "_offsets")
            values = np.append(0, np.cumsum(values)).astype(np.int64)
        events.save(directory / f"{name}.npy", values)


def _watches(rules: Rules, users: ShardUsers, frames: Frames) -> shard_arrays.Arrays:
    return shard_arrays.watch_arrays(
        frames[schema.WATCHES], users.first, users.size, rules.config, rules.bounds
    )


@contextlib.contextmanager
def placed(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """Context with a private path that is renamed to the target unless that exists.

    An existing target has the same bytes: the task was run twice.

    Args:
      target: The file or directory.
    """
    private = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    yield private
    try:
        private.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(private)


def remove_unfinished(directory: pathlib.Path) -> None:
    """Removes the unfinished directories of killed tasks."""
    for path in directory.glob(".*"):
        shutil.rmtree(path)
