"""When the request is made: hour and weekday (UTC), and the time since the last watch.

The ranker reads it by default (PAPER §4.1). For candidates it is beyond the paper:
published numbers that see the request's time are not comparable to those that do not,
so it is off by default and every result of a candidate model that reads it says so.
"""

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.features import base_feature
from ytdnn.layers import request_time
from ytdnn.log import catalogues, fields, positions, prepared
from ytdnn.log import request as raw_request


class RequestTime(base_feature.ReadAtRequest):
    """Hour, weekday and time since the last watch, as indices `[..., 3] int32`."""

    name = "request_time"
    dtype = tf.int32
    inner_shape = (3,)
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = frozenset({base_feature.CANDIDATES, base_feature.RANKING})
    default_in = frozenset({base_feature.RANKING})
    sees_request_time = True

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the times of watches and of the request."""
        del catalogue
        return fields.watch_times(), fields.time()

    def measure(self, data: prepared.PreparedData) -> base_feature.Measured:
        """Returns no statistics: hours and weekdays are the same for every log."""
        del data
        return base_feature.Measured()

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether the time of each index is known."""
        return values > 0

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Reads the time of the request, if the log has it."""

        def read(at: positions.Positions) -> tf.Tensor:
            return _indices(at.times, positions.last_watch_times(log, at))

        return read

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Reads the time of the request."""
        del data
        return base_feature.FromRequest(_read)

    def encoder(
        self,
        measured: base_feature.Measured,
        stddev: float,
        normalization: configs.Normalization = base_feature.QUANTILES,
    ) -> tf.keras.layers.Layer:
        """Returns an embedding of each."""
        del measured, stddev, normalization
        return request_time.RequestTimeEmbedding(name=self.name)


def _read(request: raw_request.Request) -> tf.Tensor:
    return _indices(request.times, request.last_watch_times)


def _indices(times: tf.Tensor, last_watch_times: tf.Tensor) -> tf.Tensor:
    pauses = positions.seconds_since(times, last_watch_times)
    return tf.stack(
        [
            request_time.hour_indices(times),
            request_time.weekday_indices(times),
            request_time.pause_indices(pauses),
        ],
        axis=-1,
    )


FEATURES = (RequestTime(),)
