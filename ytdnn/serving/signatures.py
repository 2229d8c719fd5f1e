"""Inputs and outputs of the exported models: types, shapes, missing values.

Every input of a signature is required, so each has a value that stands for
"missing". An input exists exactly when a model reads it, which it can only where the
log had its column.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn import schema
from ytdnn.candidates import features as tower_features
from ytdnn.data import prepared

Shape = Literal["batch", "batch, length"]
_WATCHED = schema.WATCHED_VIDEO_IDS
_INT64_MIN = int(np.iinfo(np.int64).min)


@dataclasses.dataclass(frozen=True)
class Field:
    """One tensor of a signature.

    Attributes:
      name: Its key.
      dtype: `string`, `int64`, `int32` or `float32`.
      shape: Names of its axes.
      missing: The value that stands for "not known" (of an output: the padding).
      meaning: One line for people.
    """

    name: str
    dtype: str
    shape: Shape
    missing: str | int | float
    meaning: str

    @property
    def is_list(self) -> bool:
        """Whether a request brings a list, not one value."""
        return self.shape == "batch, length"

    def spec(self) -> tf.TensorSpec:
        """Returns the input's spec, every axis free."""
        rank = 2 if self.is_list else 1
        return tf.TensorSpec([None] * rank, tf.as_dtype(self.dtype), name=self.name)


def id_type(data: prepared.PreparedData) -> tuple[str, str | int]:
    """Returns the type of video ids and an id that no video has, for padding."""
    ids = data.videos[schema.VIDEO_ID]
    if ids.dtype == pl.String:
        return "string", next(i for i in ("", "<missing>", "\0") if i not in ids)
    return "int64", next(i for i in (-1, _INT64_MIN, 0) if i not in ids)


def user_fields(data: prepared.PreparedData) -> tuple[Field, ...]:
    """Returns the watched videos and what the log knows of users."""
    dtype, missing = id_type(data)
    watched = Field(
        schema.WATCHED_VIDEO_IDS,
        dtype,
        "batch, length",
        missing,
        "videos watched, most recent last; unknown ids are allowed",
    )
    demographics = (
        Field(schema.AGE, "float32", "batch", -1.0, "years"),
        Field(schema.GENDER, "string", "batch", "", "as in the log"),
        Field(schema.COUNTRY, "string", "batch", "", "as in the log"),
    )
    known = set(data.user_features())
    feature = {
        schema.AGE: schema.AGE_FRACTION,
        schema.GENDER: schema.GENDER_INDEX,
        schema.COUNTRY: schema.COUNTRY_INDEX,
    }
    return (watched, *(d for d in demographics if feature[d.name] in known))


def tower_fields(
    data: prepared.PreparedData, inputs: tower_features.Inputs
) -> tuple[Field, ...]:
    """Returns what the user tower reads of a request: of each feature it has.

    The example age is no input: it is 0 in the exported graph (PAPER §3.3).
    """
    many: Shape = "batch, length"
    features = {
        schema.SEARCHES: (
            Field(
                schema.QUERIES,
                "string",
                many,
                "",
                "as typed, most recent last",
            ),
        ),
        schema.DEVICE: (Field(schema.DEVICE, "string", "batch", "", "as in the log"),),
        schema.LOGGED_IN: (
            Field(schema.LOGGED_IN, "int32", "batch", -1, "1: logged in, 0: not"),
        ),
        schema.REQUEST_TIMES: ranking_fields(data)[:2],
    }
    user = [f for f in user_fields(data) if f.name in (*inputs.names, _WATCHED)]
    added = [f for name in inputs.names for f in features.get(name, ())]
    return (*user, *added)


def union(*several: tuple[Field, ...]) -> tuple[Field, ...]:
    """Returns the fields of several models, each name once."""
    return tuple({field.name: field for fields in several for field in fields}.values())


def ranking_fields(data: prepared.PreparedData) -> tuple[Field, ...]:
    """Returns what the ranker reads of a request beside `user_fields`."""
    dtype, missing = id_type(data)
    many: Shape = "batch, length"
    return (
        Field(schema.WATCH_TIMES, "int64", many, 0, "of each, seconds; 0 unknown"),
        Field(schema.TIME, "int64", "batch", 0, "of the request, seconds; 0 unknown"),
        Field(
            schema.IMPRESSION_VIDEO_IDS, dtype, many, missing, "videos shown earlier"
        ),
        Field(schema.IMPRESSION_TIMES, "int64", many, 0, "of each, seconds; 0 unknown"),
    )


def video_ids_field(data: prepared.PreparedData) -> Field:
    """Returns the input that names the videos to score."""
    dtype, missing = id_type(data)
    return Field(schema.VIDEO_IDS, dtype, "batch, length", missing, "videos to score")


def vector_field(width: int) -> Field:
    """Returns the user vector of `width` coordinates."""
    meaning = f"{width} coordinates, the last 1 for the bias"
    return Field(schema.USER_VECTOR, "float32", "batch, length", 0.0, meaning)


def score_field(meaning: str) -> Field:
    """Returns the output of the ranker."""
    return Field(schema.SCORES, "float32", "batch, length", 0.0, meaning)


def k_field() -> Field:
    """Returns the input `k`; the graph takes the largest and masks."""
    return Field(schema.K, "int32", "batch", 0, "results wanted; 0 or less: none")


def result_fields(data: prepared.PreparedData, score_meaning: str) -> tuple[Field, ...]:
    """Returns the outputs of a model that lists videos, best first."""
    dtype, missing = id_type(data)
    return (
        Field(schema.IDS, dtype, "batch, length", missing, "best first, then padding"),
        score_field(score_meaning),
        Field(schema.NUM_RESULTS, "int32", "batch", 0, "results that are not padding"),
    )


def describe(fields: Iterable[Field]) -> dict[str, dict[str, Any]]:
    """Returns the fields as JSON for the manifest."""
    described = {}
    for field in fields:
        values = dataclasses.asdict(field)
        described[values.pop("name")] = values
    return described


def read(described: dict[str, dict[str, Any]]) -> dict[str, Field]:
    """Returns the fields of `describe`'s JSON by name."""
    return {name: Field(name=name, **values) for name, values in described.items()}
