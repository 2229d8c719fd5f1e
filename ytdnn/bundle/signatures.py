"""Inputs and outputs of the exported models, apart from fields of the features."""

from collections.abc import Mapping
from typing import Any

from ytdnn.base import schema
from ytdnn.log import io_fields, prepared
from ytdnn.ranking import weighted_order
from ytdnn.retrieval import filter_graph, slate

Field = io_fields.Field

_MOST = 2**31 - 1
_MISSING: dict[str, str | int | float] = {"string": "", "int32": 0, "float32": 0.0}


def _lists(name: str, dtype: str, meaning: str, **more: Any) -> Field:
    """Returns a field of a list of values for each request."""
    return Field(name, dtype, "batch, length", _MISSING[dtype], meaning, **more)


def video_ids_field(catalogue: prepared.Catalogue) -> Field:
    """Returns the input that names the videos to score."""
    dtype, missing = io_fields.id_type(catalogue)
    return Field(schema.VIDEO_IDS, dtype, "batch, length", missing, "videos to score")


def vector_field(width: int) -> Field:
    """Returns the field of a user vector of `width` coordinates."""
    meaning = f"{width} coordinates, the last 1 for the bias"
    return _lists(schema.USER_VECTOR, "float32", meaning)


def columns(meanings: Mapping[str, str]) -> tuple[Field, ...]:
    """Returns the outputs with a value for each video.

    Args:
      meanings: Meanings by the names of `graphs.Ranking.columns`.
    """
    return tuple(
        _lists(name, "int32" if name == schema.PLACED_BY else "float32", meaning)
        for name, meaning in meanings.items()
    )


def filter_fields(filters: filter_graph.Filters) -> tuple[Field, ...]:
    """Returns the inputs for conditions on columns of videos, if there are columns.

    Args:
      filters: Columns and saved sets of conditions.
    """
    if not filters.keys:
        return ()
    meaning = (
        "column and operator; `in` of one column are alternatives, all others hold"
    )
    values = f"of each of {schema.CONDITIONS}, as text"
    inputs = [
        _lists(schema.CONDITIONS, "string", meaning, choices=filters.keys),
        _lists(schema.CONDITION_VALUES, "string", values),
    ]
    if filters.policies:
        inputs.append(_policy("saved conditions that hold, too; empty: none", filters))
    if filters.reads_time:
        inputs.append(io_fields.time())
    return tuple(inputs)


def _policy(meaning: str, filters: filter_graph.Filters) -> Field:
    choices = filters.policies
    return Field(schema.POLICY, "string", "batch", "", meaning, choices=choices)


def cap_fields(caps: slate.Caps) -> tuple[Field, ...]:
    """Returns the inputs that cap columns of videos, if there are columns.

    Args:
      caps: Columns that can be capped.
    """
    if not caps.columns:
        return ()
    name, counts = schema.MAX_PER_COLUMNS, schema.MAX_PER_COUNTS
    meaning = "columns of which an answer holds only so many videos of each value"
    values = f"of each of {name}, videos of each value at most"
    return (
        _lists(name, "string", meaning, choices=caps.columns),
        _lists(counts, "int32", values, least=1, greatest=_MOST),
    )


def weight_fields(
    weighing: weighted_order.Weighing | None, filters: filter_graph.Filters
) -> tuple[Field, ...]:
    """Returns the inputs for weights of the ranker's predictions, if there are any.

    Args:
      weighing: Predictions that can be weighed, and saved weights; None: no inputs.
      filters: Policies, which may have weights.
    """
    if weighing is None:
        return ()
    meaning = "names of the weighted predictions; empty: the policy's or the bundle's"
    values = f"weight of each of {schema.WEIGHT_NAMES}; what is not named weighs 0"
    policies = "saved conditions and weights; empty: none"
    return (
        _lists(schema.WEIGHT_NAMES, "string", meaning, choices=weighing.names),
        _lists(schema.WEIGHT_VALUES, "float32", values),
        *([_policy(policies, filters)] if weighing.policies else []),
    )


def k_field() -> Field:
    """Returns the input `k`; the graph uses the largest of a batch, and masks."""
    meaning = "results wanted; 0 or less: none"
    return Field(schema.K, "int32", "batch", 0, meaning, least=0, greatest=_MOST)


def result_fields(
    catalogue: prepared.Catalogue, meanings: Mapping[str, str]
) -> tuple[Field, ...]:
    """Returns the outputs of a model that lists videos, best first.

    Args:
      catalogue: The catalogue of the prepared set, with the type of ids.
      meanings: See `columns`.
    """
    dtype, missing = io_fields.id_type(catalogue)
    return (
        Field(schema.IDS, dtype, "batch, length", missing, "best first, then padding"),
        *columns(meanings),
        Field(schema.NUM_RESULTS, "int32", "batch", 0, "results that are not padding"),
    )
