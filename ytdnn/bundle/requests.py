"""Requests as JSON, read and checked against a bundle's signature.

    {"watched_video_ids": ["a", "b"], "watch_times": [10, 20], "time": 30, "k": 5}

Every key is optional; a key that is left out is missing, and `k` is `DEFAULT_K`.
"""

import json
import math
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import errors, schema
from ytdnn.bundle import outcome_weights, signatures, where
from ytdnn.log import fields as fields_room

DEFAULT_K = 10
Request = dict[str, Any]
Fields = Mapping[str, signatures.Field]

_KINDS = {"string": "a string", "float32": "a number"}
_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "float32": (int, float)}
_MOST_FLOAT = float(np.finfo(np.float32).max)
_INT64 = (-(2**63), 2**63 - 1)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
ID_FIELDS = (
    schema.WATCHED_VIDEO_IDS,
    schema.IMPRESSION_VIDEO_IDS,
    schema.VIDEO_IDS,
    schema.EXCLUDE_IDS,
    schema.ALLOW_IDS,
)
_LISTS_OF = {  # as long as the ids they are of
    schema.WATCH_TIMES: schema.WATCHED_VIDEO_IDS,
    schema.WATCHED_SECONDS: schema.WATCHED_VIDEO_IDS,
    schema.IMPRESSION_TIMES: schema.IMPRESSION_VIDEO_IDS,
    schema.IMPRESSION_CLICKED: schema.IMPRESSION_VIDEO_IDS,
    schema.CONDITION_VALUES: schema.CONDITIONS,
    schema.MAX_PER_COUNTS: schema.MAX_PER_COLUMNS,
    schema.WEIGHT_VALUES: schema.WEIGHT_NAMES,
}


def read(path: pathlib.Path) -> Request:
    """Reads a request file.

    Raises:
      errors.UserError: The file cannot be read, or is not a JSON object.
    """
    try:
        return _object(loads(pathlib.Path(path).read_bytes()))
    except OSError as error:
        raise errors.UserError(
            f"expected a request in {path}, could not read it: {error.strerror}"
        ) from None
    except ValueError as error:
        raise _not_json(path, str(error)) from None


