"""TensorFlow Serving's predict API: its row and column forms of requests and answers.

Rows may have lists of different lengths, which TensorFlow Serving refuses: they are
padded for the signature. Unknown inputs are refused in both forms, and those that a
request leaves out have their missing value.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import errors, schema
from ytdnn.bundle import request_shorthand, requests, saved_models
from ytdnn.ops.server import batching, loaded_version, problems, settings

Fields = loaded_version.Fields
Limits = settings.Limits

SIGNATURE_NAME = "signature_name"
INSTANCES = "instances"
INPUTS = "inputs"
_shown = errors.shown


@dataclasses.dataclass(frozen=True)
class ParsedRequest:
    """A parsed request.

    Attributes:
      rows: Checked values of each row.
      is_by_row: Whether request and answer are in row form.
    """

    rows: list[dict[str, Any]]
    is_by_row: bool


def signature_name(body: Mapping[str, Any]) -> str:
    """Returns the name of the signature in a request.

    Raises:
      problems.Problem: The name is no text.
    """
    name = body.get(SIGNATURE_NAME) or saved_models.SIGNATURE
    if not isinstance(name, str):
        raise problems.bad(f"expected {SIGNATURE_NAME} to be text, received {name}")
    return name


def parse(body: Mapping[str, Any], fields: Fields, limits: Limits) -> ParsedRequest:
    """Parses a body into a request to a signature.

    Args:
      body: The JSON object.
      fields: The signature's inputs.
      limits: Limits of one request.

    Raises:
      problems.Problem: The body is malformed, or exceeds a limit.
    """
    errors.require_known(body, (SIGNATURE_NAME, INSTANCES, INPUTS), "keys", "a body")
    if (INSTANCES in body) == (INPUTS in body):
        raise problems.bad(f"expected one of the keys {INSTANCES} and {INPUTS}")
    is_by_row = INSTANCES in body
    rows = _rows(body[INSTANCES]) if is_by_row else _columns(body[INPUTS])
    if not 0 < len(rows) <= limits.rows:
        raise problems.bad(f"expected 1 to {limits.rows} rows, received {len(rows)}")
    checked = []
    for number, row in enumerate(rows):
        try:
            checked.append(check(row, fields, limits))
        except errors.UserError as error:
            raise problems.bad(f"row {number}: {error}") from None
    return ParsedRequest(checked, is_by_row)


def check(row: Mapping[str, Any], fields: Fields, limits: Limits) -> dict[str, Any]:
    """Returns the checked values of one row.

    Raises:
      errors.UserError: A value does not fit its input, or exceeds a limit.
    """
    plain = request_shorthand.expanded(row, fields)
    for name, value in plain.items():
        if isinstance(value, list) and len(value) > limits.list_length:
            raise errors.UserError(
                f"expected at most {limits.list_length:,} values in request key "
                f"{name}, received {len(value):,}"
            )
    values = requests.values(plain, fields)
    k = values.get(schema.K, 0)
    errors.require(k <= limits.k, schema.K, f"at most {limits.k:,}", k)
    return values


def _rows(given: Any) -> list[dict[str, Any]]:
    """Returns the rows of the row form."""
    if not isinstance(given, list):
        raise problems.bad(f"expected a list of {INSTANCES}, received {_shown(given)}")
    for number, item in enumerate(given):
        if not isinstance(item, dict):
            raise problems.bad(
                f"expected an object as item {number} of {INSTANCES}, received "
                f"{_shown(item)}"
            )
    return given


def _columns(given: Any) -> list[dict[str, Any]]:
    """Returns the rows of the column form."""
    if not isinstance(given, dict):
        raise problems.bad(f"expected an object of {INPUTS}, received {_shown(given)}")
    sizes = {
        name: f"{len(column)} rows" if isinstance(column, list) else _shown(column)
        for name, column in given.items()
    }
    are_lists = all(isinstance(column, list) for column in given.values())
    if not are_lists or len(set(sizes.values())) > 1:
        shown = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise problems.bad(f"expected lists with a value a row, received {shown}")
    rows = zip(*given.values(), strict=True)
    return [dict(zip(given, row, strict=True)) for row in rows]


def answer(request: ParsedRequest, outputs: batching.Outputs) -> dict[str, Any]:
    """Returns an answer in the form of its request."""
    trimmed = _trimmed(outputs, request.rows)
    lists = {name: plain(values) for name, values in trimmed.items()}
    single = next(iter(lists.values())) if len(lists) == 1 else None
    if not request.is_by_row:
        return {"outputs": lists if single is None else single}
    if single is not None:
        return {"predictions": single}
    rows = zip(*lists.values(), strict=True)
    return {"predictions": [dict(zip(lists, row, strict=True)) for row in rows]}


def _trimmed(
    outputs: batching.Outputs, rows: Sequence[Mapping[str, Any]]
) -> batching.Outputs:
    """Returns outputs without the padding for other requests of the run.

    A run is padded to the largest `k`, or the longest list, of its requests.
    """
    wanted = [row[schema.K] for row in rows if schema.K in row]
    listed = [len(row[schema.VIDEO_IDS]) for row in rows if schema.VIDEO_IDS in row]
    if wanted:
        width = max(0, *wanted)
        return {n: v[:, :width] if v.ndim > 1 else v for n, v in outputs.items()}
    if listed:  # lists are padded in front
        width = max(1, *listed)
        return {n: v[:, v.shape[1] - width :] for n, v in outputs.items()}
    return outputs


def plain(values: npt.NDArray[Any]) -> list[Any]:
    """Returns a tensor as lists, with the shortest decimals of its numbers."""
    if values.dtype == object:
        return np.char.decode(values.astype(bytes), "utf-8", "replace").tolist()
    if values.dtype == np.float32:
        return values.astype(str).astype(float).tolist()
    return values.tolist()
