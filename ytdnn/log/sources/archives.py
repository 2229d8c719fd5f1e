"""Sources in an archive, a zip or tar.gz, which is unpacked once into the cache."""

import gzip
import os
import pathlib
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Collection

from ytdnn.base import artifacts, errors, user_paths

_TAR = (".tar.gz", ".tgz")
_MOST_RATIO = 100  # of unpacked bytes to packed ones; text of logs packs about tenfold
_LEAST_CAP = 2**26  # bytes that are always allowed
_DAMAGES = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
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
    """Unpacks some files; those that would leave the target are refused or kept in."""
    size, called = 0, "tar.gz" if path.name.endswith(_TAR) else "zip"
    try:
        if called == "zip":
            with zipfile.ZipFile(path) as archive:
                for file in archive.infolist():
                    if pathlib.PurePath(file.filename).name in members:
                        size += file.file_size
                        _require_small(path, size)
                        archive.extract(file, target)
            return
        with tarfile.open(path, "r:gz") as tar:
            for entry in tar:
                if pathlib.PurePath(entry.name).name in members:
                    size += entry.size
                    _require_small(path, size)
                    tar.extract(entry, target, filter="data")
    except _DAMAGES as error:
        raise errors.UserError(
            f"expected a directory or a {called} at {path}, found a damaged {called} "
            f"({error}): fetch it again"
        ) from None


def _require_small(path: pathlib.Path, size: int) -> None:
    """Checks the bytes that entries say they have: no more are unpacked of them."""
    if size > max(_LEAST_CAP, _MOST_RATIO * path.stat().st_size):
        raise errors.UserError(
            f"expected at most {_MOST_RATIO} times the size of {path} inside it, found "
            f"{size:,} bytes: if you trust it, unpack it yourself, and point "
            f"--data_dir at the directory"
        )
