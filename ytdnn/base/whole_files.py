"""Files and directories that are written whole, or not at all; and their SHA-256.

Each is written beside its place under a hidden name and renamed when it is complete.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import shutil
import time
from collections.abc import Collection, Iterator
from typing import Any

_SETTLED_NS = 2_000_000_000  # the step of FAT's clock, the coarsest in use


def sha256(path: pathlib.Path) -> str:
    """Returns the SHA-256 of a file in hex, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_once(path: pathlib.Path, status: os.stat_result) -> str:
    """Returns a file's SHA-256, cached until the file changes.

    A command reads its prepared set, which may have thousands of files, several times.
    A recently changed file is always read: clocks of file systems are coarse.

    Args:
      path: The file.
      status: Current status of the file.
    """
    if time.time_ns() - status.st_ctime_ns < _SETTLED_NS:
        return sha256(path)
    return _cached_sha256(path, status.st_ino, status.st_size, status.st_ctime_ns)


@functools.lru_cache(2**17)
def _cached_sha256(path: pathlib.Path, *changes: int) -> str:
    del changes  # which the cache goes by
    return sha256(path)


def table(
    directory: pathlib.Path, without: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """Returns a manifest's entries for the files of a directory.

    Args:
      directory: Directory of the files.
      without: Names to leave out.
    """
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    named = {path.relative_to(directory).as_posix(): path for path in paths}
    return {
        name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for name, path in named.items()
        if name not in without
    }


@contextlib.contextmanager
def removed_on_failure(partial: pathlib.Path) -> Iterator[None]:
    """Context that removes a half-written file or directory on failure."""
    try:
        yield
    except BaseException:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        raise


def real(path: pathlib.Path) -> pathlib.Path:
    """Returns a path with symbolic links followed: their target is written."""
    return pathlib.Path(os.path.realpath(path))


def partial_name(path: pathlib.Path) -> pathlib.Path:
    """Returns the hidden sibling that becomes a file or directory when complete."""
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def whole_file(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Context with a hidden sibling file that replaces `path` on success.

    The block must flush its output to disk; on failure nothing is left.
    """
    path = real(path)
    partial = partial_name(path)
    with removed_on_failure(partial):
        yield partial
        partial.rename(path)


@contextlib.contextmanager
def scratch(directory: pathlib.Path, name: str) -> Iterator[pathlib.Path]:
    """Context with an empty directory next to an artefact, removed at the end.

    Args:
      directory: Final directory of the artefact.
      name: Purpose of the directory.
    """
    path = directory.with_name(f".{directory.name}.{name}").absolute()
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def link(source: str, target: str) -> None:
    """Links a file to a second place; copies it on file systems without hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def replace(directory: pathlib.Path, partial: pathlib.Path) -> None:
    """Puts a complete directory in the place of another."""
    old = directory.with_name(f".{directory.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if directory.exists():
        directory.rename(old)
    partial.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


def flush(path: pathlib.Path) -> None:
    """Flushes a file to disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
