"""Artefacts in numbered versions, which a server watches, each published as a whole.

    DIRECTORY/manifest.json            of the newest version: renamed into place last
    DIRECTORY/NAME/N/…                 each of its parts, such as a model
    DIRECTORY/versions/N/…             files of all parts, and the manifest of N

TensorFlow Serving loads `NAME/N` once N is larger than its current version. A version
is written under a temporary name, flushed to disk, and renamed part by part; a version
without its number in the newest manifest was never finished, and the next one removes
it. Files of equal content are on disk once, as hard links.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ytdnn.base import artifacts, errors, whole_files

VERSIONS = "versions"
VERSION = "version"  # of the manifest's facts
_FEWEST_SHARED_BYTES = 2**12  # a block of common file systems; less is not worth a link

Files = dict[str, dict[str, Any]]
Content = Callable[[pathlib.PurePosixPath], bytes | None]


@dataclasses.dataclass(frozen=True)
class Draft:
    """A version that is being written.

    Attributes:
      path: Directory of its files, in the layout above.
      number: Number of the version.
      durable: Entries of the manifest for files that are links to an earlier version's
        files, which are neither hashed nor flushed again.
    """

    path: pathlib.Path
    number: int
    durable: Files = dataclasses.field(default_factory=dict)

    def part(self, name: str) -> pathlib.Path:
        """Returns the directory of a part's files."""
        return self.path / name / str(self.number)

    @property
    def common(self) -> pathlib.Path:
        """Directory of the files that all parts share."""
        return self.part(VERSIONS)


@contextlib.contextmanager
def publish(
    directory: pathlib.Path,
    kind: str,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    facts: dict[str, Any],
) -> Iterator[Draft]:
    """Yields a draft that becomes the newest version when the block succeeds.

    Args:
      directory: Directory of the artefact; its earlier versions stay.
      kind: Kind of the artefact.
      config: The step's configuration.
      inputs: Fingerprints of the artefacts it was made from.
      facts: Facts for the manifest, in addition to the version's number.
    """
    directory = pathlib.Path(directory)
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    draft = Draft(partial, 1 + max(seen(directory), default=0))
    draft.common.mkdir(parents=True)
    with whole_files.removed_on_failure(partial):
        yield draft
        files = draft.durable | whole_files.table(partial, draft.durable)
        _share_alike(draft, files, directory)
        facts = facts | {VERSION: draft.number}
        manifest = artifacts.new_manifest(kind, config, inputs, files, facts)
        values = dataclasses.asdict(manifest)
        artifacts.write_json(draft.common / artifacts.MANIFEST, values)
        _flush(draft)
    _move(draft, directory)
    artifacts.write_json(directory / artifacts.MANIFEST, values)
    _flush_directory(directory)
    shutil.rmtree(partial)
    _sweep(directory, set(numbers(directory)))


def revise(
    directory: pathlib.Path, manifest: artifacts.Manifest, content: Content
) -> int:
    """Publishes the newest version again with some of its files changed.

    All other files are links to those of the newest version, so they cost no space.

    Args:
      directory: Directory of the artefact.
      manifest: Manifest of the newest version; its facts and inputs may be changed.
      content: Function that returns the new bytes of a file, None if it stays.

    Returns:
      The new version's number.
    """
    config, inputs = manifest.config, manifest.inputs
    with publish(directory, manifest.kind, config, inputs, manifest.facts) as draft:
        for name, entry in manifest.files.items():
            path = pathlib.PurePosixPath(name)
            part, _, *below = path.parts
            target = draft.part(part).joinpath(*below)
            target.parent.mkdir(parents=True, exist_ok=True)
            changed = content(path)
            if changed is not None:
                target.write_bytes(changed)
                continue
            whole_files.link(str(directory / name), str(target))
            draft.durable[target.relative_to(draft.path).as_posix()] = entry
    return draft.number


def numbers(directory: pathlib.Path) -> list[int]:
    """Returns the numbers of the finished versions, in order."""
    last = newest(directory)
    paths = (directory / VERSIONS).glob(f"*/{artifacts.MANIFEST}")
    unique = {number for path in paths if (number := _number(path.parent))}
    return sorted(number for number in unique if number <= last)


