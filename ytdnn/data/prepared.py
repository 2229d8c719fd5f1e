"""The prepared set: flat arrays in which an example is a position.

Contexts are never materialised. Watches lie sorted by (user, order); a context is the
slice that ends before the label, so nothing of the label or after it can leak in.
"""

import dataclasses
import enum
import functools
import json
import pathlib
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ytdnn import artifacts, configs, errors, schema

KIND = "data"
VIDEOS_FILE = "videos.parquet"
USERS_FILE = "users.parquet"
TOKENS_FILE = "tokens.parquet"
QUERIES_FILE = "queries.parquet"
VOCABULARIES_FILE = "vocabularies.json"
ARRAYS = "arrays"
TRAIN_COUNT = "train_count"
TOKEN = "token"
GENDER_INDEX = schema.GENDER_INDEX
COUNTRY_INDEX = schema.COUNTRY_INDEX


class Split(enum.IntEnum):
    """The part of the split a watch or an impression belongs to.

    A `CONTEXT` row is no label of its stage but stands in later histories.
    """

    TRAIN = 0
    VALIDATION = 1
    TEST = 2
    CONTEXT = 3


class Ragged(NamedTuple):
    """Sets of videos of several users.

    Attributes:
      offsets: `[n + 1] int64`.
      videos: Video indices, or flat positions of watches where that is said; user i
        has `videos[offsets[i] : offsets[i + 1]]`.
    """

    offsets: np.ndarray
    videos: np.ndarray


