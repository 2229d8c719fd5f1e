"""Requests as JSON, read and checked against a bundle's signature.

    {"watched_video_ids": ["a", "b"], "watch_times": [10, 20], "time": 30, "k": 5}

Every key is optional; a key that is left out is missing, and `k` is `DEFAULT_K`.
"""

import itertools
import json
import math
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import errors, schema
from ytdnn.bundle import request_shorthand, signatures
from ytdnn.log import io_fields
from ytdnn.retrieval import filter_schema

DEFAULT_K = 10
_BOUNDS = (filter_schema.AT_MOST, filter_schema.AT_LEAST)
_EXAMPLE = f'{{"{schema.WATCHED_VIDEO_IDS}": […], "k": 10}}'
_JSON = (str, int, float, list, tuple, dict, type(None))
Request = dict[str, Any]
Fields = Mapping[str, signatures.Field]

_KINDS = {"string": "a string", "float32": "a number"}
_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "float32": (int, float)}
_MOST_FLOAT = float(np.finfo(np.float32).max)
_INT64 = (-(2**63), 2**63 - 1)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_shown = errors.shown
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
}
_VALUES_OF = {  # a value for each name
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
        raise errors.UserError(
            f"expected JSON such as {_EXAMPLE} in {path}, could not parse it ({error})"
        ) from None


def loads(text: bytes) -> Any:
    """Returns the value of a JSON text; refuses objects that repeat a key.

    Raises:
      ValueError: The text is not JSON, or an object has a key twice.
    """
    try:
        decoded = text.decode("utf-8-sig")  # editors on Windows write a mark first
        return json.loads(decoded, object_pairs_hook=errors.unique_keys)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ValueError(where) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except errors.SettingError:
        raise
    except ValueError:
        raise ValueError("a number of too many digits") from None


def parse(request: Request, fields: Fields) -> dict[str, np.ndarray]:
    """Returns the inputs of a signature, a batch of one.

    Args:
      request: Values by name.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: See `values`.
    """
    types = {n: object if f.dtype == "string" else f.dtype for n, f in fields.items()}
    checked = values(request, fields)
    return {name: np.array([value], types[name]) for name, value in checked.items()}


def values(request: Request, fields: Fields) -> dict[str, Any]:
    """Returns the checked value of each input of a signature, missing ones filled in.

    Args:
      request: Values by name.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: A key is unknown, a value is of another type or out of
        range, or two lists that belong together differ in length.
    """
    request = request_shorthand.expanded(_object(request), fields)
    for key in request:
        if key not in fields:
            hint = errors.hint(str(key), fields, cutoff=0.58)
            short = [k for k, name in schema.SHORT_KEYS.items() if name in fields]
            raise errors.UserError(
                f"expected request keys {', '.join([*fields, *short])}, received "
                f"{_shown(key)}{hint}"
            )
    inputs = {name: _value(request.get(name), field) for name, field in fields.items()}
    for name, ids in _LISTS_OF.items():
        if name in fields:
            missing = fields[name].missing
            is_filled = all(value == missing for value in inputs[name])
            # Clients fill absent lists with missing values.
            if not is_filled or (request.get(name) is not None and not inputs[name]):
                mark = f" ({_shown(missing)} marks a missing one)"
                _require_as_many(name, ids, inputs, mark)
    for name, names in _VALUES_OF.items():
        if name in fields and (any(inputs[names]) or any(inputs[name])):
            _require_as_many(name, names, inputs)
            _require_pairs(names, inputs[names], name, inputs[name])
    return inputs


def _require_as_many(
    name: str, of: str, inputs: Mapping[str, Any], mark: str = ""
) -> None:
    numbers = len(inputs[name]), len(inputs[of])
    if numbers[0] != numbers[1]:
        raise errors.UserError(
            f"expected as many {name} as {of} in the request, received {numbers[0]} "
            f"and {numbers[1]}{mark}"
        )


def _require_pairs(
    names_key: str, names: list[str], key: str, values: list[Any]
) -> None:
    """Checks that each name has a value, and each value a name.

    Args:
      names_key: Request key of the names.
      names: The names, empty where there is none.
      key: Request key of the values.
      values: The values, empty or 0 where there is none; a weight may be 0.

    Raises:
      errors.UserError: One has not, or a cap or weight is named twice.
    """
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        has_value = bool(value) or (key == schema.WEIGHT_VALUES and name != "")
        if has_value != bool(name):
            raise errors.UserError(
                f"expected a value in {key} for each name in {names_key} (empty and 0 "
                f"are none), received {_shown(value)} for {_shown(name)}, position "
                f"{place}"
            )
        if name and names_key != schema.CONDITIONS and name in names[:place]:
            raise errors.UserError(
                f"expected each name once in {names_key}, received {_shown(name)} "
                f"twice: leave one out"
            )


def _object(request: Any) -> Request:
    if not isinstance(request, dict):
        raise errors.UserError(
            f"expected a request object such as {_EXAMPLE}, received {_shown(request)}"
        )
    for key, value in request.items():
        is_plain = isinstance(value, _JSON)
        errors.require(is_plain, f"{key} of a request", "a value of JSON", value)
    return request


def _value(value: Any, field: signatures.Field) -> Any:
    """Returns a checked value, or the missing value."""
    if value is None:
        if field.name == schema.K:
            return DEFAULT_K
        return [] if field.is_list else field.missing
    if not field.is_list:
        return _scalar(value, field, "")
    if isinstance(value, list) and field.name in ID_FIELDS and field.dtype == "int64":
        value = [plain_id(item, pl.Int64()) for item in value]
    if not isinstance(value, list):
        raise errors.UserError(
            f"expected a list in request key {field.name}, received {_shown(value)}"
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
    """Returns a checked value of a list or of a single key."""
    if field.is_flag and isinstance(value, bool):
        return int(value)
    types = _TYPES.get(field.dtype, (int,))
    least, greatest = _bounds(field)
    if not isinstance(value, types) or isinstance(value, bool):
        expected = _KINDS.get(field.dtype, "an integer")
    elif value == field.missing:
        return value
    elif isinstance(value, str) and not is_text(value):
        expected = "text of whole Unicode characters"
    elif isinstance(value, int | float) and not least <= value <= greatest:  # or NaN
        expected = _range(field)
    elif field.choices and value not in field.choices:
        expected = f"one of {', '.join(field.choices)}"
    else:
        return value
    raise errors.UserError(
        f"expected {expected} in request key {field.name}{where}, "
        f"received {_shown(value)}"
    )


def is_text(value: str) -> bool:
    """Whether a string can be encoded as UTF-8, unlike half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bounds(field: signatures.Field) -> tuple[float, float]:
    """Returns the least and the greatest value, of Python's types.

    It compares these with integers of any size.
    """
    is_float = field.dtype == "float32"
    lowest, highest = (-_MOST_FLOAT, _MOST_FLOAT) if is_float else _INT64
    least = lowest if field.least is None else field.least
    return least, highest if field.greatest is None else field.greatest


def _range(field: signatures.Field) -> str:
    missing = f"({field.missing:g}: not known)"
    if field.is_flag:
        return f"true or false {missing}"
    if field.least is None:
        return "a finite number" if field.dtype == "float32" else "a 64-bit integer"
    kind = _KINDS.get(field.dtype, "an integer")
    kind = "years" if field.meaning == "years" else kind
    known = "" if field.missing == field.least else f" {missing}"
    if field.greatest == io_fields.MOST_TIME:
        return f"seconds since 1970, before the year 2100{known}"
    if field.greatest is not None:
        return f"{kind} of {field.least:g} to {field.greatest:,.0f}{known}"
    return f"{kind} of {field.least:g} or more{known}"


def warnings_of(
    request: Mapping[str, Any],
    known: Mapping[str, signatures.Field],
    videos: Collection[Any],
    vocabularies: Mapping[str, Collection[str]],
    operands: Mapping[str, pl.Series],
) -> Iterator[str]:
    """Yields a line for each thing of a legal request that looks like a mistake.

    Args:
      request: A well-formed request.
      known: Inputs of the signature, by name.
      videos: Ids of the catalogue.
      vocabularies: Values of request fields in the training data.
      operands: Sorted values of columns of videos, see `bundle.Bundle.operands`.
    """
    for name in ID_FIELDS:
        field_values = request.get(name) or []
        strange = [video for video in field_values if video not in videos]
        if strange:
            yield (
                f"{len(strange):,} of {len(field_values):,} {name} are not in the "
                f"catalogue, as {strange[0]!r}: read as unknown"
            )
    for name, values in vocabularies.items():
        value = request.get(name)
        if name in known and value and value not in values:
            yield (
                f"{name} {value!r} is none of the {len(values):,} values of the log: "
                f"read as unknown"
            )
    yield from _unknown_operands(request_shorthand.expanded(request, known), operands)
    now = request.get(schema.TIME) or 0
    for name in (schema.WATCH_TIMES, schema.IMPRESSION_TIMES):
        times = [time for time in request.get(name) or [] if time]
        late = [time for time in times if now and time > now]
        if late:
            yield (
                f"{len(late):,} of {len(times):,} {name} lie after the request's "
                f"{schema.TIME} {now}, such as {late[0]}"
            )
        falls = [pair for pair in itertools.pairwise(times) if pair[1] < pair[0]]
        if falls and name == schema.WATCH_TIMES:
            yield (
                f"{name} are not in order, {falls[0][1]} follows {falls[0][0]}: the "
                f"last is taken as the most recent"
            )


def _unknown_operands(
    request: Request, operands: Mapping[str, pl.Series]
) -> Iterator[str]:
    """Yields a line for each condition that names values of no video."""
    given: dict[str, list[str]] = {}
    keys, texts = (
        request.get(n) or [] for n in (schema.CONDITIONS, schema.CONDITION_VALUES)
    )
    # Clients may fill one of two absent lists.
    for key, text in zip(keys, texts, strict=False):
        given.setdefault(key, []).append(text)
    for column, of_videos in operands.items():
        most, least = (given.get(f"{column} {each}", []) for each in _BOUNDS)
        low = max(map(float, least), default=-math.inf)
        high = min(map(float, most), default=math.inf)
        if (most or least) and not of_videos.is_between(low, high).any():
            yield f"no video has a {column} within the bounds of the conditions"
    for key, named in given.items():
        column, _, operator = key.rpartition(" ")
        if operator not in request_shorthand.LISTS or column not in operands:
            continue
        of_videos = operands[column]
        values = pl.Series(named).cast(of_videos.dtype, strict=False)
        strange = [
            text
            for text, value, place in zip(
                named, values, of_videos.search_sorted(values), strict=True
            )
            if place == len(of_videos) or of_videos[place] != value
        ]
        if strange:
            yield (
                f"{len(strange):,} of {len(named):,} values of {key!r} are those of no "
                f"video, as {strange[0]!r}"
            )