def read(
    directory: pathlib.Path, kind: str, version: int | None = None, deep: bool = False
) -> artifacts.Manifest:
    """Reads and checks the manifest of a version.

    Args:
      directory: Directory of the artefact.
      kind: The kind expected.
      version: Number of the version; None: the newest.
      deep: Whether to check the SHA-256 of large files too.

    Raises:
      errors.UserError: There is no such version, or it is damaged.
    """
    directory = pathlib.Path(directory)
    while version is None:
        number = newest(directory)
        try:
            return artifacts.read_manifest(directory, kind, deep)
        except (errors.UserError, OSError):
            if newest(directory) == number:  # else a newer one was published meanwhile
                raise
    held = numbers(directory)
    if version not in held:
        raise errors.UserError(
            f"expected a version of {directory} ({', '.join(map(str, held)) or 'none'}"
            f"), received {version}"
        )
    name = f"{VERSIONS}/{version}/{artifacts.MANIFEST}"
    return artifacts.read_manifest(directory, kind, deep, name)


def prune(directory: pathlib.Path, keep: int) -> list[int]:
    """Removes all but the newest `keep` versions, and returns the removed ones.

    Raises:
      errors.UserError: `keep` is less than 1.
    """
    require_some(keep)
    held = numbers(directory)
    _sweep(directory, set(held[-keep:]))
    return held[:-keep]


def require_some(keep: int) -> None:
    """Checks that at least one version is to be kept.

    Raises:
      errors.UserError: `keep` is less than 1.
    """
    errors.require(keep >= 1, "--keep", "1 or more", keep)


def newest(directory: pathlib.Path) -> int:
    """Returns the number of the newest finished version; 0 without any."""
    try:
        return artifacts.peek(directory / artifacts.MANIFEST).get(VERSION, 0)
    except (OSError, ValueError, KeyError, AttributeError):
        return 0


def seen(directory: pathlib.Path) -> list[int]:
    """Returns every version number on disk: a server may have loaded any of them."""
    return sorted({n for path in directory.glob("*/*") if (n := _number(path))})


def _number(path: pathlib.Path) -> int:
    return int(path.name) if path.name.isdecimal() and path.is_dir() else 0


def _share_alike(draft: Draft, files: Files, directory: pathlib.Path) -> None:
    """Links files to files of equal content, here or in the newest version."""
    try:
        earlier = artifacts.peek(directory / artifacts.MANIFEST, "files")
    except (OSError, ValueError, KeyError):
        earlier = {}
    known = {entry["sha256"]: directory / name for name, entry in earlier.items()}
    for name, entry in files.items():
        if name in draft.durable or entry["bytes"] < _FEWEST_SHARED_BYTES:
            continue
        path = draft.path / name
        first = known.setdefault(entry["sha256"], path)
        if first != path and first.exists():
            linked = path.with_name(f".{path.name}.link")
            with contextlib.suppress(OSError):  # where links do not exist
                os.link(first, linked)
                linked.replace(path)


def _move(draft: Draft, directory: pathlib.Path) -> None:
    """Renames the parts of a version into place, the shared part last."""
    names = sorted(path.name for path in draft.path.iterdir())
    for name in sorted(names, key=lambda name: name == VERSIONS):
        (directory / name).mkdir(parents=True, exist_ok=True)
        draft.part(name).rename(directory / name / str(draft.number))
        _flush_directory(directory / name)


def _sweep(directory: pathlib.Path, kept: set[int]) -> None:
    """Removes versions that are not kept: hides them first, then deletes the files."""
    trash = directory.with_name(f".{directory.name}.old")
    shutil.rmtree(trash, ignore_errors=True)
    trash.mkdir()
    # The manifests go first: what has none is no version.
    paths = sorted(directory.glob("*/*"), key=lambda p: p.parent.name != VERSIONS)
    for path in paths:
        if _number(path) and _number(path) not in kept:
            path.rename(trash / f"{path.parent.name}.{path.name}")
    for path in directory.iterdir():
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    shutil.rmtree(trash)


def _flush(draft: Draft) -> None:
    """Flushes the files of a version to disk, and the directories that name them."""
    for path in draft.path.rglob("*"):
        name = path.relative_to(draft.path).as_posix()
        if path.is_dir():
            _flush_directory(path)
        elif name not in draft.durable:
            whole_files.flush(path)
    _flush_directory(draft.path)


def _flush_directory(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
