"""Short keys of a request as inputs of a signature: conditions, caps, weights.

    {"where": [{"column": "language", "in": ["en", "de"]},
               {"column": "duration_seconds", "at_least": 60, "at_most": 600}],
     "policy": "kids",
     "max_per": {"channel_id": 2},
     "weights": {"watch_seconds": 1, "liked": 30, "disliked": -200}}

The signatures take conditions as texts (`ytdnn.retrieval.filter_graph`): `language
in` and `en`; caps and weights as names and numbers. A policy is a list of conditions
that is saved in the bundle.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ytdnn.base import configs, errors, schema
from ytdnn.log import io_fields, prepared
from ytdnn.ranking import weighted_order
from ytdnn.retrieval import diversity, filter_schema

COLUMN = "column"
_EXAMPLE = '{"column": "language", "in": ["en", "de"]}'
_MOST_CAP = 2**31 - 1
_MOST_WEIGHT = 1e9  # sums of products with it stay far below float32's limit
_ABSENT: tuple[Any, ...] = (None, [], [""], [0])
LISTS = (filter_schema.IN, filter_schema.NOT_IN)

_shown = errors.shown

Entry = tuple[str, str]
"""A column with its operator, and a value as text."""
Fields = Mapping[str, io_fields.Field]


def expanded(request: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Returns a request with its short keys as inputs of a signature.

    Args:
      request: Values by name; without short keys it is returned as it is.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: A value is malformed, or names something that is not in the
        bundle.
    """
    full = dict(request)
    if full.get(schema.ORDER_WEIGHTS) and schema.WEIGHT_NAMES not in fields:
        raise errors.UserError(
            f"expected no {schema.ORDER_WEIGHTS} for a model that predicts no "
            f"outcomes, received {_shown(full[schema.ORDER_WEIGHTS])}: name columns of "
            f"impressions in config.data.outcomes, and train and export again"
        )
    if schema.POLICY in full and schema.POLICY not in fields and fields:
        policy = full[schema.POLICY]
        if not policy:
            full.pop(schema.POLICY)
        elif schema.CONDITIONS in fields:
            raise errors.UserError(
                f"expected no {schema.POLICY} for a bundle without saved policies, "
                f"received {policy!r}: set config.composition.policies and export again"
            )
    for key, (names, values), read in (
        (schema.MAX_PER, (schema.MAX_PER_COLUMNS, schema.MAX_PER_COUNTS), caps),
        (schema.WHERE, (schema.CONDITIONS, schema.CONDITION_VALUES), entries),
        (schema.ORDER_WEIGHTS, (schema.WEIGHT_NAMES, schema.WEIGHT_VALUES), weights),
    ):
        if key not in full or (names not in fields and full[key]):
            continue
        conditions = full.pop(key)
        if not conditions:
            continue
        # Clients fill absent lists with missing values.
        if any(full.get(name) not in _ABSENT for name in (names, values)):
            raise errors.UserError(
                f"expected {key}, or {names} and {values}, received both: leave one out"
            )
        pairs = read(conditions, fields[names].choices)
        full[names] = [name for name, _ in pairs]
        full[values] = [value for _, value in pairs]
    return full


def caps(value: Any, columns: Sequence[str]) -> list[tuple[str, int]]:
    """Returns the caps of a request, checked.

    Args:
      value: Parsed JSON object, such as {"channel_id": 2}.
      columns: Columns that can be capped.

    Raises:
      errors.UserError: It is no object, a column is unknown, or a number is below 1.
    """
    _require_object(value, schema.MAX_PER, '{"channel_id": 2}')
    errors.require_known(value, columns, "columns", schema.MAX_PER)
    for column, most in value.items():
        if type(most) is not int or not 1 <= most <= _MOST_CAP:
            raise errors.UserError(
                f"expected a whole number of 1 to {_MOST_CAP:,} for column {column} "
                f"of {schema.MAX_PER}, received {_shown(most)}"
            )
    return list(value.items())


