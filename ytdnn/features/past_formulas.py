"""Features that are a formula of sums over the user's own past (PAPER §4.1)."""

import abc
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import (
    base_feature,
    encodings,
    past_sums,
    past_sums_of_log,
    past_sums_of_request,
)
from ytdnn.log import io_fields, log_tensors, prepared, raw_request


class PastFeature(encodings.Continuous, base_feature.ReadAtRequest):
    """A number computed from sums over the user's earlier events.

    The formula is the same over a log and over a request; a feature declares the table
    of events, the column by which they are grouped, and the formula.

    Attributes:
      table: Table of the events, watches or impressions.
      column: Column of the keys; `past_sums.VIDEO`: the video itself.
      of_known_key: Whether the number is missing for videos without a key.
    """

    scope = base_feature.Scope.PAIR
    networks = default_in = frozenset({base_feature.RANKING})
    columns: tuple[str, ...] = ("watches.time",)
    table: str = schema.WATCHES
    column: str = past_sums.VIDEO
    of_known_key = False

    @property
    def opened_with(self) -> Hashable:
        """The sums it reads."""
        return self.table, self.column

    @abc.abstractmethod
    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Returns the number, `[..., k]`, or `[..., 1]` for a feature of the query."""

    @property
    def group(self) -> tuple[str, bool] | None:
        """Which features `together` reads at once; None: it is read alone."""
        return None if self.scope.is_of_query else (self.column, self.of_known_key)

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the fields of the events' and request's times, and impressions."""
        if self.table == schema.IMPRESSIONS:
            return io_fields.time(), *io_fields.shown(catalogue)
        if "watches.watch_seconds" in self.columns:
            return (io_fields.watched_seconds(),)
        return io_fields.watch_times(), io_fields.time()

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Computes sums for the ranker's impressions at once, for others on demand."""
        past_of = past_sums_of_log.LogPast

        def past() -> past_sums_of_log.LogPast:
            return past_of(log.data)

        with tf.device("CPU"):
            sums = log.shared(past_of, past).ranked_sums(self.table, self.column)
            of_ranked = self._shaped(sums)
        places = log.once(
            past_sums_of_log.places, lambda: past_sums_of_log.places(log.data)
        )

        def read(at: log_tensors.Positions) -> tf.Tensor:
            if at.is_logged and log_tensors.are_ranked(places, at.rows):
                return tf.gather(of_ranked, tf.gather(places, at.rows))
            return self._shaped(log.once(past_of, past).at(self.table, self.column, at))

        return read

    def open_request(self, data: prepared.PreparedData) -> "RequestPasts":
        """Returns the reader with the keys of the catalogue."""
        past = data.once(
            past_sums_of_request.RequestPast,
            lambda: past_sums_of_request.RequestPast(data),
        )
        return RequestPasts([self], past)

    def _shaped(self, sums: past_sums.PastSums) -> tf.Tensor:
        values = self.value(sums)
        if self.of_known_key:
            values = where_known(sums.is_known, values)
        values = tf.cast(values, tf.float32)
        return tf.squeeze(values, -1) if self.scope.is_of_query else values


class RequestPasts(base_feature.RequestReader):
    """Reads the formulas of one feature or several from the events of a request."""

    def __init__(
        self, features: Sequence[PastFeature], past: past_sums_of_request.RequestPast
    ) -> None:
        """Stores features of one group, and the sums."""
        super().__init__()
        self.features, self.past = features, past

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns the only feature, `[batch, k]`, or `[batch]` of the query."""
        (feature,) = self.features
        return feature._shaped(self._sums(feature, request))

    def every(self, request: raw_request.Request) -> dict[str, tf.Tensor]:
        """Returns the features by name, each `[batch, k] float32`."""
        sums = [self._sums(feature, request) for feature in self.features]
        values = [f.value(own) for f, own in zip(self.features, sums, strict=True)]
        stacked = tf.stack([tf.cast(each, tf.float64) for each in values])
        if self.features[0].of_known_key:
            stacked = where_known(sums[0].is_known, stacked)
        names = [feature.name for feature in self.features]
        return dict(zip(names, tf.unstack(tf.cast(stacked, tf.float32)), strict=True))

    def _sums(
        self, feature: PastFeature, request: raw_request.Request
    ) -> past_sums_of_request.RequestSums:
        return self.past.sums(request, feature.table, feature.column)


def together(
    readers: Mapping[str, base_feature.RequestReader],
) -> tuple[list[RequestPasts], dict[str, base_feature.RequestReader]]:
    """Joins the readers of numbers about the same keys.

    Args:
      readers: Reader of each feature by name.

    Returns:
      Readers of several features, and the readers of all others.
    """
    groups: dict[tuple[str, bool], list[RequestPasts]] = {}
    for reader in readers.values():
        if isinstance(reader, RequestPasts) and (group := reader.features[0].group):
            groups.setdefault(group, []).append(reader)
    pasts = [
        RequestPasts([past.features[0] for past in alike], alike[0].past)
        for alike in groups.values()
    ]
    taken = {feature.name for past in pasts for feature in past.features}
    return pasts, {n: reader for n, reader in readers.items() if n not in taken}


def where_known(is_known: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns the values, -1 where `is_known` is false."""
    return tf.where(is_known, values, tf.cast(log_tensors.MISSING, values.dtype))


def ratio(numerator: tf.Tensor, denominator: tf.Tensor) -> tf.Tensor:
    """Returns the quotient, -1 where the denominator is 0."""
    return where_known(denominator > 0.0, tf.math.divide_no_nan(numerator, denominator))


def smoothed_rate(clicks: tf.Tensor, impressions: tf.Tensor) -> tf.Tensor:
    """Returns `(clicks + 1) / (impressions + 10)`; without impressions, 0.1."""
    return (clicks + 1.0) / (impressions + 10.0)


def key(name: str) -> Any:
    """Returns the formula of a sum over events with the key of the video."""
    return lambda feature, sums: sums.key_sum(name)


def key_of_days(name: str) -> Any:
    """Returns the formula of a sum over recent events, -1 where time is unknown."""
    return lambda feature, sums: where_known(sums.times != 0, sums.key_sum(name))


def mean_of_key(total: str, number: str) -> Any:
    """Returns the formula of a mean over events with the key, -1 without any."""
    return lambda feature, sums: ratio(sums.key_sum(total), sums.key_sum(number))


def since_latest() -> Any:
    """Returns the formula of the seconds since the last event with the key."""
    return lambda feature, sums: sums.seconds_since_latest()
