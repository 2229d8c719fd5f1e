"""TensorFlow Serving's predict API: its two forms of requests, answers and errors.

Rows may have lists of different lengths, which TensorFlow Serving refuses: they are
padded for the signature. Unknown inputs are refused in both forms.
"""

import base64
import binascii
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import errors, schema
from ytdnn.bundle import requests, saved_models, where
from ytdnn.ops.server import batching, models, problems, settings

SIGNATURE_NAME = "signature_name"
INSTANCES = "instances"
INPUTS = "inputs"
_BINARY = "_bytes"  # how the name of an output of binary text ends
_B64 = "b64"
_SHOWN = 60


@dataclasses.dataclass(frozen=True)
class ParsedRequest:
    """A parsed request.

    Attributes:
      rows: Checked values of each row.
      is_by_row: Whether request and answer are in row form.
    """

    rows: list[dict[str, Any]]
    is_by_row: bool


def signature_of(body: Mapping[str, Any]) -> str:
    """Returns the name of the signature in a request.

    Raises:
      problems.Problem: The name is no text.
    """
    name = body.get(SIGNATURE_NAME, "")
    if not isinstance(name, str):
        raise problems.bad(
            f"JSON Value: {_shown(body)} not formatted correctly. 'signature_name' key "
            f"must be a string value."
        )
    return name or saved_models.SIGNATURE


def parse(
    body: Mapping[str, Any], fields: models.Fields, limits: settings.Limits
) -> ParsedRequest:
    """Parses a body into a request to a signature.

    Args:
      body: The JSON object.
      fields: The signature's inputs.
      limits: Limits of one request.

    Raises:
      problems.Problem: The body is malformed, or exceeds a limit.
    """
    if INSTANCES in body and INPUTS in body:
        raise problems.bad(
            f"JSON Value: {_shown(body)} Not formatted correctly expecting only one of "
            f"'inputs' or 'instances' keys to exist"
        )
    if INSTANCES in body:
        rows = _instances(body[INSTANCES], fields, limits)
    elif INPUTS in body:
        rows = _columns(body[INPUTS], fields, limits)
    else:
        raise problems.bad("Missing 'inputs' or 'instances' key")
    is_by_row = INSTANCES in body
    where = "'instances' list" if is_by_row else "'inputs' object"
    checked = []
    for number, row in enumerate(rows):
        try:
            checked.append(check(row, fields, limits))
        except errors.UserError as error:
            raise problems.bad(
                f"Failed to process element: {number} of {where}. Error: {error}"
            ) from None
    return ParsedRequest(checked, is_by_row)


def check(
    row: Mapping[str, Any], fields: models.Fields, limits: settings.Limits
) -> dict[str, Any]:
    """Returns the checked values of one row.

    Raises:
      errors.UserError: A value does not fit its input, or exceeds a limit.
    """
    plain = {name: decoded(value) for name, value in row.items()}
    plain = where.expanded(plain, fields)
    for name, value in plain.items():
        if isinstance(value, list) and len(value) > limits.list_length:
            raise errors.UserError(
                f"expected at most {limits.list_length:,} values in request key "
                f"{name}, received {len(value):,}"
            )
    values = requests.values(plain, fields)
    if values.get(schema.K, 0) > limits.k:
        raise errors.UserError(
            f"expected {schema.K} of at most {limits.k:,}, received "
            f"{values[schema.K]:,}"
        )
    return values


def _instances(
    given: Any, fields: models.Fields, limits: settings.Limits
) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        raise problems.bad(
            f"JSON Value: {_shown(given)} Excepting 'instances' to be an list/array"
        )
    if not given:
        raise problems.bad("JSON Value: [] No values in 'instances' array")
    _require_few(len(given), limits)
    if not _is_object(given[0]):
        if len(fields) > 1:
            raise problems.bad(
                "instances is a plain list, but expecting list of objects as multiple "
                "input tensors required as per tensorinfo_map"
            )
        (name,) = fields
        for number, item in enumerate(given):
            if _is_object(item):
                raise problems.bad(
                    f"Expecting value/list but got object at item {number} of input "
                    f"list"
                )
        return [{name: _given(item)} for item in given]
    for number, item in enumerate(given):
        if not _is_object(item):
            raise problems.bad(
                f"Expecting object but got list at item {number} of input list"
            )
        for name in item:
            if name not in fields:
                raise problems.bad(
                    f"Failed to process element: {number} key: {_shown(name)} of "
                    f"'instances' list. Error: JSON object: does not have named input: "
                    f"{_shown(name)}{_meant(name, fields)}"
                )
        if set(item) != set(fields):
            raise problems.bad(
                f"Failed to process element: {number} of 'instances' list. JSON object "
                f"lacks {_lacking(item, fields)}: keys must be equal to: "
                f"{','.join(sorted(fields))}"
            )
    return [{name: _given(value) for name, value in item.items()} for item in given]


