"""The fields of requests and answers: names, types, shapes, missing values.

Every input of an exported signature is required, so each has a value that means
"missing". The fields of the history, which encoders and several features read, are
defined here; a feature declares the fields that only it reads (`ytdnn/features/`).
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn.base import schema, table_schemas
from ytdnn.log import prepared

Shape = Literal["batch", "batch, length"]
MOST_TIME = 4_102_444_800  # the year 2100; milliseconds lie beyond
_INT64_MIN = int(np.iinfo(np.int64).min)


@dataclasses.dataclass(frozen=True)
class Field:
    """One tensor of a signature.

    Attributes:
      name: Key in requests and answers.
      dtype: `string`, `int64`, `int32` or `float32`.
      shape: Names of its axes.
      missing: Value that marks a missing value (of an output: the padding).
      meaning: One-line description for people.
      least: Smallest value that a request may have, apart from `missing`; None: any.
      greatest: Largest value; None: any.
      is_flag: Whether true and false may stand for 1 and 0.
      choices: The only accepted texts, apart from `missing`; empty: any.
      width: Length of a list unless it is empty, such as of a vector; 0: any.
    """

    name: str
    dtype: str
    shape: Shape
    missing: str | int | float
    meaning: str
    least: float | None = None
    greatest: float | None = None
    is_flag: bool = False
    choices: tuple[str, ...] = ()
    width: int = 0

    @property
    def is_list(self) -> bool:
        """Whether the value in a request is a list."""
        return self.shape == "batch, length"

    def spec(self) -> tf.TensorSpec:
        """Returns the input's spec, every axis free."""
        rank = 2 if self.is_list else 1
        return tf.TensorSpec([None] * rank, tf.as_dtype(self.dtype), name=self.name)


Fields = tuple[Field, ...]


def id_type(catalogue: prepared.Catalogue) -> tuple[str, str | int]:
    """Returns the type of video ids, and an id of no video for padding.

    It is the value that TensorFlow Serving pads with, "" or 0, unless a video has that
    id.
    """
    ids = catalogue.videos[schema.VIDEO_ID]
    if ids.dtype == pl.String:
        return "string", next(i for i in ("", "<missing>", "\0") if i not in ids)
    return "int64", next(i for i in (0, -1, _INT64_MIN) if i not in ids)


def text(name: str, meaning: str = "as in the log") -> Field:
    """Returns a field of one text; empty is missing."""
    return Field(name, "string", "batch", "", meaning)


def watched(catalogue: prepared.Catalogue) -> Field:
    """Returns the watched videos."""
    dtype, missing = id_type(catalogue)
    meaning = "videos watched, most recent last; unknown ids are allowed"
    return Field(schema.WATCHED_VIDEO_IDS, dtype, "batch, length", missing, meaning)


def time() -> Field:
    """Returns the time of the request."""
    return _times(schema.TIME, "batch", "time of the request in seconds; 0 unknown")


def _times(name: str, shape: Shape, meaning: str) -> Field:
    return Field(name, "int64", shape, 0, meaning, least=0, greatest=MOST_TIME)


def watch_times() -> Field:
    """Returns the time of each watch."""
    meaning = f"time of each of {schema.WATCHED_VIDEO_IDS} in seconds; 0 unknown"
    return _times(schema.WATCH_TIMES, "batch, length", meaning)


def watched_seconds() -> Field:
    """Returns the watch seconds of each watch."""
    meaning = f"watch seconds of each of {schema.WATCHED_VIDEO_IDS}; -1 unknown"
    name, most = schema.WATCHED_SECONDS, table_schemas.MOST_SECONDS
    return Field(name, "float32", "batch, length", -1.0, meaning, 0.0, most)


def shown(catalogue: prepared.Catalogue) -> Fields:
    """Returns the videos shown earlier, the time of each and whether it was clicked."""
    dtype, missing = id_type(catalogue)
    ids, clicked = schema.IMPRESSION_VIDEO_IDS, schema.IMPRESSION_CLICKED
    time_of = f"time of each of {ids} in seconds; 0 unknown"
    click_of = f"whether each of {ids} was clicked: 1, 0; -1 unknown"
    return (
        Field(ids, dtype, "batch, length", missing, "videos shown earlier"),
        _times(schema.IMPRESSION_TIMES, "batch, length", time_of),
        Field(clicked, "int32", "batch, length", -1, click_of, 0, 1, is_flag=True),
    )


def permitting(catalogue: prepared.Catalogue) -> Fields:
    """Returns the videos to leave out of an answer, and those it may hold."""
    dtype, missing = id_type(catalogue)
    left_out = "videos to leave out besides those watched; unknown ids are ignored"
    others = "the only videos to recommend, unknown ids are ignored; empty: all"
    return (
        Field(schema.EXCLUDE_IDS, dtype, "batch, length", missing, left_out),
        Field(schema.ALLOW_IDS, dtype, "batch, length", missing, others),
    )


def queries() -> Field:
    """Returns the searches."""
    meaning = "search queries as typed, most recent last"
    return Field(schema.QUERIES, "string", "batch, length", "", meaning)


def union(*readers: Fields) -> Fields:
    """Returns the fields of several readers, each name once."""
    return tuple({field.name: field for fields in readers for field in fields}.values())


def describe(fields: Iterable[Field]) -> dict[str, dict[str, Any]]:
    """Returns the fields as JSON for the manifest."""
    described = {field.name: dataclasses.asdict(field) for field in fields}
    for values in described.values():
        del values["name"]
    return described


def read(described: dict[str, dict[str, Any]]) -> dict[str, Field]:
    """Returns the fields in the JSON of `describe`, by name."""
    return {
        name: Field(name=name, **values | {"choices": tuple(values.get("choices", ()))})
        for name, values in described.items()
    }
