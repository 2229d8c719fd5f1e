"""Addresses on object stores, such as `s3://bucket/logs`, opened with fsspec."""

import importlib
import re
from typing import Any

from ytdnn.base import errors

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<path>.*)")


def is_url(text: str) -> bool:
    """Whether a text is an address on an object store."""
    return _URL.match(text) is not None


def split(url: str) -> tuple[str, str]:
    """Returns the scheme and the path of an address.

    Raises:
      ValueError: The text is no address.
    """
    parts = _URL.match(url)
    if parts is None:
        raise ValueError(f"expected an address, received {url!r}")
    return parts["scheme"], parts["path"].strip("/")


def opened(url: str, setting: str, advice: str) -> tuple[Any, str]:
    """Returns fsspec's file system of an address, and the path there.

    Args:
      url: Address.
      setting: Flag or setting with the address, for errors.
      advice: Advice where the store's package is missing, after its installation.

    Raises:
      errors.UserError: The package of the store is missing, or there is no such store.
    """
    scheme, _ = split(url)
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
