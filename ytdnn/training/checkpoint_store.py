"""Copies of checkpoints on an object store, for machines whose disk may be lost.

Below the address each training has a folder of its own, named by its artefact and the
fingerprint of its config and inputs, so that another config never reads it. A folder
holds files under names that are used once, and a list of them, which is written last:
a checkpoint without its list, or with a file missing or cut short, is not read.
"""

import contextlib
import dataclasses
import json
import pathlib
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from ytdnn.base import errors, formats
from ytdnn.log import object_stores

T = TypeVar("T")
SETTING: Final = "--checkpoints (cluster.checkpoints)"
_LIST = re.compile(r"list-(?P<epoch>\d+)-(?P<step>\d+)-\w+\.json")
_PATH = re.compile(r"(latest|best|logs)/\w[\w.-]*")  # of a file of a training
WAITS: Final = (1.0, 5.0)  # seconds between attempts
# Stores of buckets need no folders, and would make a misspelt bucket.
_OF_BUCKETS = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci"}
)


@dataclasses.dataclass(frozen=True)
class Kept:
    """A complete checkpoint on the store.

    Attributes:
      reached: Finished epochs, and finished steps of the next one.
      files: Name on the store and size in bytes of each file, by its path below the
        directory of the training.
      listed: Name of the list of the files.
    """

    reached: tuple[int, int]
    files: dict[str, tuple[str, int]]
    listed: str

    def describe(self) -> str:
        """Returns the place in the training, in words."""
        epochs, steps = self.reached
        return (
            f"made after {formats.counted(epochs, 'epoch')} and "
            f"{formats.counted(steps, 'step')}"
        )


def require(url: str) -> None:
    """Checks that checkpoints can be written to an address, by writing a file there.

    Raises:
      errors.UserError: The address is none, its package is missing, or it cannot be
        written to.
    """
    store = opened(url)
    name = f"probe-{uuid.uuid4().hex}"
    try:
        retried(lambda: store.write(name, b"ytdnn"))
        retried(lambda: store.remove(name))
    except Exception as error:  # whatever the package of a store raises
        raise errors.UserError(
            f"expected an address to write to in {SETTING}, could not write a file "
            f"below {url} ({brief(error)}): correct it, or allow this machine to "
            f"write and delete there"
        ) from None


def opened(url: str, name: str = "", key: str = "") -> "Store":
    """Returns the folder of a training, which may be missing; nothing is read yet.

    Args:
      url: Address below which all trainings have their folders.
      name: Name of the artefact that is trained.
      key: Fingerprint of the config and inputs.

    Raises:
      errors.UserError: The address is none, or its package is missing.
    """
    if not object_stores.is_url(url):
        raise errors.UserError(
            f"expected an address such as s3://bucket/run in {SETTING}, received "
            f"{url!r}: file:///… is a directory of this machine"
        )
    files, root = object_stores.opened(url, SETTING, "leave it out")
    has_folders = object_stores.split(url)[0] not in _OF_BUCKETS
    store = Store(url.rstrip("/"), root.rstrip("/"), files, has_folders)
    return store.part(name).part(key)


def retried(action: Callable[[], T]) -> T:
    """Returns the result of an action, which is repeated where it fails."""
    for seconds in WAITS:
        try:
            return action()
        except Exception:  # whatever the package of a store raises
            time.sleep(seconds)
    return action()


