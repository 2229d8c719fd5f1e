"""Weights of outcomes: from the keys of a request to the inputs of a signature.

    {"weights": {"watch_seconds": 1, "liked": 30, "disliked": -200}}

The signatures take names and numbers (`ytdnn.ranking.weighted_order`).
"""

import math
from collections.abc import Mapping
from typing import Any

from ytdnn.base import errors, schema
from ytdnn.log import fields as fields_room
from ytdnn.ranking import weighted_order

_EXAMPLE = '{"watch_seconds": 1, "liked": 30}'
_MOST = 1e9  # sums of products with it stay far below float32's limit

Fields = Mapping[str, fields_room.Field]


def expanded(request: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Returns a request with its weights as inputs of a signature.

    Args:
      request: Values by name; without weights it is returned as it is.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: Weights are malformed, or name something that the bundle does
        not predict.
    """
    found = dict(request)
    if schema.ORDER_WEIGHTS not in found:
        return found
    given = found.pop(schema.ORDER_WEIGHTS)
    if given is None or given == {}:
        return found
    if schema.WEIGHT_NAMES not in fields:
        raise errors.UserError(
            f"expected no {schema.ORDER_WEIGHTS} for a model that predicts no "
            f"outcomes, received {errors.one_line(str(given))[:60]}: name columns of "
            f"impressions in config.data.outcomes, and train and export again"
        )
    if schema.WEIGHT_NAMES in found or schema.WEIGHT_VALUES in found:
        raise errors.UserError(
            f"expected {schema.ORDER_WEIGHTS}, or {schema.WEIGHT_NAMES} and "
            f"{schema.WEIGHT_VALUES}, received both: leave one out"
        )
    checked = require(given, fields[schema.WEIGHT_NAMES].choices)
    found[schema.WEIGHT_NAMES] = list(checked)
    found[schema.WEIGHT_VALUES] = list(checked.values())
    return found


def require(given: Any, names: tuple[str, ...]) -> dict[str, float]:
    """Returns checked weights.

    Args:
      given: Parsed JSON object of weights by name.
      names: Names of the bundle's predictions.

    Raises:
      errors.UserError: The weights are malformed, or name something that the bundle
        does not predict.
    """
    if not isinstance(given, Mapping):
        raise errors.UserError(
            f"expected {schema.ORDER_WEIGHTS} as an object such as {_EXAMPLE}, "
            f"received {errors.one_line(str(given))[:60]}"
        )
    weighted_order.require_known(given, names, schema.ORDER_WEIGHTS)
    for name, value in given.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or abs(value) > _MOST:
            raise errors.UserError(
                f"expected a number of -{_MOST:g} to {_MOST:g} as the weight of "
                f"{name}, received {errors.one_line(str(value))[:40]}"
            )
    return {str(name): float(value) for name, value in given.items()}
