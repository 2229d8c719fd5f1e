"""Numbers and times as text for people, and values for JSON."""

import dataclasses
import datetime
import math
import pathlib
from collections.abc import Mapping
from typing import Any


def counted(number: int, noun: str, plural: str = "s") -> str:
    """Returns a number with its noun.

    >>> counted(1, "user"), counted(2_000, "watch", "es")
    ('1 user', '2,000 watches')

    Args:
      number: The number.
      noun: Noun in the singular.
      plural: Ending of the plural.
    """
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def day(seconds: float) -> str:
    """Returns the day of a time, seconds since the epoch, as `2026-11-28`, in UTC."""
    return f"{_time(seconds):%Y-%m-%d}"


def minute(seconds: float) -> str:
    """Returns the minute of a time, seconds since the epoch, as `2026-11-28 15:54`."""
    return f"{_time(seconds):%Y-%m-%d %H:%M}"


def utc(seconds: float) -> str:
    """Returns a time, seconds since the epoch, as `2026-11-28T15:54:36Z`."""
    return f"{_time(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)


def plain(value: Any) -> Any:
    """Returns a value for JSON: NaN becomes null, dataclasses become objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
