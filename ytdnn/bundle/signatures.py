"""Inputs and outputs of the exported models, apart from fields of the features."""

from collections.abc import Mapping

from ytdnn.base import schema
from ytdnn.log import catalogues, fields
from ytdnn.ranking import weighted_order
from ytdnn.retrieval import caps as caps_room
from ytdnn.retrieval import filters as filters_room

Field = fields.Field
describe = fields.describe
read = fields.read
union = fields.union


def video_ids_field(catalogue: catalogues.Catalogue) -> Field:
    """Returns the input that names the videos to score."""
    dtype, missing = fields.id_type(catalogue)
    return Field(schema.VIDEO_IDS, dtype, "batch, length", missing, "videos to score")


def vector_field(width: int) -> Field:
    """Returns the field of a user vector of `width` coordinates."""
    meaning = f"{width} coordinates, the last 1 for the bias"
    return Field(schema.USER_VECTOR, "float32", "batch, length", 0.0, meaning)


def columns(meanings: Mapping[str, str]) -> tuple[Field, ...]:
    """Returns the outputs with a value for each video.

    Args:
      meanings: Meanings by the names of `results.Ranked.columns`.
    """
    return tuple(
        Field(
            name,
            "int32" if name == schema.PLACED_BY else "float32",
            "batch, length",
            0 if name == schema.PLACED_BY else 0.0,
            meaning,
        )
        for name, meaning in meanings.items()
    )


def filter_fields(filters: filters_room.Filters) -> tuple[Field, ...]:
    """Returns the inputs for conditions on columns of videos, if there are columns.

    Args:
      filters: Columns and saved sets of conditions.
    """
    if not filters.keys:
        return ()
    values = f"of each of {schema.CONDITIONS}, as text"
    found = [
        Field(
            schema.CONDITIONS,
            "string",
            "batch, length",
            "",
            "column and operator; `in` of one column are alternatives, all others hold",
            choices=filters.keys,
        ),
        Field(schema.CONDITION_VALUES, "string", "batch, length", "", values),
    ]
    if filters.policies:
        meaning = "saved conditions that hold, too; empty: none"
        found.append(
            Field(
                schema.POLICY, "string", "batch", "", meaning, choices=filters.policies
            )
        )
    if filters.reads_time:
        found.append(fields.time())
    return tuple(found)


def cap_fields(caps: caps_room.Caps) -> tuple[Field, ...]:
    """Returns the inputs that cap columns of videos, if there are columns.

    Args:
      caps: Columns that can be capped.
    """
    if not caps.columns:
        return ()
    name, counts = schema.MAX_PER_COLUMNS, schema.MAX_PER_COUNTS
    meaning = "columns of which an answer holds only so many videos of each value"
    return (
        Field(name, "string", "batch, length", "", meaning, choices=caps.columns),
        Field(
            counts,
            "int32",
            "batch, length",
            0,
            f"of each of {name}, videos of each value at most",
            least=1,
            greatest=2**31 - 1,
        ),
    )


def weight_fields(weighing: weighted_order.Weighing | None) -> tuple[Field, ...]:
    """Returns the inputs for weights of the ranker's predictions, if there are any.

    Args:
      weighing: Predictions that can be weighed, and saved weights; None: no inputs.
    """
    if weighing is None:
        return ()
    meaning = "names of the weighted predictions; empty: the policy's or the bundle's"
    values = f"weight of each of {schema.WEIGHT_NAMES}; what is not named weighs 0"
    lists: fields.Shape = "batch, length"
    return (
        Field(
            schema.WEIGHT_NAMES, "string", lists, "", meaning, choices=weighing.names
        ),
        Field(schema.WEIGHT_VALUES, "float32", lists, 0.0, values),
    )


def policy_fields(
    filters: filters_room.Filters, weighing: weighted_order.Weighing | None
) -> tuple[Field, ...]:
    """Returns the input that names a policy, if policies have weights.

    Args:
      filters: Policies of conditions.
      weighing: Weights of policies.
    """
    if weighing is None or not weighing.policies:
        return ()
    meaning = "saved conditions and weights; empty: none"
    choices = filters.policies
    return (Field(schema.POLICY, "string", "batch", "", meaning, choices=choices),)


def k_field() -> Field:
    """Returns the input `k`; the graph uses the largest of a batch, and masks."""
    meaning = "results wanted; 0 or less: none"
    return Field(schema.K, "int32", "batch", 0, meaning, least=0, greatest=2**31 - 1)


def result_fields(
    catalogue: catalogues.Catalogue, meanings: Mapping[str, str]
) -> tuple[Field, ...]:
    """Returns the outputs of a model that lists videos, best first.

    Args:
      catalogue: The catalogue of the prepared set, with the type of ids.
      meanings: See `columns`.
    """
    dtype, missing = fields.id_type(catalogue)
    return (
        Field(schema.IDS, dtype, "batch, length", missing, "best first, then padding"),
        *columns(meanings),
        Field(schema.NUM_RESULTS, "int32", "batch", 0, "results that are not padding"),
    )
