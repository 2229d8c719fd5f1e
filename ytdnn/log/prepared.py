"""The prepared set: flat arrays with positions as examples.

Contexts are never materialised. Watches are sorted by (user, order); a context is the
slice that ends before the label, so nothing at or after the label can leak in.

The set has two parts: the catalogue of videos, and the log of users and their events
with the windows of its split (`prepared_log`). A function that reads one part takes
that part.

The *catalogue* is every video of the log; the *vocabulary* is the videos with a trained
id embedding, which come first: catalogue indices 1 … vocabulary_size. So the index
tells whether a video has an embedding, and a video without one has an index, a row of
`videos` and all other features.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import artifacts, configs, schema
from ytdnn.log import events, prepared_log

if TYPE_CHECKING:
    from ytdnn.log import outcomes, split_windows
    from ytdnn.log import vectors as log_vectors

Made = TypeVar("Made")

KIND = "data"
REFIT = "refit"  # fact of a set that a refit is trained on (`refit.derive`)
TRAINED_TO = "trained_to"  # second at which that ends
VIDEOS_FILE = "videos.parquet"
TOKENS_FILE = "tokens.parquet"
VOCABULARIES_FILE = "vocabularies.json"
TRAIN_COUNT = "train_count"  # packages of users name it here
TOKEN = "token"
# What `prepare` adds to the log's own columns of `users` and `videos`.
MADE_COLUMNS = (TRAIN_COUNT, schema.USER_ID, schema.VIDEO_ID)


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """The videos of a log, its search tokens and values of text columns.

    Attributes:
      directory: Directory of the prepared set.
      facts: Facts of its manifest.
      videos: `video_id`, the log's other columns, own ones too, and `train_count`; row
        i has index i + 1.
      tokens: Search tokens `token` and `train_count`; row i has index i + 1. Without
        rows if the log has no searches.
      vocabularies: Values of text columns of events; value i has index i + 1.
      num_added: Number of videos at the end that were added after `prepare`.
    """

    directory: pathlib.Path
    facts: Mapping[str, Any]
    videos: pl.DataFrame
    tokens: pl.DataFrame
    vocabularies: dict[str, list[str]]
    num_added: int = 0
    _added_vectors: "Mapping[str, log_vectors.Rows] | None" = None

    @property
    def num_videos(self) -> int:
        """Number of videos."""
        return self.videos.height

    @property
    def num_prepared(self) -> int:
        """Number of prepared videos, without added ones."""
        return self.num_videos - self.num_added

    @property
    def vocabulary_size(self) -> int:
        """Number of videos with an id embedding: the first ones."""
        return int(self.facts["vocabulary"])

    @property
    def columns(self) -> frozenset[str]:
        """The columns the log has, as "table.column", own ones included."""
        return frozenset(self.facts["log_columns"])

    @property
    def has_searches(self) -> bool:
        """Whether the log has searches with words of training contexts."""
        return self.tokens.height > 0

    @functools.cached_property
    def outcomes(self) -> "tuple[outcomes.Outcome, ...]":
        """Outcomes of impressions, in the order of their array."""
        from ytdnn.log import outcomes

        known = self.facts.get(outcomes.FACT, ())
        return tuple(outcomes.Outcome(**outcome) for outcome in known)

    @functools.cached_property
    def listed_from(self) -> np.ndarray:
        """Time from which on each video may be in a list, `[num_videos] int64` seconds.

        A video of the vocabulary, or of unknown upload time, may always be listed; a
        new one from its upload on.
        """
        always = np.iinfo(np.int64).min
        listed = np.full(self.num_videos, always)
        if schema.UPLOAD_TIME in self.videos.columns:
            known = self.videos[schema.UPLOAD_TIME].cast(pl.Int64).fill_null(always)
            listed[self.vocabulary_size :] = known.to_numpy()[self.vocabulary_size :]
        return listed

    @functools.cached_property
    def vectors(self) -> "log_vectors.Vectors":
        """The log's vectors of users and videos, stored apart from the tables."""
        from ytdnn.log import vectors as log_vectors

        return log_vectors.Vectors(self.directory, self.facts, self._added_vectors)

    def with_videos(self, added: pl.DataFrame) -> "Catalogue":
        """Returns the catalogue with later videos (see `videos`) at its end."""
        videos = pl.concat([self.videos, added.select(self.videos.columns)])
        number, more = self.num_added + added.height, self.vectors.extended(added)
        return dataclasses.replace(
            self, videos=videos, num_added=number, _added_vectors=more
        )