@dataclasses.dataclass(frozen=True)
class PreparedData:
    """A prepared set, its arrays mapped from disk.

    Video index 0 is out of vocabulary; 1 … num_videos are rows of `videos`. User
    index u is row u of `users`, and its watches are
    `[watch_offsets[u], watch_offsets[u + 1])`.

    Attributes:
      directory: Where it lies.
      manifest: What it was made from, with counts in `facts`.
      videos: `video_id`, the log's other columns and `train_count`, in index order.
      users: `user_id`, the log's other columns and their vocabulary indices.
      tokens: Search tokens `token` and `train_count`; row i has index i + 1. Without
        rows if the log has no searches.
      vocabularies: Values of each text feature; value i has index i + 1.
      arrays: NumPy arrays by name.
    """

    directory: pathlib.Path
    manifest: artifacts.Manifest
    videos: pl.DataFrame
    users: pl.DataFrame
    tokens: pl.DataFrame
    vocabularies: dict[str, list[str]]
    arrays: dict[str, np.ndarray]
    _end_of_training: str = "validation"

    def __getattr__(self, name: str) -> np.ndarray:
        """Returns the array called `name`."""
        arrays: dict[str, np.ndarray] = object.__getattribute__(self, "arrays")
        if name in arrays:
            return arrays[name]
        raise AttributeError(f"the prepared set has no array {name!r}")

    @functools.cached_property
    def config(self) -> configs.Data:
        """The configuration it was prepared with."""
        return artifacts.read_config(self.manifest, self.directory, configs.Data)

    @property
    def num_videos(self) -> int:
        """Number of videos in the vocabulary."""
        return self.videos.height

    @property
    def num_users(self) -> int:
        """Number of users."""
        return self.users.height

    @property
    def has_impressions(self) -> bool:
        """Whether the log had impressions, without which there is no ranker."""
        return "impression_users" in self.arrays

    @property
    def has_watch_seconds(self) -> bool:
        """Whether clicked impressions have a watch time."""
        return "impression_seconds" in self.arrays

    @property
    def has_searches(self) -> bool:
        """Whether the log had searches with words that training contexts hold."""
        return self.tokens.height > 0

    def queries(self, start: int, stop: int) -> list[str]:
        """Returns the texts of a range of searches, read from disk."""
        table = pl.scan_parquet(self.directory / QUERIES_FILE)
        rows = table.slice(start, stop - start).collect()
        texts: list[str] = rows[schema.QUERY].to_list()
        return texts

    @property
    def completed(self) -> np.ndarray:
        """Whether each watch may be a label or an answer, `[watches] bool`."""
        if "watch_completed" in self.arrays:
            return np.asarray(self.arrays["watch_completed"])
        return np.ones(len(self.arrays["watch_videos"]), bool)

    def with_validation_in_training(self) -> "PreparedData":
        """Returns the set with the watches held out for validation as training's."""
        splits = np.asarray(self.arrays["watch_splits"])
        trained = np.where(splits == Split.VALIDATION, Split.TRAIN, splits)
        arrays = {**self.arrays, "watch_splits": trained.astype(splits.dtype)}
        return dataclasses.replace(self, arrays=arrays, _end_of_training="ranking")

    @functools.cached_property
    def training_window(self) -> tuple[int, int]:
        """First and last second of the candidate model's training window.

        Its end is where the next window begins (temporal), or the last training watch.
        """
        is_train = self.arrays["watch_splits"] == Split.TRAIN
        times = np.asarray(self.arrays["watch_times"])[is_train]
        first = int(times.min(initial=np.iinfo(np.int64).max))
        windows = self.manifest.facts.get("windows")
        if windows is not None:
            return first, int(windows[self._end_of_training])
        return first, int(times.max(initial=first))

    @functools.cached_property
    def watch_users(self) -> np.ndarray:
        """User index of each watch, `[watches] int32`."""
        counts = np.diff(self.arrays["watch_offsets"])
        return np.repeat(np.arange(self.num_users, dtype=np.int32), counts)

    def watch_split_rows(self, split: Split) -> np.ndarray:
        """Returns the flat positions of a split's watches, `[n] int64`."""
        return np.flatnonzero(self.arrays["watch_splits"] == split)

    def first_watches(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Returns the users with watches in a split and where each one's first lies.

        Returns:
          user indices `[n] int32`, flat positions `[n] int64`.
        """
        rows = self.watch_split_rows(split)
        users, first = np.unique(self.watch_users[rows], return_index=True)
        return users, rows[first]

    def watched_before(self, users: np.ndarray, ends: np.ndarray) -> Ragged:
        """Returns all videos each user watched before a flat position.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions of theirs.
        """
        starts = np.asarray(self.arrays["watch_offsets"])[users]
        offsets, positions = ranges(starts, np.asarray(ends))
        return Ragged(offsets, np.asarray(self.arrays["watch_videos"])[positions])

    def searches_before(self, users: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Returns how many searches each user made before a time, `[n] int64`.

        Args:
          users: `[n]` user indices.
          times: `[n]` seconds.
        """
        offsets = np.asarray(self.arrays["search_offsets"])
        made = np.asarray(self.arrays["search_times"])
        stops = [
            start + np.searchsorted(made[start:stop], time)
            for start, stop, time in zip(
                offsets[users], offsets[np.asarray(users) + 1], times, strict=True
            )
        ]
        return np.asarray(stops, np.int64) - offsets[users]

    def targets(self, users: np.ndarray, ends: np.ndarray, split: Split) -> Ragged:
        """Returns the distinct videos a user completes in a split, from `ends` on.

        Videos the user watched before `ends` are no targets, as they cannot be
        recommended. Each video out of the vocabulary (0) counts as one.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions, each the user's first watch in the split.
          split: Whose watches are targets.
        """
        offsets, positions = self.split_watches(users, ends, split)
        keep = self.are_new(users, ends, Ragged(offsets, positions))
        return select(Ragged(offsets, self.arrays["watch_videos"][positions]), keep)

    def split_watches(
        self, users: np.ndarray, ends: np.ndarray, split: Split
    ) -> Ragged:
        """Returns the flat positions of each user's watches in a split.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions to begin at.
          split: Whose watches.
        """
        lasts = np.asarray(self.arrays["watch_offsets"])[np.asarray(users) + 1]
        offsets, positions = ranges(np.asarray(ends), lasts)
        inside = np.asarray(self.arrays["watch_splits"])[positions] == split
        inside &= self.completed[positions]
        return select(Ragged(offsets, positions), inside)

    def are_new(
        self,
        users: np.ndarray,
        ends: np.ndarray,
        watches: Ragged,
        with_watched: bool = False,
    ) -> np.ndarray:
        """Returns which watches are the user's first of their video, `[watches] bool`.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions where each history ends.
          watches: Flat positions at or after `ends`, in order. Of a video that is
            twice among them the first is new; each out of the vocabulary is.
          with_watched: Whether those of the history are new too.
        """
        videos = np.asarray(self.arrays["watch_videos"])[watches.videos]
        stride = self.num_videos + 1
        keys = rows_of(watches.offsets) * stride + videos
        is_new = np.zeros(len(keys), bool)
        is_new[np.unique(keys, return_index=True)[1]] = True
        is_new |= videos == 0
        if not with_watched:
            before = self.watched_before(users, ends)
            seen = np.isin(keys, rows_of(before.offsets) * stride + before.videos)
            is_new &= ~seen | (videos == 0)
        return is_new

    def user_features(self) -> dict[str, np.ndarray]:
        """Returns the demographics the log has, one row for each user.

        Returns:
          By schema name: age fraction `[users] float32` (-1: missing), gender and
          country indices `[users] int32` (0: missing).
        """
        features: dict[str, np.ndarray] = {}
        if schema.AGE in self.users.columns:
            ages = self.users[schema.AGE].to_numpy().astype(np.float32)
            features[schema.AGE_FRACTION] = age_fraction(ages)
        for name in (GENDER_INDEX, COUNTRY_INDEX):
            if name in self.users.columns:
                features[name] = self.users[name].to_numpy().astype(np.int32)
        return features


def rows_of(offsets: np.ndarray) -> np.ndarray:
    """Returns the row of each entry of a ragged array."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def select(ragged: Ragged, keep: np.ndarray) -> Ragged:
    """Returns the entries of a ragged array that `keep` marks; rows stay.

    >>> select(Ragged(np.array([0, 2, 3]), np.array([7, 8, 9])), np.array([0, 1, 1]))
    Ragged(offsets=array([0, 1, 2]), videos=array([8, 9]))
    """
    keep = np.asarray(keep, bool)
    kept = np.append(0, np.cumsum(keep))
    return Ragged(kept[ragged.offsets], ragged.videos[keep])


def ranges(starts: np.ndarray, ends: np.ndarray) -> Ragged:
    """Returns the positions of several ranges, one after the other."""
    sizes = ends - starts
    offsets = np.append(0, np.cumsum(sizes)).astype(np.int64)
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    return Ragged(offsets, np.repeat(starts, sizes) + within)


def age_fraction(age_years: np.ndarray) -> np.ndarray:
    """Returns ages scaled to [0, 1] (PAPER §3.3), -1 where missing (NaN)."""
    fraction = np.clip(age_years / schema.MAX_AGE_YEARS, 0.0, 1.0)
    return np.where(np.isnan(fraction), -1.0, fraction).astype(np.float32)


def load(directory: pathlib.Path, deep: bool = False) -> PreparedData:
    """Opens a prepared set.

    Args:
      directory: The artefact.
      deep: Whether to check every file's checksum.

    Raises:
      errors.UserError: It is missing, damaged, or of another format version.
    """
    directory = pathlib.Path(directory)
    manifest = artifacts.read_manifest(directory, KIND, deep)
    arrays = {
        path.stem: _load_array(path)
        for path in sorted((directory / ARRAYS).glob("*.npy"))
    }
    return PreparedData(
        directory=directory,
        manifest=manifest,
        videos=pl.read_parquet(directory / VIDEOS_FILE),
        users=pl.read_parquet(directory / USERS_FILE),
        tokens=_read_tokens(directory / TOKENS_FILE),
        vocabularies=_read_json(directory / VOCABULARIES_FILE),
        arrays=arrays,
    )


def _load_array(path: pathlib.Path) -> np.ndarray:
    try:
        if path.stat().st_size > 0 and np.load(path, mmap_mode="r").size == 0:
            return np.load(path)
        array: np.ndarray = np.load(path, mmap_mode="r")
        return array
    except ValueError:
        raise errors.UserError(
            f"expected a NumPy array in {path}, found a damaged file: run prepare again"
        ) from None


def _read_tokens(path: pathlib.Path) -> pl.DataFrame:
    if path.exists():
        return pl.read_parquet(path)
    return pl.DataFrame(schema={TOKEN: pl.String, TRAIN_COUNT: pl.Int64})


def _read_json(path: pathlib.Path) -> Any:
    return json.loads(path.read_text())
