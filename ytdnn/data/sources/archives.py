"""Sources that come as a zip: unpacked once into the cache."""

import os
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Collection

from ytdnn import artifacts, errors


def cache_directory() -> pathlib.Path:
    """Returns `$YTDNN_CACHE`, or `~/.cache/ytdnn`, made when it is missing."""
    chosen = os.environ.get("YTDNN_CACHE")
    path = pathlib.Path(chosen) if chosen else pathlib.Path.home() / ".cache/ytdnn"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.UserError(
            f"expected a directory for the cache at {path}, found none that can be "
            f"made ({error.strerror}): name another in YTDNN_CACHE"
        ) from None
    return path


def directory_of(path: pathlib.Path, members: Collection[str]) -> pathlib.Path:
    """Returns `path` when it is a directory, or where its zip is unpacked.

    Args:
      path: A directory or a zip.
      members: Names of files to unpack, in whatever folder of the zip they lie.

    Raises:
      errors.UserError: There is nothing, or no zip, or no room to unpack it.
    """
    if path.is_dir():
        return path
    if not path.exists():
        raise errors.UserError(
            f"expected a directory or zip at {path}, found nothing: check --data_dir"
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
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = pathlib.PurePosixPath(entry.filename)
                if name.name in members and ".." not in name.parts:
                    file = target / name.parent.name / name.name
                    file.parent.mkdir(exist_ok=True)
                    with archive.open(entry) as source, open(file, "wb") as sink:
                        shutil.copyfileobj(source, sink)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise errors.UserError(
            f"expected a directory or a zip at {path}, found a damaged zip ({error}): "
            f"fetch it again"
        ) from None
