"""Who the user is: gender, country, age, language (PAPER §3.3, §4.1)."""

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn.base import schema, table_schemas
from ytdnn.features import base_feature, column_features, encodings
from ytdnn.log import fields, prepared, raw_request

MAX_AGE_YEARS = 100.0
_BOTH = frozenset({base_feature.CANDIDATES, base_feature.RANKING})


class Age(encodings.Share, column_features._Column):
    """The user's age over a hundred years, clipped to [0, 1]; -1 = missing."""

    def _field(self) -> fields.Field:
        most = table_schemas.MOST_AGE
        return fields.Field(self.column, "float32", "batch", -1.0, "years", 0.0, most)

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns the share of each user, `[users] float32`."""
        years = self.values(data).cast(pl.Float32).fill_nan(None).fill_null(-1.0)
        return _share(tf.constant(years.to_numpy())).numpy()

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Returns the share of the user."""
        return _share(request.raw[self.column])


def _share(years: tf.Tensor) -> tf.Tensor:
    share = tf.clip_by_value(years / MAX_AGE_YEARS, 0.0, 1.0)
    return tf.where(years >= 0.0, share, -1.0)


FEATURES = (
    column_features.TextColumn(schema.GENDER, "users.gender", _BOTH, dim=4),
    column_features.TextColumn(schema.COUNTRY, "users.country", _BOTH, dim=8),
    Age(schema.AGE, "users.age", _BOTH),
    column_features.TextColumn(
        "user_language", "users.language", frozenset({base_feature.RANKING})
    ),
)
