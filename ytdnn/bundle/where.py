"""Conditions on columns of videos: from the keys of a request to a signature's inputs.

    {"where": [{"column": "language", "in": ["en", "de"]},
               {"column": "duration_seconds", "at_least": 60, "at_most": 600}],
     "policy": "kids"}

The signatures take each as texts (`ytdnn.retrieval.filters`): `language in` and `en`. A
policy is a list of conditions that is saved in the bundle.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import errors, registries, schema
from ytdnn.log import fields as fields_room
from ytdnn.retrieval import attributes

COLUMN = "column"
_EXAMPLE = '{"column": "language", "in": ["en", "de"]}'
_MOST = 2**31 - 1
_LISTS = (attributes.IN, attributes.NOT_IN)

Entry = tuple[str, str]
"""A column with its operator, and a value as text."""
Fields = Mapping[str, fields_room.Field]


def expanded(request: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Returns a request with its conditions as inputs of a signature.

    Args:
      request: Values by name; without conditions it is returned as it is.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: A condition is malformed, or its column is not in the bundle.
    """
    found = dict(request)
    if schema.MAX_PER in found and schema.MAX_PER_COLUMNS in fields:
        _require_one(
            found, schema.MAX_PER, schema.MAX_PER_COLUMNS, schema.MAX_PER_COUNTS
        )
        known = fields[schema.MAX_PER_COLUMNS].choices
        caps = capped(found.pop(schema.MAX_PER) or {}, known)
        found[schema.MAX_PER_COLUMNS] = list(caps)
        found[schema.MAX_PER_COUNTS] = list(caps.values())
    if schema.POLICY in found and schema.POLICY not in fields and fields:
        _require_policies(found[schema.POLICY], fields)
        found.pop(schema.POLICY)
    if schema.WHERE not in found or schema.CONDITIONS not in fields:
        return found
    _require_one(found, schema.WHERE, schema.CONDITIONS, schema.CONDITION_VALUES)
    pairs = entries(found.pop(schema.WHERE) or [], fields[schema.CONDITIONS].choices)
    found[schema.CONDITIONS] = [key for key, _ in pairs]
    found[schema.CONDITION_VALUES] = [value for _, value in pairs]
    return found


def _require_one(request: Mapping[str, Any], name: str, *inputs: str) -> None:
    """Checks that a request has not both a key and the inputs made from it."""
    if any(one in request for one in inputs):
        raise errors.UserError(
            f"expected {name}, or {' and '.join(inputs)}, received both: leave one out"
        )


def capped(caps: Any, columns: Sequence[str]) -> dict[str, int]:
    """Returns the caps of a request, checked.

    Args:
      caps: Parsed JSON object, such as {"channel_id": 2}.
      columns: Columns that can be capped.

    Raises:
      errors.UserError: It is no object, a column is unknown, or a number is below 1.
    """
    if not isinstance(caps, Mapping):
        raise errors.UserError(
            f'expected {schema.MAX_PER} to be an object such as {{"channel_id": 2}}, '
            f"received {_shown(caps)}"
        )
    for column, most in caps.items():
        if column not in columns:
            hint = errors.hint(str(column), columns, cutoff=0.5)
            raise errors.UserError(
                f"expected columns of {', '.join(columns)} in {schema.MAX_PER}, "
                f"received {column!r}{hint}"
            )
        is_whole = isinstance(most, int) and not isinstance(most, bool)
        if not is_whole or not 1 <= most <= _MOST:
            raise errors.UserError(
                f"expected a whole number from 1 for column {column} of "
                f"{schema.MAX_PER}, received {_shown(most)}"
            )
    return dict(caps)


def _require_policies(value: Any, fields: Fields) -> None:
    if value and schema.CONDITIONS in fields:
        raise errors.UserError(
            f"expected no {schema.POLICY} for a bundle without saved policies, "
            f"received {value!r}: set config.composition.policies and export again"
        )


def entries(conditions: Any, keys: Sequence[str]) -> list[Entry]:
    """Checks conditions and returns them as inputs of a signature.

    Args:
      conditions: Parsed JSON list of objects.
      keys: Every column with each of its operators.

    Raises:
      errors.UserError: A condition is malformed; the message names its column, operator
        and value.
    """
    if not isinstance(conditions, list | tuple):
        raise errors.UserError(
            f"expected {schema.WHERE} to be a list of conditions such as {_EXAMPLE}, "
            f"received {_shown(conditions)}"
        )
    known = _operators(keys)
    found: list[Entry] = []
    for place, condition in enumerate(conditions, 1):
        made = _of_condition(condition, place, known)
        again = {key for key, _ in made} & {key for key, _ in found}
        if again:
            raise errors.UserError(
                f"expected each column once with an operator, received "
                f"{sorted(again)[0]!r} again in condition {place}: merge the two"
            )
        found += made
    return found


def _operators(keys: Iterable[str]) -> dict[str, list[str]]:
    """Returns the operators of each column."""
    found: dict[str, list[str]] = {}
    for key in keys:
        column, _, operator = key.rpartition(" ")
        found.setdefault(column, []).append(operator)
    return found