def weights(weights_by_name: Any, names: Sequence[str]) -> list[tuple[str, float]]:
    """Returns the weights of a request, checked.

    Args:
      weights_by_name: Parsed JSON object of weights by name.
      names: Names of the bundle's predictions.

    Raises:
      errors.UserError: The weights are malformed, or name something that the bundle
        does not predict.
    """
    key, example = schema.ORDER_WEIGHTS, '{"watch_seconds": 1, "liked": 30}'
    _require_object(weights_by_name, key, example)
    errors.require_known(weights_by_name, names, "weights", key)
    for name, value in weights_by_name.items():
        # Comparisons with NaN are false.
        if not _is_number(value) or not abs(value) <= _MOST_WEIGHT:
            raise errors.UserError(
                f"expected a number of -{_MOST_WEIGHT:g} to {_MOST_WEIGHT:g} as the "
                f"weight of {name}, received {errors.shown(value)}"
            )
    return [(str(name), float(value)) for name, value in weights_by_name.items()]


def _require_object(value: Any, key: str, example: str) -> None:
    if not isinstance(value, Mapping):
        raise errors.UserError(
            f"expected {key} as an object such as {example}, received {_shown(value)}"
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
    operators: dict[str, list[str]] = {}
    for key in keys:
        column, _, operator = key.rpartition(" ")
        operators.setdefault(column, []).append(operator)
    parsed: list[Entry] = []
    for place, condition in enumerate(conditions, 1):
        own = _read_condition(condition, place, operators)
        again = {key for key, _ in own} & {key for key, _ in parsed}
        if again:
            raise errors.UserError(
                f"expected each column once with an operator, received "
                f"{sorted(again)[0]!r} again in condition {place}: merge the two"
            )
        parsed += own
    return parsed


def _read_condition(
    condition: Any, place: int, known: Mapping[str, list[str]]
) -> list[Entry]:
    """Returns the inputs of one condition.

    Args:
      condition: Parsed JSON.
      place: Its place in the list, for errors.
      known: Operators of each column.
    """
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
    is_text = filter_schema.AT_MOST not in known[column]
    parsed = []
    for operator, value in given.items():
        where = f"{operator} of column {column} (condition {place})"
        value = value.tolist() if hasattr(value, "tolist") else value
        several = list(value) if isinstance(value, list | tuple) else []
        if operator in LISTS and not several:
            raise errors.UserError(
                f"expected a list of at least one value for {where}, received "
                f"{_shown(value)}"
            )
        key = filter_schema.key(column, operator)
        values = several if operator in LISTS else [value]
        parsed += [(key, _text(item, is_text, where)) for item in values]
    return parsed


def _text(value: Any, is_text: bool, where: str) -> str:
    """Returns a value as text."""
    if is_text and isinstance(value, bool):
        return "true" if value else "false"
    if is_text and isinstance(value, str | int) and value != "":
        return str(value)
    if not is_text and _is_number(value) and math.isfinite(value):
        return repr(value)
    kind = "a text" if is_text else "a finite number"
    raise errors.UserError(f"expected {kind} for {where}, received {_shown(value)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def policies(text: str, keys: Sequence[str]) -> dict[str, list[Entry]]:
    """Returns the saved sets of conditions of a composition.

    Args:
      text: `composition.policies`, JSON of names to lists of conditions; may be empty.
      keys: Every column with each of its operators.

    Raises:
      errors.UserError: A condition is malformed, or its column is not in the log.
    """
    parsed = {}
    for name, saved in (json.loads(text) if text else {}).items():
        conditions = saved.get(schema.WHERE, []) if isinstance(saved, dict) else saved
        try:
            parsed[name] = entries(conditions, keys)
        except errors.UserError as error:
            raise errors.UserError(
                f"policy {name} of config.composition.policies: {error}"
            ) from None
    return parsed


def require(
    composition: configs.CompositionConfig,
    catalogue: prepared.Catalogue,
    predictions: Sequence[str],
) -> None:
    """Checks the columns, policies and weights of a composition before models are.

    Args:
      composition: The composition.
      catalogue: Has the columns of conditions.
      predictions: Names that weights may have; none: weights are not checked.

    Raises:
      errors.UserError: A condition is malformed, or a name is unknown.
    """
    diversity.require(composition, catalogue)
    if composition.policies:
        columns = filter_schema.from_catalogue(catalogue)
        policies(composition.policies, [key for one in columns for key in one.keys])
    if predictions:
        default, saved = composition.default_weights, composition.weights_of_policies
        weighted_order.Weighing(predictions, default, saved)
