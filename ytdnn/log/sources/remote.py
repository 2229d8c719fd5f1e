"""Tables on object stores: copied to this machine's cache, and read from there.

Any address of fsspec is supported, such as `s3://bucket/logs` or `gs://bucket/logs`. A
file is copied in pieces, in bounded memory, and again only if its size or version on
the store changes.
"""

import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ytdnn.base import artifacts, errors
from ytdnn.log import event_log, object_stores

_COPIED = ".copied.json"
_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created")


def fetched(url: str, names: Iterable[str], cache: pathlib.Path) -> pathlib.Path:
    """Returns a directory with copies of a store's files.

    Args:
      url: Address of a directory.
      names: Prefixes of the names of wanted files and folders.
      cache: Directory of copies, with a subdirectory for each address.

    Raises:
      errors.UserError: The store or the directory cannot be reached.
    """
    scheme, path = object_stores.split(url)
    target = cache / scheme / re.sub(r"[^\w.=/-]", "_", path).strip("/")
    target.mkdir(parents=True, exist_ok=True)
    with event_log.readable(url):
        store, root = object_stores.opened(
            url, "--data_dir", "copy the log to this machine"
        )
        wanted = dict(_wanted(store, root, tuple(names)))
        if not wanted:
            raise errors.UserError(
                f"expected a directory of event-log tables in --data_dir, received "
                f"{url!r} (no table there)"
            )
        _copy(store, root, wanted, target)
    return target


def _wanted(
    store: Any, root: str, names: tuple[str, ...]
) -> Iterator[tuple[str, list[Any]]]:
    """Yields the wanted files below a directory, each with its size and version.

    Raises:
      errors.UserError: A file's name leads out of the directory.
    """
    for path, entry in store.find(root, detail=True).items():
        name = path.removeprefix(root).strip("/")
        if not name.startswith(names):
            continue
        if ".." in pathlib.PurePosixPath(name).parts:
            raise errors.UserError(
                f"expected files below {root} in --data_dir, found {name!r}, a name "
                f"that leads out of it: rename it on the store"
            )
        version = next((str(entry[k]) for k in _VERSIONS if entry.get(k)), "")
        yield name, [entry["size"], version]


def _copy(
    store: Any, root: str, wanted: dict[str, list[Any]], target: pathlib.Path
) -> None:
    """Copies missing files, and removes files that the store no longer has."""
    listed = target / _COPIED
    copied = json.loads(listed.read_text()) if listed.exists() else {}
    for name in copied.keys() - wanted.keys():
        (target / name).unlink(missing_ok=True)
    for name, version in wanted.items():
        path = target / name
        if copied.get(name) != version or not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            store.get_file(f"{root.rstrip('/')}/{name}", str(partial))
            partial.rename(path)
    artifacts.write_json(listed, wanted)