def _of_condition(
    condition: Any, place: int, known: Mapping[str, list[str]]
) -> list[Entry]:
    """Returns the inputs of one condition."""
    if not isinstance(condition, Mapping) or not isinstance(condition.get(COLUMN), str):
        raise errors.UserError(
            f"expected a condition such as {_EXAMPLE}, received {_shown(condition)} "
            f"(condition {place})"
        )
    column = condition[COLUMN]
    given = {name: value for name, value in condition.items() if name != COLUMN}
    if column not in known:
        hint = errors.hint(column, known, cutoff=0.5)
        raise errors.UserError(
            f"expected a column of {', '.join(known)}, received {column!r} in "
            f"condition {place} ({_shown(condition)}){hint}"
        )
    strange = [name for name in given if name not in known[column]]
    if strange or not given:
        received = strange[0] if strange else "none"
        raise errors.UserError(
            f"expected one of {', '.join(known[column])} for column {column}, received "
            f"{received} in condition {place} ({_shown(condition)})"
        )
    is_text = attributes.AT_MOST not in known[column]
    found = []
    for operator, value in given.items():
        where = f"{operator} of column {column} (condition {place})"
        key = attributes.key(column, operator)
        found += [(key, text) for text in _texts(value, operator, is_text, where)]
    return found


def _texts(value: Any, operator: str, is_text: bool, where: str) -> list[str]:
    """Returns the values of an operator as text."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if operator not in _LISTS:
        return [_text(value, is_text, where)]
    if not isinstance(value, list | tuple) or not value:
        raise errors.UserError(
            f"expected a list of at least one value for {where}, received "
            f"{_shown(value)}"
        )
    return [_text(one, is_text, where) for one in value]


def _text(value: Any, is_text: bool, where: str) -> str:
    """Returns a value as text."""
    if is_text and isinstance(value, bool):
        return "true" if value else "false"
    if is_text and isinstance(value, str | int) and value != "":
        return str(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_text and is_number and math.isfinite(value):
        return repr(value)
    kind = "a text" if is_text else "a finite number"
    raise errors.UserError(f"expected {kind} for {where}, received {_shown(value)}")


def policies(text: str, keys: Sequence[str]) -> dict[str, list[Entry]]:
    """Returns the saved sets of conditions of a composition.

    Args:
      text: `composition.policies`, JSON of names to lists of conditions; may be empty.
      keys: Every column with each of its operators.

    Raises:
      errors.UserError: A condition is malformed, or its column is not in the log.
    """
    found = {}
    for name, saved in (json.loads(text) if text else {}).items():
        conditions = saved.get(schema.WHERE, []) if isinstance(saved, dict) else saved
        try:
            found[name] = entries(conditions, keys)
        except errors.UserError as error:
            raise errors.UserError(
                f"policy {name} of config.composition.policies: {error}"
            ) from None
    return found


def permitted(
    videos: pl.DataFrame, conditions: Iterable[Entry], time: int
) -> npt.NDArray[np.bool_]:
    """Returns whether conditions permit each video, `[num_videos] bool`.

    The same rule as in the models, for lists that no model makes.

    Args:
      videos: The columns of the catalogue.
      conditions: See `entries`.
      time: Time of the request, seconds.
    """
    held = pl.lit(True)
    sets: dict[str, list[str]] = {}
    for key, value in conditions:
        column, _, operator = key.rpartition(" ")
        if operator in _LISTS:
            sets.setdefault(key, []).append(value)
            continue
        if operator not in attributes.OPERATORS:
            held &= _meets(videos[column], operator, value)
            continue
        number = pl.col(column).cast(pl.Float64)
        if column == attributes.AGE_DAYS and column not in videos.columns:
            uploads = pl.col(schema.UPLOAD_TIME).cast(pl.Float64)
            number = (pl.lit(float(time)) - uploads) / schema.DAY_SECONDS
        bound = float(value)
        is_most = operator == attributes.AT_MOST
        held &= (number <= bound) if is_most else (number >= bound)
    for key, values in sets.items():
        column, _, operator = key.rpartition(" ")
        is_number = videos.schema[column].is_numeric() and column != schema.CHANNEL_ID
        own = pl.col(column).cast(pl.Float64 if is_number else pl.String)
        wanted = [float(v) for v in values] if is_number else values
        among = own.is_in(pl.Series(wanted).implode()).fill_null(False)
        held &= among if operator == attributes.IN else ~among
    # A literal is as long as the frame only beside its columns.
    kept = videos.with_columns(held.fill_null(False).alias(schema.WHERE))[schema.WHERE]
    found: npt.NDArray[np.bool_] = kept.to_numpy()
    return found


def _meets(column: pl.Series, operator: str, value: str) -> pl.Series:
    """Returns whether each video meets a condition of a registered operator.

    Raises:
      errors.UserError: Nothing that is installed has registered it.
    """
    is_number = column.dtype.is_numeric() and column.name != schema.CHANNEL_ID
    plain = column.cast(pl.Float64 if is_number else pl.String)
    known = plain.drop_nulls().unique()
    function = registries.OPERATORS[operator].make
    kind = tf.float64 if is_number else tf.string
    values = tf.constant(known.to_list(), kind, [len(known)])
    found = function(values, tf.constant([value]))
    return plain.is_in(known.filter(pl.Series(found.numpy()[0])).implode())


def _shown(value: Any) -> str:
    text = errors.one_line(json.dumps(value, default=str))
    return text if len(text) <= 80 else f"{text[:79]}…"