def brief(error: Exception) -> str:
    """Returns an error of a store as part of a line."""
    text = errors.one_line(" ".join(str(error).split())[:120])
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@dataclasses.dataclass(frozen=True)
class Store:
    """A folder on an object store with the checkpoints of one training.

    Attributes:
      url: Address of the folder.
      root: The same as a path of `files`.
      files: File system of fsspec.
      has_folders: Whether a folder must be made before its files.
    """

    url: str
    root: str
    files: Any
    has_folders: bool

    def part(self, name: str) -> "Store":
        """Returns a folder in this one; the folder itself for an empty name."""
        if not name:
            return self
        url, root = f"{self.url}/{name}", f"{self.root}/{name}"
        return dataclasses.replace(self, url=url, root=root)

    def latest(self) -> Kept | None:
        """Returns the newest complete checkpoint; None: there is none."""
        sizes = self._sizes()
        lists = [match for match in map(_LIST.fullmatch, sizes) if match is not None]
        lists.sort(key=_reached, reverse=True)
        for match in lists:
            files = _files_of(self.files.cat_file(f"{self.root}/{match[0]}"))
            if files and all(sizes.get(name) == size for name, size in files.values()):
                return Kept(_reached(match), files, match[0])
        return None

    def fetch(self, kept: Kept, directory: pathlib.Path) -> None:
        """Copies a checkpoint into a directory, in place of the one in it.

        Args:
          kept: Checkpoint, from `latest`.
          directory: Directory of the training.
        """
        partial = directory / ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        for path, (name, _) in kept.files.items():
            target = partial / path
            target.parent.mkdir(parents=True, exist_ok=True)
            self.files.get_file(f"{self.root}/{name}", str(target))
        # `latest` comes after `best`: without it, a killed copy is made again.
        shutil.rmtree(directory / "latest", ignore_errors=True)
        for part in sorted(path.name for path in partial.iterdir()):
            shutil.rmtree(directory / part, ignore_errors=True)
            (partial / part).rename(directory / part)
        partial.rmdir()

    def put(
        self,
        source: pathlib.Path,
        reached: tuple[int, int],
        before: Mapping[str, tuple[str, int]],
    ) -> Kept:
        """Copies a checkpoint to the store and returns it.

        Args:
          source: Directory with the files of the checkpoint.
          reached: Finished epochs, and finished steps of the next one.
          before: Files that are on the store already, as in `Kept.files`.

        Raises:
          OSError: The store does not hold the files as they were written.
        """
        files = {}
        for path in sorted(each for each in source.rglob("*") if each.is_file()):
            relative = path.relative_to(source).as_posix()
            files[relative] = before.get(relative) or self._copied(path, relative)
        sizes = self._sizes()
        missing = [k for k, (name, size) in files.items() if sizes.get(name) != size]
        if missing:
            raise OSError(f"{missing[0]} is not there as it was written")
        listed = f"list-{reached[0]}-{reached[1]}-{_unique()}.json"
        self.write(listed, json.dumps(files).encode())
        return Kept(reached, files, listed)

    def _copied(self, path: pathlib.Path, relative: str) -> tuple[str, int]:
        name = f"{_unique()}-{relative.replace('/', '-')}"
        self._make_folder()
        self.files.put_file(str(path), f"{self.root}/{name}")
        return name, path.stat().st_size

    def remove_all_but(self, kept: Kept) -> None:
        """Removes the files of other checkpoints, of broken ones too; lists first."""
        names = {kept.listed, *(name for name, _ in kept.files.values())}
        others = [name for name in self._sizes() if name not in names]
        for name in sorted(others, key=lambda name: not _LIST.fullmatch(name)):
            self.remove(name)

    def write(self, name: str, content: bytes) -> None:
        """Writes a small file into the folder."""
        self._make_folder()
        self.files.pipe_file(f"{self.root}/{name}", content)

    def remove(self, name: str) -> None:
        """Removes a file of the folder; a missing one is no error."""
        with contextlib.suppress(FileNotFoundError):
            self.files.rm_file(f"{self.root}/{name}")

    def _make_folder(self) -> None:
        if self.has_folders:
            self.files.makedirs(self.root, exist_ok=True)

    def _sizes(self) -> dict[str, int]:
        """Returns the size in bytes of each file of the folder, by name."""
        self.files.invalidate_cache()
        try:
            found = self.files.ls(self.root, detail=True)
        except FileNotFoundError:
            return {}
        return {
            entry["name"].rstrip("/").rpartition("/")[2]: int(entry["size"] or 0)
            for entry in found
            if entry["type"] == "file"
        }


def _unique() -> str:
    return uuid.uuid4().hex[:12]


def _reached(match: re.Match[str]) -> tuple[int, int]:
    return int(match["epoch"]), int(match["step"])


def _files_of(content: bytes) -> dict[str, tuple[str, int]]:
    """Returns the files that a list names; none if it was written in part only."""
    try:
        read = json.loads(content)
    except ValueError:
        return {}
    if not all(_PATH.fullmatch(path) for path in read):
        return {}
    return {path: (str(name), int(size)) for path, (name, size) in read.items()}
