"""Sources in an archive, a zip or tar.gz, which is unpacked once into the cache."""

import functools
import gzip
import os
import pathlib
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from typing import IO

from ytdnn.base import artifacts, errors, user_paths

_MOST_RATIO = 100  # text of logs packs about tenfold
_LEAST_CAP = 2**26  # bytes that are always allowed
_PIECE = 2**20
_TAR = (".tar.gz", ".tgz")
_DAMAGES = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


def cache_directory() -> pathlib.Path:
    """Returns `$YTDNN_CACHE`, or `~/.cache/ytdnn`; creates it if it is missing."""
    chosen = os.environ.get("YTDNN_CACHE")
    path = (
        user_paths.expanded(chosen) if chosen else pathlib.Path.home() / ".cache/ytdnn"
    )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.UserError(
            f"expected a directory for the cache at {path}, found none that can be "
            f"made ({error.strerror}): name another in YTDNN_CACHE"
        ) from None
    return path


def directory_of(path: pathlib.Path, members: Collection[str]) -> pathlib.Path:
    """Returns `path` if it is a directory, else the directory of the unpacked archive.

    Args:
      path: A directory, a zip, or a tar.gz.
      members: Names of files to unpack, from any folder of the archive.

    Raises:
      errors.UserError: The path does not exist or is no archive, or the disk is full.
    """
    if path.is_dir():
        return path
    if not path.exists():
        raise errors.UserError(
            f"expected a directory or archive at {path}, found nothing: check "
            f"--data_dir"
        )
    return _unpacked(path, members)


def _unpacked(path: pathlib.Path, members: Collection[str]) -> pathlib.Path:
    status = path.stat()
    key = artifacts.fingerprint(
        [str(path.resolve()), status.st_size, status.st_mtime_ns, sorted(members)]
    )
    target = cache_directory() / "unpacked" / f"{path.stem}-{key}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
    try:
        _unpack(path, members, partial)
        partial.rename(target)
    except OSError as error:
        if not target.is_dir():  # else another process was first
            raise errors.UserError(
                f"could not unpack {path} to {target} ({error.strerror}): make room "
                f"there, or name another cache in YTDNN_CACHE"
            ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _unpack(path: pathlib.Path, members: Collection[str], target: pathlib.Path) -> None:
    called = "tar.gz" if path.name.endswith(_TAR) else "zip"
    room = max(_LEAST_CAP, _MOST_RATIO * path.stat().st_size)
    try:
        for name, source in _entries(path):
            if name.name not in members:
                continue
            if ".." in name.parts or name.is_absolute():
                raise errors.UserError(
                    f"expected entries of {path} to stay in its folder, found "
                    f"{str(name)!r}: do not trust this archive; download it again "
                    f"from its source"
                )
            file = target / name.parent.name / name.name
            file.parent.mkdir(exist_ok=True)
            with source() as content, open(file, "wb") as sink:
                while room >= 0 and (piece := content.read(_PIECE)):
                    room -= sink.write(piece)
            if room < 0:
                raise errors.UserError(
                    f"expected at most {_MOST_RATIO:,} times the size of {path} inside "
                    f"it, found more in {name}: if you trust it, unpack it yourself, "
                    f"and point --data_dir at the directory"
                )
    except _DAMAGES as error:
        raise errors.UserError(
            f"expected a directory or a {called} at {path}, found a damaged {called} "
            f"({error}): fetch it again"
        ) from None


def _entries(
    path: pathlib.Path,
) -> Iterator[tuple[pathlib.PurePosixPath, Callable[[], IO[bytes]]]]:
    """Yields the name of each file of an archive, and a function that opens it."""
    if not path.name.endswith(_TAR):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield pathlib.PurePosixPath(name), functools.partial(archive.open, name)
        return
    with tarfile.open(path, "r:gz") as tar:
        for entry in tar:
            if not entry.isdir():
                yield (
                    pathlib.PurePosixPath(entry.name),
                    functools.partial(_opened, tar, entry),
                )


def _opened(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    """Opens a file of a tar; links and devices are refused."""
    content = tar.extractfile(entry) if entry.isfile() else None
    if content is None:
        raise tarfile.TarError(f"{entry.name} is no file")
    return content
