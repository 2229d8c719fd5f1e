"""SHA-256 of files, for manifests."""

import functools
import hashlib
import os
import pathlib
import time
from collections.abc import Collection
from typing import Any

_SETTLED_NS = 2_000_000_000  # the step of FAT's clock, the coarsest in use


def of_file(path: pathlib.Path) -> str:
    """Returns the SHA-256 of a file in hex, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_file_once(path: pathlib.Path, status: os.stat_result) -> str:
    """Returns a file's SHA-256, cached until the file changes.

    A command reads its prepared set, which may have thousands of files, several times.
    A recently changed file is always read: clocks of file systems are coarse.

    Args:
      path: The file.
      status: Current status of the file.
    """
    if time.time_ns() - status.st_ctime_ns < _SETTLED_NS:
        return of_file(path)
    return _of_unchanged(path, status.st_ino, status.st_size, status.st_ctime_ns)


@functools.lru_cache(2**17)
def _of_unchanged(path: pathlib.Path, *changes: int) -> str:
    del changes  # which the cache goes by
    return of_file(path)


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
        name: {"bytes": path.stat().st_size, "sha256": of_file(path)}
        for name, path in named.items()
        if name not in without
    }
