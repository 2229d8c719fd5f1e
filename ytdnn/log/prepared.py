"""The prepared set: flat arrays with positions as examples.

Contexts are never materialised. Watches are sorted by (user, order); a context is the
slice that ends before the label, so nothing at or after the label can leak in.

The *catalogue* is every video of the log; the *vocabulary* is the videos with a trained
id embedding, which come first: catalogue indices 1 … vocabulary_size. So the index
tells whether a video has an embedding, and a video without one has an index, a row of
`videos` and all other features.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from ytdnn.log import events, ragged, schema, user_shards
from ytdnn.run import artifacts, configs

if TYPE_CHECKING:
    from ytdnn.log import outcomes
    from ytdnn.log import shard_index as index_room
    from ytdnn.log import vectors as vectors_room

Made = TypeVar("Made")

KIND = "data"
REFIT = "refit"  # fact of a set that a refit is trained on (`refit.derive`)
TRAINED_TO = "trained_to"  # second at which that ends
VIDEOS_FILE = "videos.parquet"
USERS_FILE = "users.parquet"
TOKENS_FILE = "tokens.parquet"
VOCABULARIES_FILE = "vocabularies.json"
TRAIN_COUNT = "train_count"
TOKEN = "token"
Split = events.Split
# What `prepare` adds to the log's own columns of `users` and `videos`.
MADE_COLUMNS = (TRAIN_COUNT, schema.USER_ID, schema.VIDEO_ID)


@dataclasses.dataclass(frozen=True)
class PreparedData:
    """A prepared set, with memory-mapped arrays.

    Attributes:
      directory: Directory of the artefact.
      manifest: Manifest: its inputs, with counts in `facts`.
      videos: The catalogue: `video_id`, the log's other columns, own ones too, and
        `train_count`; row i has index i + 1.
      users: `user_id` and the log's other columns; row u has index u.
      tokens: Search tokens `token` and `train_count`; row i has index i + 1. Without
        rows if the log has no searches.
      vocabularies: Values of text columns of events; value i has index i + 1.
      shards: The events, by ranges of users in order.
      num_added: Number of videos at the end of the catalogue that were added after
        `prepare`.
    """

    directory: pathlib.Path
    manifest: artifacts.Manifest
    videos: pl.DataFrame
    users: pl.DataFrame
    tokens: pl.DataFrame
    vocabularies: dict[str, list[str]]
    shards: tuple[user_shards.LazyShard, ...]
    num_added: int = 0
    _added_vectors: "Mapping[str, vectors_room.Rows] | None" = None
    _end_of_training: str = "validation"
    _whole: "PreparedData | None" = None

    @functools.cached_property
    def shard(self) -> user_shards.Shard:
        """The events of all users; several shards are read into memory.

        For a log beyond memory see `shard_index`, `of_users` and `window`.
        """
        if len(self.shards) == 1 and self.shards[0].num_users == self.num_users:
            return self.shard_index.shard(0)
        return user_shards.joined(self.shards, self.num_users)

    @functools.cached_property
    def shard_index(self) -> "index_room.ShardIndex":
        """Finds the events of some users, or at flat positions, shard by shard."""
        from ytdnn.log import shard_index

        return shard_index.ShardIndex(self.shards, self.num_users)

    def of_users(self, users: np.ndarray) -> "PreparedData":
        """Returns the set with the events of some users only, in memory.

        Users keep their index, and facts about the whole set are unchanged. Events
        have other flat positions: the user's own begin at the user's offset.

        Args:
          users: Distinct user indices, ascending.
        """
        shard = self.shard_index.of_users(users)
        shards = (user_shards.in_memory(shard, self.num_users),)
        return dataclasses.replace(self, shards=shards, _whole=self.whole)

    @property
    def watches(self) -> events.Watches:
        """The watches of all users."""
        return self.shard.watches

    @property
    def searches(self) -> events.Searches:
        """The searches of all users.

        Raises:
          ValueError: The log has no searches; see `has_searches`.
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

    def with_events(self, **changed: Any) -> "PreparedData":
        """Returns the set with some tables of events replaced."""
        shard = dataclasses.replace(self.shard, **changed)
        shards = (user_shards.in_memory(shard, self.num_users),)
        return dataclasses.replace(self, shards=shards)

    def changed(
        self, change: Callable[[user_shards.Shard], user_shards.Shard]
    ) -> "PreparedData":
        """Returns the set with `change` applied to the events of each shard."""
        shards = tuple(shard.changed(change) for shard in self.shards)
        return dataclasses.replace(self, shards=shards)

    def changed_by_user(
        self, change: Callable[[user_shards.Shard, int], user_shards.Shard]
    ) -> "PreparedData":
        """Returns the set with events changed by their users.

        Args:
          change: Function of a shard's events and the index of its first user.
        """
        shards = tuple(
            shard.changed(functools.partial(_changed, change, shard.first_user))
            for shard in self.shards
        )
        return dataclasses.replace(self, shards=shards)

    def window(self, shards: Sequence[user_shards.LazyShard]) -> "PreparedData":
        """Returns the set with the events of some of its shards only.

        Users keep their index, and facts about the whole set are unchanged.

        Args:
          shards: Shards in order of their users.
        """
        if len(shards) == len(self.shards):
            return self
        return dataclasses.replace(self, shards=tuple(shards), _whole=self.whole)

    def each_shard(self) -> Iterator["PreparedData"]:
        """Yields a set for each shard, in order of their users.

        It has the shard's own users only, numbered from 0, and all videos: it costs no
        more than the shard, however many users the log has.
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

    @property
    def whole(self) -> "PreparedData":
        """The whole set, if this is a window; else this set."""
        return self._whole or self

    @functools.cached_property
    def some(self) -> "PreparedData":
        """The set with only the events of its first shard, for shapes and types."""
        return self.window(self.shards[:1])

    def with_videos(self, added: pl.DataFrame) -> "PreparedData":
        """Returns the set with later videos (see `videos`) after its catalogue."""
        videos = pl.concat([self.videos, added.select(self.videos.columns)])
        number, more = self.num_added + added.height, self.vectors.extended(added)
        return dataclasses.replace(
            self, videos=videos, num_added=number, _added_vectors=more
        )

    @functools.cached_property
    def vectors(self) -> "vectors_room.Vectors":
        """The log's vectors of users and videos, stored apart from the tables."""
        if self._whole is not None:
            return self._whole.vectors
        facts = self.manifest.facts
        from ytdnn.log import vectors as vectors_room

        return vectors_room.Vectors(self.directory, facts, self._added_vectors)

    @property
    def num_prepared(self) -> int:
        """Number of prepared videos, without added ones."""
        return self.num_videos - self.num_added

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Returns an object derived from the set, computed once and cached.

        Args:
          key: Key of the object; equal keys must give equal objects.
          make: Function that computes it, called once for a set. A set with other
            events computes its own; a window shares the whole set's.
        """
        if self._whole is not None:
            return self._whole.once(key, make)
        if key not in self._made:
            self._made[key] = make()
        found: Made = self._made[key]
        return found

    @functools.cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    @functools.cached_property
    def config(self) -> configs.DataConfig:
        """The config that the set was prepared with."""
        return artifacts.read_config(self.manifest, self.directory, configs.DataConfig)

    @property
    def columns(self) -> frozenset[str]:
        """The columns the log has, as "table.column", own ones included."""
        return frozenset(self.manifest.facts["log_columns"])

    @property
    def num_videos(self) -> int:
        """Number of videos in the catalogue."""
        return self.videos.height

    @property
    def vocabulary_size(self) -> int:
        """Number of videos with an id embedding: the first ones of the catalogue."""
        return int(self.manifest.facts["vocabulary"])

    @functools.cached_property
    def listed_from(self) -> np.ndarray:
        """Time from which on each video may be in a list, `[num_videos] int64` seconds.

        A video of the vocabulary, or of unknown upload time, may always be listed; a
        new one from its upload on.
        """
        always = np.iinfo(np.int64).min
        found = np.full(self.num_videos, always)
        if schema.UPLOAD_TIME in self.videos.columns:
            known = self.videos[schema.UPLOAD_TIME].cast(pl.Int64).fill_null(always)
            found[self.vocabulary_size :] = known.to_numpy()[self.vocabulary_size :]
        return found

    @property
    def num_users(self) -> int:
        """Number of users."""
        return self.users.height

    @property
    def has_impressions(self) -> bool:
        """Whether the log had impressions, without which there is no ranker."""
        return self.shard_index.shard(0).impressions is not None

    def ranker_left_out(self, config: configs.RankingConfig) -> str:
        """Returns why there is no ranker; empty if there is one.

        Args:
          config: Settings of ranking, which may disable it.
        """
        if not config.enabled:
            return "config.ranking.enabled is false"
        return str(self.manifest.facts.get("ranking_obstacle", ""))

    @property
    def has_own_window(self) -> bool:
        """Whether the ranker's window begins after the candidates' training.

        Otherwise scores of the candidate model would leak the clicks of the ranker's
        window.
        """
        windows = self.manifest.facts.get("windows")
        return windows is not None and windows["validation"] <= windows["ranking"]

    @property
    def has_watch_seconds(self) -> bool:
        """Whether clicked impressions have a watch time."""
        shown = self.shard_index.shard(0).impressions
        return shown is not None and shown.seconds is not None

    @functools.cached_property
    def outcomes(self) -> "tuple[outcomes.Outcome, ...]":
        """Outcomes of impressions, in the order of their array."""
        from ytdnn.log import outcomes

        return outcomes.from_facts(self.manifest.facts)

    @property
    def has_searches(self) -> bool:
        """Whether the log has searches with words of training contexts."""
        return self.tokens.height > 0

    @functools.cached_property
    def queries(self) -> user_shards.Queries:
        """The texts of searches."""
        return user_shards.Queries(self.directory, self.manifest.facts)

    def with_validation_in_training(self) -> "PreparedData":
        """Returns the set with validation watches as training watches."""
        changed = self.changed(user_shards.with_validation_in_training)
        return dataclasses.replace(changed, _end_of_training="ranking")

    @functools.cached_property
    def training_window(self) -> tuple[int, int]:
        """First and last second of the candidate model's training window.

        It ends at the begin of the next window (temporal), or at the last training
        watch.
        """
        if self._whole is not None:
            return self._whole.training_window
        first, last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        for shard in self.shards:
            watches = shard.read().watches
            times = np.asarray(watches.times)[watches.splits == Split.TRAIN]
            first = min(first, int(times.min(initial=first)))
            last = max(last, int(times.max(initial=last)))
        windows = self.manifest.facts.get("windows")
        if windows is not None:
            return first, int(windows[self._end_of_training])
        return first, max(first, last)

    @functools.cached_property
    def end_of_log(self) -> int:
        """The last second of any event."""
        if self._whole is not None:
            return self._whole.end_of_log
        reads = (shard.read() for shard in self.shards)
        tables = (t for r in reads for t in (r.watches, r.impressions, r.searches))
        return max(int(np.max(t.times, initial=0)) for t in tables if t is not None)

    def watch_split_rows(self, split: Split) -> np.ndarray:
        """Returns the flat positions of a split's watches, `[n] int64`."""
        return self.shard_index.watches_of(split)

    def first_watches(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Returns the users with watches in a split, and the position of their first.

        Returns:
          user indices `[n] int32`, flat positions `[n] int64`.
        """
        return self.shard_index.first_watches(split)

    def last_watches(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Returns the users with watches in a split, and the position of their last.

        Only completed watches (`data.min_watch_fraction`) count.

        Returns:
          user indices `[n] int32`, flat positions `[n] int64`.
        """
        return self.shard_index.last_watches(split)

    def watched_before(self, users: np.ndarray, ends: np.ndarray) -> ragged.Ragged:
        """Returns all videos each user watched before a flat position.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions among the users' watches.

        Returns:
          Catalogue indices for each user.
        """
        return self.shard_index.watched_before(users, ends)

    def targets(
        self,
        users: np.ndarray,
        ends: np.ndarray,
        split: Split,
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
        videos = self.shard_index.gather("watches", "videos", new.values)
        return ragged.Ragged(new.offsets, videos)

    def split_watches(
        self, users: np.ndarray, ends: np.ndarray, split: Split
    ) -> ragged.Ragged:
        """Returns the flat positions of each user's watches in a split.

        Args:
          users: `[n]` user indices.
          ends: `[n]` flat positions to begin at.
          split: Split of the watches.
        """
        return self.shard_index.split_watches(users, ends, split)

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
        return self.shard_index.are_new(users, ends, watches, with_watched)


def load(directory: pathlib.Path, deep: bool = False) -> PreparedData:
    """Opens a prepared set.

    Args:
      directory: The artefact.
      deep: Whether to check every file's checksum.

    Raises:
      errors.UserError: The set is missing, damaged, or of another format version.
    """
    directory = pathlib.Path(directory)
    manifest = artifacts.read_manifest(directory, KIND, deep)
    return PreparedData(
        directory=directory,
        manifest=manifest,
        videos=pl.read_parquet(directory / VIDEOS_FILE),
        users=pl.read_parquet(directory / USERS_FILE),
        tokens=_read_tokens(directory / TOKENS_FILE),
        vocabularies=json.loads((directory / VOCABULARIES_FILE).read_text()),
        shards=user_shards.on_disk(directory, manifest.facts),
    )


def _changed(
    change: Callable[[user_shards.Shard, int], user_shards.Shard],
    first_user: int,
    shard: user_shards.Shard,
) -> user_shards.Shard:
    return change(shard, first_user)


def _read_tokens(path: pathlib.Path) -> pl.DataFrame:
    if path.exists():
        return pl.read_parquet(path)
    return pl.DataFrame(schema={TOKEN: pl.String, TRAIN_COUNT: pl.Int64})