def _columns(
    given: Any, fields: models.Fields, limits: settings.Limits
) -> list[dict[str, Any]]:
    if not _is_object(given):
        if len(fields) > 1:
            raise problems.bad(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        given = dict.fromkeys(fields, given)
    for name in fields:
        if name not in given:
            raise problems.bad(f"Missing named input: {name} in 'inputs' object.")
    for name in given:
        if name not in fields:
            raise problems.bad(
                f"JSON object: does not have named input: {_shown(name)}"
                f"{_meant(name, fields)}"
            )
    size: int | None = None
    for name, column in given.items():
        if not isinstance(column, list):
            raise problems.bad(
                f"JSON Value: {_shown(column)} in input {name}: expected a list, one "
                f"value a row"
            )
        if size is not None and len(column) != size:
            raise problems.bad(
                f"Tensor name: {name} has inconsistent batch size: {len(column)} "
                f"expecting: {size}"
            )
        size = len(column)
    if not size:
        raise problems.bad("JSON Value: [] No values in 'inputs' object")
    _require_few(size, limits)
    return [
        {name: _given(column[row]) for name, column in given.items()}
        for row in range(size)
    ]


def _require_few(size: int, limits: settings.Limits) -> None:
    if size > limits.rows:
        raise problems.bad(
            f"Task size {size} is larger than maximum input batch size {limits.rows}"
        )


def _is_object(value: Any) -> bool:
    """Whether a value is a JSON object that is no base64."""
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {_B64}
        and isinstance(value[_B64], str)
    )


def _given(value: Any) -> Any:
    """Returns a value that must not be `null`.

    Raises:
      problems.Problem: The value is null.
    """
    if value is None:
        raise problems.bad(
            "JSON Value: null Type: Null is not of expected type: every input is given"
        )
    return value


def decoded(value: Any) -> Any:
    """Returns a value with base64 decoded to text.

    Raises:
      errors.UserError: The base64 is malformed, or does not encode text.
    """
    if isinstance(value, list):
        has_objects = dict in set(map(type, value))
        return [decoded(v) for v in value] if has_objects else value
    if not _is_base64(value):
        return value
    try:
        return base64.b64decode(value[_B64], validate=True).decode()
    except (binascii.Error, ValueError):
        raise errors.UserError(
            f"Unable to base64 decode {_shown(value)} to text in UTF-8"
        ) from None


def _meant(name: str, fields: models.Fields) -> str:
    close = errors.closest(str(name), fields, cutoff=0.5)
    return f" (did you mean {close}?)" if close else ""


def _lacking(item: Mapping[str, Any], fields: models.Fields) -> str:
    return ", ".join(name for name in fields if name not in item)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def answer(request: ParsedRequest, found: batching.Answered) -> dict[str, Any]:
    """Returns an answer in the form of its request."""
    outputs = {
        name: _json(name, values)
        for name, values in trimmed(found.outputs, request.rows).items()
    }
    if request.is_by_row:
        if len(outputs) == 1:
            return {"predictions": next(iter(outputs.values()))}
        rows = range(len(request.rows))
        return {
            "predictions": [
                {n: values[row] for n, values in outputs.items()} for row in rows
            ]
        }
    if len(outputs) == 1:
        return {"outputs": next(iter(outputs.values()))}
    return {"outputs": outputs}


def trimmed(
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


def _json(name: str, values: npt.NDArray[Any]) -> list[Any]:
    """Returns a tensor as lists, with the shortest decimals of its numbers."""
    if values.dtype == object:
        is_binary = name.endswith(_BINARY)
        return _texts(values.tolist(), is_binary)
    if values.dtype == np.float32:
        return values.astype(str).astype(float).tolist()
    return values.tolist()


def _texts(value: Any, is_binary: bool) -> Any:
    if isinstance(value, list):
        return [_texts(item, is_binary) for item in value]
    if is_binary:
        return {_B64: base64.b64encode(value).decode()}
    return value.decode(errors="replace")
