"""Batches of requests, padded to one length for the exported graphs.

Lists are padded in front with the missing value, so that the most recent event stays
last. The graphs ignore padding: an answer does not depend on its batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import errors
from ytdnn.bundle import requests, signatures

MAX_REQUESTS = 256

Arrays = dict[str, npt.NDArray[Any]]
Fields = Mapping[str, signatures.Field]


def group_by_length(
    lengths: npt.NDArray[np.integer],
    size: int = MAX_REQUESTS,
    most_cells: int | None = None,
) -> list[npt.NDArray[np.int64]]:
    """Groups requests with histories of similar length into batches, to pad little.

    Args:
      lengths: `[n]` number of watches in each history.
      size: Most requests in a batch.
      most_cells: Most requests times longest history of a batch, unless it is a single
        request; None: any number.

    Returns:
      Positions of the requests of each batch.
    """
    order = np.argsort(lengths, kind="stable")
    groups, start = [], 0
    while start < len(order):
        stop = min(start + size, len(order))
        if most_cells is not None:
            longest = max(1, int(lengths[order[stop - 1]]))
            stop = min(stop, start + max(1, most_cells // longest))
        groups.append(order[start:stop])
        start = stop
    return groups


def inputs(batch: Sequence[requests.Request], fields: Fields) -> Arrays:
    """Returns the inputs of a signature for some requests, `[batch]` or padded lists.

    Args:
      batch: At least one request.
      fields: The signature's inputs by name.

    Raises:
      errors.UserError: A request is malformed.
    """
    return stacked([requests.values(request, fields) for request in batch], fields)


def stacked(rows: Sequence[Mapping[str, Any]], fields: Fields) -> Arrays:
    """Returns checked values of requests as a batch, `[batch]` or padded lists.

    Args:
      rows: At least one, as `requests.values` returns them.
      fields: The signature's inputs by name.
    """
    return {
        name: _stacked([row[name] for row in rows], field)
        for name, field in fields.items()
    }


def _stacked(values: list[Any], field: signatures.Field) -> npt.NDArray[Any]:
    dtype = object if field.dtype == "string" else np.dtype(field.dtype)
    if not field.is_list:
        return np.array(values, dtype)
    width = max(1, *(len(value) for value in values))
    padded = np.full((len(values), width), field.missing, dtype)
    for row, value in enumerate(values):
        if len(value):
            padded[row, width - len(value) :] = value
    return padded


def tensors(values: Mapping[str, Any], fields: Fields) -> dict[str, tf.Tensor]:
    """Returns arrays or tensors as tensors of a signature's types.

    Raises:
      errors.UserError: One is no input of the signature.
    """
    errors.require_known(values, list(fields), "inputs", "the arrays by name")
    return {
        name: tf.convert_to_tensor(value, tf.as_dtype(fields[name].dtype))
        for name, value in values.items()
    }


def plain(values: tf.Tensor) -> list[list[Any]]:
    """Returns a matrix as Python values, text decoded."""
    rows: list[list[Any]] = values.numpy().tolist()
    return [
        [item.decode() if isinstance(item, bytes) else item for item in row]
        for row in rows
    ]
