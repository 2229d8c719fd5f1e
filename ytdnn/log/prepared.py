"""The prepared set: flat arrays with positions as examples.

Contexts are never materialised. Watches are sorted by (user, order); a context is the
slice that ends before the label, so nothing at or after the label can leak in.

The set has two parts: the catalogue of videos (`catalogues`), and the log of users and
their events with the windows of its split (`user_log`). A function that reads one part
takes that part.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import polars as pl

from ytdnn.base import artifacts, configs, schema
from ytdnn.log import catalogues, events, user_log, user_shards

if TYPE_CHECKING:
    from ytdnn.log import split_of_log

Made = TypeVar("Made")

KIND = "data"
REFIT = "refit"  # fact of a set that a refit is trained on (`refit.derive`)
TRAINED_TO = "trained_to"  # second at which that ends
TRAIN_COUNT = catalogues.TRAIN_COUNT  # packages of users name it here
# What `prepare` adds to the log's own columns of `users` and `videos`.
MADE_COLUMNS = (TRAIN_COUNT, schema.USER_ID, schema.VIDEO_ID)


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
    catalogue: catalogues.Catalogue
    log: user_log.UserLog
    _end_of_training: str = "validation"
    _whole: "PreparedData | None" = None

    @functools.cached_property
    def windows(self) -> "split_of_log.SplitWindows":
        """The split of the log."""
        from ytdnn.log import split_of_log

        whole = None if self._whole is None else self._whole.windows
        return split_of_log.SplitWindows(
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

    def with_log(self, log: user_log.UserLog) -> "PreparedData":
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
        change = user_shards.with_validation_in_training
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
        if key not in self._made:
            self._made[key] = self.shared(key, make)
        value: Made = self._made[key]
        return value

    def shared(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Returns an object as `once` does, but cached only until the next `release`.

        For what several features compute their values from and none reads later.
        """
        if self._whole is not None:
            return self._whole.shared(key, make)
        if key in self._made:
            return cast("Made", self._made[key])
        value: Made = self._shared[key] if key in self._shared else make()
        self._shared[key] = value
        return value

    def release(self) -> None:
        """Forgets what is `shared`."""
        self.whole._shared.clear()

    @functools.cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    @functools.cached_property
    def _shared(self) -> dict[Hashable, Any]:
        return {}


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
        catalogue=catalogues.read(directory, manifest.facts),
        log=user_log.read(directory, manifest.facts),
    )
