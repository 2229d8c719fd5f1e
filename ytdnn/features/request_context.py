"""The context of a request: device, log-in state, time, and the age of an example."""

from typing import Any, TypeAlias

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, column_features, encodings
from ytdnn.layers import continuous, embeddings
from ytdnn.log import io_fields, log_tensors, prepared, raw_request

Layer: TypeAlias = tf.keras.layers.Layer

Place = base_feature.Place
Statistics = base_feature.FeatureStatistics
Settings = base_feature.EncoderSettings
PreparedData = prepared.PreparedData

_HOUR_SECONDS = 3_600
_FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday, Monday is 0
_NUM_BUCKETS = 32  # of the time since the last watch, each twice as long
_BOTH = frozenset({base_feature.CANDIDATES, base_feature.RANKING})


class Device(encodings.Categorical, base_feature.ReadAtRequest):
    """The device of the watch or impression to predict, categorical."""

    name = schema.DEVICE
    scope = base_feature.Scope.REQUEST
    dim = 4

    def __init__(self, network: str, table: str) -> None:
        """Declares the feature for a network with rows of a table as examples."""
        self.columns = (f"{table}.{schema.DEVICE}",)
        self.networks = self.default_in = frozenset({network})

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the device's name."""
        return (io_fields.text(schema.DEVICE),)

    def request_values(self, data: PreparedData, place: Place) -> dict[str, Any]:
        """Returns the device of the watch that the request led to."""
        devices = data.watches.devices
        if not place.is_watch or devices is None:
            return {}
        device = int(devices[place.end])
        return {schema.DEVICE: self.known_values(data)[device - 1]} if device else {}

    def known_values(self, data: PreparedData) -> list[str]:
        """Returns the names of the devices."""
        return data.catalogue.vocabularies.get(schema.DEVICE, [])

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Reads the request's own event."""
        return lambda at: log.event_field("devices", at, 0)

    def open_request(self, data: PreparedData) -> base_feature.RequestReader:
        """Looks the name up."""
        return column_features.TextOfRequest(schema.DEVICE, self.known_values(data))


class ExampleAge(base_feature.TrainingOnly):
    """`(t_max − t) / (t_max − t_min)` of the training window, in [0, 1]; served 0.

    Trained on weeks of data, a network learns a video's average popularity over them.
    With each example's age as a feature, and 0 in serving, it follows changes of
    popularity (PAPER §3.3, figure 4). It is meant for models that serve right after
    their training window: weeks later, age 0 still means the popularity at the end of
    training. Examples after the window have age 0.
    """

    name = "example_age"
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = frozenset({base_feature.CANDIDATES})

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Reads the time of the request."""
        first, last = log.data.windows.training_window

        def read(at: log_tensors.Positions) -> tf.Tensor:
            ages = tf.cast(last - at.times, tf.float32) / float(max(1, last - first))
            return tf.clip_by_value(ages, 0.0, 1.0)

        return read

    def encoder(self, measured: Statistics, settings: Settings) -> Layer:
        """Returns the age itself, one coordinate."""
        return continuous.AlwaysKnown(name=self.name)


class LoggedIn(encodings.Share, base_feature.ReadAtRequest):
    """The logged-in state: 0, 1, or -1 = unknown."""

    name = schema.LOGGED_IN
    scope = base_feature.Scope.REQUEST
    columns = ("watches.logged_in",)
    networks = default_in = frozenset({base_feature.CANDIDATES})

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the state."""
        meaning = "1: logged in, 0: not"
        name = schema.LOGGED_IN
        return (
            io_fields.Field(name, "int32", "batch", -1, meaning, -1, 1, is_flag=True),
        )

    def request_values(self, data: PreparedData, place: Place) -> dict[str, Any]:
        """Returns the state at the watch that the request led to."""
        states = data.watches.logged_in
        if not place.is_watch or states is None:
            return {}
        return {schema.LOGGED_IN: int(states[place.end])}

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Reads the request's own event, or the last watch before an impression."""

        def read(at: log_tensors.Positions) -> tf.Tensor:
            if at.event == "watches":
                return tf.cast(log.event_field("logged_in", at, -1), tf.float32)
            starts = tf.gather(log.column("watches", "offsets"), at.users)
            last = tf.maximum(at.ends - 1, 0)
            states = tf.cast(
                tf.gather(log.column("watches", "logged_in"), last), tf.float32
            )
            return tf.where(at.ends > starts, states, log_tensors.MISSING)

        return read

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the state of the request, clipped to its range."""
        state = tf.clip_by_value(request.raw[schema.LOGGED_IN], -1, 1)
        return tf.cast(state, tf.float32)


class RequestTime(base_feature.ReadAtRequest):
    """Hour, weekday and time since the last watch, as indices `[..., 3] int32`.

    The ranker reads it by default (PAPER §4.1). For candidates it is beyond the paper:
    published numbers that see the request's time are not comparable to those that do
    not, so it is off by default and every result of a candidate model that reads it
    says so.
    """

    name = "request_time"
    dtype = tf.int32
    inner_shape = (3,)
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = _BOTH
    default_in = frozenset({base_feature.RANKING})
    sees_request_time = True

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the times of watches and of the request."""
        return io_fields.watch_times(), io_fields.time()

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether the time of each index is known."""
        return values > 0

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Reads the time of the request, if the log has it."""

        def read(at: log_tensors.Positions) -> tf.Tensor:
            return _indices(at.times, log_tensors.last_watch_times(log, at))

        return read

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the time of the request."""
        return _indices(request.times, request.last_watch_times)

    def encoder(self, measured: Statistics, settings: Settings) -> Layer:
        """Returns an embedding of each."""
        return RequestTimeEmbedding(name=self.name)


def _indices(times: tf.Tensor, last_watch_times: tf.Tensor) -> tf.Tensor:
    pauses = log_tensors.seconds_since(times, last_watch_times)
    return tf.stack(
        [
            hour_indices(times),
            weekday_indices(times),
            pause_indices(pauses),
        ],
        axis=-1,
    )


class SecondsSinceLastWatch(encodings.Continuous, base_feature.ReadAtRequest):
    """Seconds since the last watch before the request, -1 = none or unknown."""

    name = "seconds_since_last_watch"
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = default_in = frozenset({base_feature.RANKING})

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the times of watches and of the request."""
        return io_fields.watch_times(), io_fields.time()

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Reads the last watch of the history."""
        return lambda at: log_tensors.seconds_since(
            at.times, log_tensors.last_watch_times(log, at)
        )

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Reads the times of the request and of the last watch."""
        return log_tensors.seconds_since(request.times, request.last_watch_times)