@dataclasses.dataclass(frozen=True)
class PreparedData:
    """A prepared set, with memory-mapped arrays.

    Attributes:
      directory: Directory of the artefact.
      manifest: Manifest: its inputs, with counts in `facts`.
      catalogue: The videos, and the vocabularies of the log.
      log: The users and their events.
    """

    directory: pathlib.Path
    manifest: artifacts.Manifest
    catalogue: Catalogue
    log: prepared_log.UserLog
    _end_of_training: str = "validation"
    _whole: "PreparedData | None" = None

    @functools.cached_property
    def windows(self) -> "split_windows.SplitWindows":
        """The split of the log."""
        from ytdnn.log import split_windows

        whole = None if self._whole is None else self._whole.windows
        return split_windows.SplitWindows(
            self.log, self.manifest.facts, self._end_of_training, whole
        )

    @functools.cached_property
    def config(self) -> configs.DataConfig:
        """The config that the set was prepared with."""
        return artifacts.read_config(self.manifest, self.directory, configs.DataConfig)

    @property
    def videos(self) -> pl.DataFrame:
        """The videos of the catalogue; row i has index i + 1."""
        return self.catalogue.videos

    @property
    def num_videos(self) -> int:
        """Number of videos in the catalogue."""
        return self.catalogue.num_videos

    @property
    def vocabulary_size(self) -> int:
        """Number of videos with an id embedding: the first ones of the catalogue."""
        return self.catalogue.vocabulary_size

    @property
    def users(self) -> pl.DataFrame:
        """The users; row u has index u."""
        return self.log.users

    @property
    def num_users(self) -> int:
        """Number of users."""
        return self.log.num_users

    @property
    def num_training_watches(self) -> int:
        """Number of training watches."""
        splits = (shard.read().watches.splits for shard in self.log.shards)
        return sum(int((each == events.Split.TRAIN).sum()) for each in splits)

    @property
    def watches(self) -> events.Watches:
        """The watches of all users."""
        return self.log.watches

    @property
    def impressions(self) -> events.Impressions:
        """The impressions of all users; see `UserLog.impressions`."""
        return self.log.impressions

    @property
    def whole(self) -> "PreparedData":
        """The whole set, if this is a window; else this set."""
        return self._whole or self

    def with_log(self, log: prepared_log.UserLog) -> "PreparedData":
        """Returns the set with another log, such as a window of its own.

        Facts about the whole set are unchanged in a window.
        """
        if log is self.log:
            return self
        whole = self.whole if log.whole is self.log.whole else None
        return dataclasses.replace(self, log=log, _whole=whole)

    def with_videos(self, added: pl.DataFrame) -> "PreparedData":
        """Returns the set with later videos (see `videos`) after its catalogue."""
        return dataclasses.replace(self, catalogue=self.catalogue.with_videos(added))

    def with_validation_in_training(self) -> "PreparedData":
        """Returns the set with validation watches as training watches."""
        change = events.with_validation_in_training
        changed = self.with_log(self.log.changed(change))
        return dataclasses.replace(changed, _end_of_training="ranking")

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Returns an object derived from the set, computed once and cached.

        Args:
          key: Key of the object; equal keys must give equal objects.
          make: Function that computes it, called once for a set. A set with other
            events computes its own; a window shares the whole set's.
        """
        if self._whole is not None:
            return self._whole.once(key, make)
        return kept(self._made, key, lambda: self.shared(key, make))

    def shared(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Returns an object as `once` does, but cached only until the next `release`.

        For what several features compute their values from and none reads later.
        """
        if self._whole is not None:
            return self._whole.shared(key, make)
        if key in self._made:
            return cast("Made", self._made[key])
        return kept(self._shared, key, make)

    def release(self) -> None:
        """Forgets what is `shared`."""
        self.whole._shared.clear()

    @functools.cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    @functools.cached_property
    def _shared(self) -> dict[Hashable, Any]:
        return {}


def kept(made: dict[Any, Any], key: Hashable, make: Callable[[], Made]) -> Made:
    """Returns the object of a key, which is made and kept if there is none yet."""
    value: Made = made[key] if key in made else make()
    made[key] = value
    return value  # which another thread may have released


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
    place = directory, manifest.facts
    catalogue = Catalogue(
        *place,
        videos=pl.read_parquet(directory / VIDEOS_FILE),
        tokens=_read_tokens(directory / TOKENS_FILE),
        vocabularies=json.loads((directory / VOCABULARIES_FILE).read_text()),
    )
    users = pl.read_parquet(directory / prepared_log.USERS_FILE)
    log = prepared_log.UserLog(*place, users, events.on_disk(*place))
    return PreparedData(directory, manifest, catalogue, log)


def _read_tokens(path: pathlib.Path) -> pl.DataFrame:
    if path.exists():
        return pl.read_parquet(path)
    return pl.DataFrame(schema={TOKEN: pl.String, TRAIN_COUNT: pl.Int64})


def new_indices(order: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Returns the new index of each catalogue index, 0 of 0, after a change of order.

    >>> new_indices(np.array([1, 0]))
    array([0, 2, 1], dtype=int32)

    Args:
      order: `[num_videos]` rows of the old catalogue in the new order.
    """
    indices = np.zeros(len(order) + 1, np.int32)
    indices[order + 1] = np.arange(1, len(order) + 1)
    return indices


def first_texts(values: pl.Series) -> pl.Series:
    """Returns values as text; of several values of a video the first."""
    values = values.list.first() if values.dtype == pl.List else values
    return values.cast(pl.String)
