"""The part of the day of the request (UTC): night, morning, afternoon or evening.

Coarser than `request_time`, for logs with few requests in each hour.
"""

import tensorflow as tf

from ytdnn.base import registries, schema
from ytdnn.features import base_feature, encodings
from ytdnn.log import catalogues, fields, positions, prepared
from ytdnn.log import request as raw_request

_PART_SECONDS = 6 * 3_600


@registries.FEATURES.register("part_of_day")
class PartOfDay(encodings.Categorical, base_feature.ReadAtRequest):
    """The quarter of the day (UTC), from 1 (midnight to six) to 4; 0 = unknown."""

    name = "part_of_day"
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = frozenset({base_feature.CANDIDATES, base_feature.RANKING})
    sees_request_time = True
    dim = 2

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the time of the request."""
        del catalogue
        return (fields.time(),)

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the number of quarters."""
        del data
        return schema.DAY_SECONDS // _PART_SECONDS

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Reads the time of the request."""
        del log
        return lambda at: _parts(at.times)

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Reads the time of the request."""
        del data
        return base_feature.FromRequest(_read)


def _read(request: raw_request.Request) -> tf.Tensor:
    return _parts(request.times)


def _parts(times: tf.Tensor) -> tf.Tensor:
    """Returns the quarters of times in seconds, `int32`; 0 where a time is 0."""
    parts = 1 + tf.cast(times % schema.DAY_SECONDS // _PART_SECONDS, tf.int32)
    return tf.where(times == 0, 0, parts)
