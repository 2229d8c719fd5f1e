"""Tables on object stores: copied to this machine's cache, and read from there.

Any address of fsspec is supported, such as `s3://bucket/logs` or `gs://bucket/logs`. A
file is copied in pieces, in bounded memory, and again only if its size or version on
the store changes.
"""

import importlib
import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ytdnn.base import artifacts, errors
from ytdnn.log import raw_log

_URL = re.compile(r"[a-z][a-z0-9+.-]*://.*")
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
    scheme, _, path = url.partition("://")
    target = cache / scheme / re.sub(r"[^\w.=/-]", "_", path).strip("/")
    target.mkdir(parents=True, exist_ok=True)
    with raw_log.readable(url):
        store, root = _opened(url, "--data_dir", "copy the log to this machine")
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


def is_url(text: str) -> bool:
    """Whether a text is an address on an object store."""
    return _URL.match(text) is not None


def _opened(url: str, setting: str, advice: str) -> tuple[Any, str]:
    """Returns fsspec's file system of an address, and the path there.

    Args:
      url: Address.
      setting: Flag or setting with the address, for errors.
      advice: Advice where the store's package is missing, after its installation.

    Raises:
      errors.UserError: The package of the store is missing, or there is no such store.
    """
    scheme = url.partition("://")[0]
    try:
        core = importlib.import_module("fsspec.core")
        store, root = core.url_to_fs(url)
    except ImportError as error:
        raise errors.UserError(
            f"expected a package that reads {scheme}://, found none ({_brief(error)}): "
            f"pip install -c constraints.txt '.[storage]' in the checkout and what it "
            f"names, or {advice}"
        ) from None
    except ValueError as error:
        raise errors.UserError(
            f"expected in {setting} an address that fsspec supports, received {url!r} "
            f"({_brief(error)})"
        ) from None
    store.invalidate_cache()
    return store, str(root)


def _brief(error: Exception) -> str:
    return errors.one_line((str(error).strip() or type(error).__name__)[:120])