class RequestTimeEmbedding(Layer):
    """Embeddings of hour and weekday (UTC), and of log₂ of the time since a watch."""

    def __init__(self, dim: int = 8, **kwargs: Any) -> None:
        """Creates the layer.

        Args:
          dim: Width of each of the three embeddings.
          **kwargs: Arguments of `Layer`.
        """
        super().__init__(**kwargs)
        self.dim = dim
        self.hours = embeddings.EmbeddingTable(24, dim, name="hours")
        self.weekdays = embeddings.EmbeddingTable(7, dim, name="weekdays")
        self.pauses = embeddings.EmbeddingTable(_NUM_BUCKETS, dim, name="pauses")

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 3 · dim] float32`.

        Args:
          indices: `[..., 3] int32` of hour, weekday and time since the last watch, as
            the functions below give them; 0 = unknown.
        """
        tables = (self.hours, self.weekdays, self.pauses)
        parts = [table(indices[..., i]) for i, table in enumerate(tables)]
        return tf.concat(parts, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        return {**super().get_config(), "dim": self.dim}


def hour_indices(times: tf.Tensor) -> tf.Tensor:
    """Returns 1 … 24 for the hours from midnight on (UTC), 0 where unknown."""
    hours = tf.math.floormod(tf.math.floordiv(times, _HOUR_SECONDS), 24)
    return _known(times, hours)


def weekday_indices(times: tf.Tensor) -> tf.Tensor:
    """Returns 1 … 7 for Monday to Sunday (UTC), 0 where unknown."""
    days = tf.math.floordiv(times, schema.DAY_SECONDS) + _FIRST_WEEKDAY
    return _known(times, tf.math.floormod(days, 7))


def pause_indices(seconds: tf.Tensor) -> tf.Tensor:
    """Returns 1 + ⌊log₂(1 + seconds)⌋, at most 32; 0 where unknown (negative)."""
    power = tf.math.log(1.0 + tf.maximum(seconds, 0.0)) / tf.math.log(2.0)
    # A power of two may come out a rounding error below its logarithm.
    bucket = 1 + tf.cast(tf.floor(power + 1e-5), tf.int32)
    bucket = tf.minimum(bucket, _NUM_BUCKETS)
    return tf.where(seconds >= 0.0, bucket, tf.zeros_like(bucket))


def _known(times: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    indices = 1 + tf.cast(places, tf.int32)
    return tf.where(times != 0, indices, tf.zeros_like(indices))


FEATURES = (
    Device(base_feature.CANDIDATES, schema.WATCHES),
    Device(base_feature.RANKING, schema.IMPRESSIONS),
    ExampleAge(),
    LoggedIn(),
    RequestTime(),
    SecondsSinceLastWatch(),
)