def loads(text: bytes) -> Any:
    """Returns the value of a JSON text; refuses objects that repeat a key.

    Raises:
      ValueError: The text is not JSON; the message gives the place.
      errors.UserError: A key occurs twice in an object.
    """
    try:
        return json.loads(text.decode(), object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ValueError(where) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        raise ValueError("a number of too many digits") from None


def _not_json(path: pathlib.Path, reason: str) -> errors.UserError:
    return errors.UserError(
        f'expected JSON such as {{"{schema.WATCHED_VIDEO_IDS}": […], "k": 10}} in '
        f"{path}, could not parse it ({reason})"
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a JSON object, and refuses repeated keys."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise errors.UserError(
                f"expected each request key once, received {shown(key)} twice: leave "
                f"one out"
            )
        found[key] = value
    return found


def parse(request: Request, fields: Fields) -> dict[str, np.ndarray]:
    """Returns the inputs of a signature, a batch of one.

    Args:
      request: Values by name.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: See `values`.
    """
    return {
        name: np.array([value], object if field.dtype == "string" else field.dtype)
        for (name, value), field in zip(
            values(request, fields).items(), fields.values(), strict=True
        )
    }


def values(request: Request, fields: Fields) -> dict[str, Any]:
    """Returns the checked value of each input of a signature, missing ones filled in.

    Args:
      request: Values by name.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: A key is unknown, a value is of another type or out of
        range, or two lists that belong together differ in length.
    """
    request = outcome_weights.expanded(where.expanded(_object(request), fields), fields)
    for key in request:
        if key not in fields:
            raise errors.UserError(_unknown_key(key, fields))
    found = {name: _value(request.get(name), field) for name, field in fields.items()}
    for name, ids in _LISTS_OF.items():
        if name in fields and _is_given(found[name], fields[name]):
            _check_lengths(fields[name], found[name], ids, found[ids])
    return found


def _is_given(values: list[Any], field: signatures.Field) -> bool:
    """Whether a list has a value: clients fill absent lists with missing values."""
    return any(value != field.missing for value in values)


def _object(request: Any) -> Request:
    if not isinstance(request, dict):
        raise errors.UserError(
            f'expected a request object such as {{"{schema.WATCHED_VIDEO_IDS}": […], '
            f'"k": 10}}, received {shown(request)}'
        )
    return request


def _unknown_key(key: str, fields: Fields) -> str:
    hint = errors.hint(str(key), fields, cutoff=0.5)
    short = [key for key, name in schema.SHORT_KEYS.items() if name in fields]
    known = [*fields, *short]
    return f"expected request keys {', '.join(known)}, received {shown(key)}{hint}"


def _value(value: Any, field: signatures.Field) -> Any:
    """Returns a checked value, or the missing value."""
    if value is None:
        if field.name == schema.K:
            return DEFAULT_K
        return [] if field.is_list else field.missing
    if not field.is_list:
        return _scalar(value, field, "")
    if isinstance(value, list) and field.name in ID_FIELDS and field.dtype == "int64":
        value = [plain_id(one, pl.Int64()) for one in value]
    if not isinstance(value, list):
        raise errors.UserError(
            f"expected a list in request key {field.name}, received {shown(value)}"
        )
    if field.width and len(value) not in (0, field.width):
        raise errors.UserError(
            f"expected {field.width} numbers in request key {field.name}, or none, "
            f"received {len(value)}"
        )
    if _is_plain(value, field):
        return value
    return [_scalar(v, field, f", position {i}") for i, v in enumerate(value)]


def plain_id(value: Any, dtype: pl.DataType) -> Any:
    """Returns an id in the log's type: an integer id may be sent as text.

    JavaScript's numbers do not hold ids beyond 2^53, so clients send those as text.

    Args:
      value: Value of JSON.
      dtype: Type of the log's ids.
    """
    is_text = isinstance(value, str) and dtype.is_integer()
    return int(value) if is_text and _INTEGER.fullmatch(value) else value


def _is_plain(values: list[Any], field: signatures.Field) -> bool:
    """Whether all values of a list are plain: of one type and within range.

    Most lists are, and this check is faster than one of each value.
    """
    kinds = set(map(type, values))
    if field.choices:
        return False
    if field.dtype == "string":
        return kinds == {str} and is_text("".join(values))
    if kinds != {int} and (kinds != {float} or field.dtype != "float32"):
        return False
    if kinds == {float} and not all(map(math.isfinite, values)):
        return False
    least, greatest = _bounds(field)
    return bool(least <= min(values) and max(values) <= greatest)


def _scalar(value: Any, field: signatures.Field, where: str) -> Any:
    types = _TYPES.get(field.dtype, (int,))
    if field.is_flag and isinstance(value, bool):
        return int(value)
    if isinstance(value, types) and not isinstance(value, bool):
        if isinstance(value, str) and not is_text(value):
            expected = "text of whole Unicode characters"
        elif field.choices and value not in (field.missing, *field.choices):
            expected = f"one of {', '.join(field.choices)}"
        elif _in_range(value, field):
            return value
        else:
            expected = _range(field)
    else:
        expected = _KINDS.get(field.dtype, "an integer")
    raise errors.UserError(
        f"expected {expected} in request key {field.name}{where}, "
        f"received {shown(value)}"
    )


def is_text(value: str) -> bool:
    """Whether a string can be encoded as UTF-8, unlike half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_range(value: Any, field: signatures.Field) -> bool:
    if isinstance(value, str) or value == field.missing:
        return True
    least, greatest = _bounds(field)
    return bool(least <= value <= greatest)  # NaN is not


def _bounds(field: signatures.Field) -> tuple[float, float]:
    """Returns the least and the greatest value, of Python's types.

    It compares these with integers of any size.
    """
    is_float = field.dtype == "float32"
    lowest, highest = (-_MOST_FLOAT, _MOST_FLOAT) if is_float else _INT64
    least = lowest if field.least is None else field.least
    greatest = highest if field.greatest is None else field.greatest
    return least, greatest


def _range(field: signatures.Field) -> str:
    missing = f"({field.missing:g}: not known)"
    if field.is_flag:
        return f"true or false {missing}"
    if field.least is None:
        return "a finite number" if field.dtype == "float32" else "a 64-bit integer"
    kind = (
        "years" if field.meaning == "years" else _KINDS.get(field.dtype, "an integer")
    )
    known = "" if field.missing == field.least else f" {missing}"
    if field.greatest == fields_room.MOST_TIME:
        return f"seconds since 1970, before the year 2100{known}"
    if field.greatest is not None:
        return f"{kind} of {field.least:g} to {field.greatest:,.0f}{known}"
    return f"{kind} of {field.least:g} or more{known}"


def _check_lengths(field: signatures.Field, values: list, ids: str, of: list) -> None:
    if len(values) != len(of):
        raise errors.UserError(
            f"expected as many {field.name} as {ids} in the request, received "
            f"{len(values)} and {len(of)} ({field.missing:g} marks a missing one)"
        )


def shown(value: Any) -> str:
    """Returns a value as JSON for an error, at most 60 characters."""
    text = json.dumps(value, default=str, ensure_ascii=not is_text(str(value)))
    return text if len(text) <= 60 else f"{text[:59]}…"
