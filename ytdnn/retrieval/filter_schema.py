"""Columns of `videos` that a request may put conditions on, as codes.

A code is the rank of a video's value among the distinct values of the column, from 1
on, and 0 where the value is unknown. Numbers are sorted, so that a bound on the value
is a bound on the code.
"""

import dataclasses
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import configs, errors, ragged, schema
from ytdnn.log import prepared

IN, NOT_IN, AT_MOST, AT_LEAST = "in", "not_in", "at_most", "at_least"
OPERATORS = (IN, NOT_IN, AT_MOST, AT_LEAST)
CHANNEL = f"{schema.VIDEOS}.{schema.CHANNEL_ID}"
UPLOAD = f"{schema.VIDEOS}.{schema.UPLOAD_TIME}"
AGE_DAYS = "age_days"  # of a video at the time of the request, from its upload time
_LEFT_OUT = (schema.VIDEO_ID, schema.TITLE, prepared.TRAIN_COUNT)
_MOST_VALUES = 100_000  # of a text; more, and more than half of the videos: no category

_TRUTHS = {"true": "1", "false": "0"}

Kind = Literal["text", "number", "age"]
_OPERATORS_OF: dict[Kind, tuple[str, ...]] = {
    "text": (IN, NOT_IN),
    "number": OPERATORS,
    "age": (AT_MOST, AT_LEAST),
}


@dataclasses.dataclass(frozen=True)
class Attribute:
    """A column of videos as integer codes.

    Attributes:
      name: Name of the column.
      kind: `text`, `number`, or `age`: a time in seconds from which the age is counted.
      codes: `[num_videos + 1] int32`, by catalogue index; of several values of a video
        `[num_videos + 1, n]`, 0 where there are fewer.
      values: The distinct values as text or `[n] float64`; value i has code i + 1.
    """

    name: str
    kind: Kind
    codes: npt.NDArray[np.int32]
    values: list[str] | npt.NDArray[np.float64]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all possible conditions, as `key` writes them."""
        return tuple(key(self.name, operator) for operator in _OPERATORS_OF[self.kind])

    @property
    def places(self) -> dict[str, int]:
        """Place of each text; of truth values also of 1 and 0, as in the log."""
        places = {str(value): place for place, value in enumerate(self.values)}
        if places.keys() <= _TRUTHS.keys():
            places |= {_TRUTHS[text]: place for text, place in places.items()}
        return places


def key(column: str, operator: str) -> str:
    """Returns the name that signatures use for a column with an operator."""
    return f"{column} {operator}"


def from_catalogue(catalogue: prepared.Catalogue) -> tuple[Attribute, ...]:
    """Returns the columns of a log's videos that conditions can be put on.

    Ids of channels are text, whatever their type; truth values are the texts `true` and
    `false`. Titles, vectors and texts that differ from video to video are left out.

    Args:
      catalogue: The catalogue of the prepared set.
    """
    attributes = []
    for name in catalogue.videos.columns:
        if name in _LEFT_OUT or " " in name:
            continue
        attribute = _attribute(name, catalogue.videos[name])
        if attribute is not None:
            attributes.append(attribute)
        has_age = name == schema.UPLOAD_TIME and AGE_DAYS not in catalogue.videos
        if attribute is not None and has_age:
            attributes.append(dataclasses.replace(attribute, name=AGE_DAYS, kind="age"))
    return tuple(attributes)


def _attribute(name: str, column: pl.Series) -> Attribute | None:
    """Returns a column as codes; None for a column without conditions."""
    if column.dtype.is_numeric() and name != schema.CHANNEL_ID:
        codes, values = _coded(column.cast(pl.Float64).fill_nan(None))
        return Attribute(name, "number", codes, values.to_numpy())
    if column.dtype == pl.List(pl.String):
        return Attribute(name, "text", *_coded_lists(column))
    if column.dtype.is_nested() or column.dtype.is_temporal():
        return None
    codes, values = _coded(column.cast(pl.String))
    if len(values) > max(_MOST_VALUES, len(column) / 2) and name != schema.CHANNEL_ID:
        return None
    return Attribute(name, "text", codes, values.to_list())


def codes(column: pl.Series) -> npt.NDArray[np.int32]:
    """Returns the code of each value of a column, 0 where it is unknown, `[n]`.

    Of several values of a video it is that of the first.
    """
    is_number = column.dtype.is_numeric() and column.name != schema.CHANNEL_ID
    plain = column.cast(pl.Float64).fill_nan(None) if is_number else None
    return _coded(prepared.first_texts(column) if plain is None else plain)[0][1:]


def _coded(column: pl.Series) -> tuple[npt.NDArray[np.int32], pl.Series]:
    """Returns the codes of a column by catalogue index, and its distinct values."""
    ranks = column.rank("dense").fill_null(0).to_numpy().astype(np.int32)
    return np.append(np.int32(0), ranks), column.drop_nulls().unique().sort()


def _coded_lists(column: pl.Series) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Returns the codes of lists of texts, and their distinct values."""
    each = column.to_frame().with_row_index("row", offset=1).explode(column.name)
    codes, values = _coded(each[column.name])
    most = max([1, *column.list.len().drop_nulls().unique().to_list()])
    is_there = codes[1:] > 0
    rows, codes = each["row"].to_numpy()[is_there], codes[1:][is_there]
    return ragged.in_columns(rows, codes, (len(column) + 1, most)), values.to_list()


def indices(catalogue: prepared.Catalogue, column: str) -> npt.NDArray[np.int32]:
    """Returns the code of a column's text for each catalogue index, 0 = unknown."""
    return _coded(catalogue.videos[column].cast(pl.String))[0]


def require_channels(catalogue: prepared.Catalogue, setting: str) -> None:
    """Checks that the log has channels.

    Args:
      catalogue: The catalogue of the prepared set.
      setting: Name of the setting of a composition that needs them.

    Raises:
      errors.UserError: The log has no channels.
    """
    if CHANNEL not in catalogue.columns:
        default = configs.CompositionConfig()
        raise errors.UserError(
            f"expected {CHANNEL} in the log for config.composition.{setting}, found "
            f"none in {catalogue.directory}: add the column, or set it to "
            f"{getattr(default, setting):g}"
        )
