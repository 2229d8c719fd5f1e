"""Features that are a formula of sums over the user's own past (PAPER §4.1).

The formula is the same over a log and over a request; a feature of this kind declares
the table of events, the column by which they are grouped, and the formula.
"""

import abc

import tensorflow as tf

from ytdnn.features import base_feature, encodings, past_log, past_request, past_sums
from ytdnn.log import catalogues, fields, positions, prepared, schema
from ytdnn.log import request as raw_request


class OfPast(encodings.Continuous, base_feature.ReadAtRequest):
    """Base class of a number computed from sums over the user's earlier events.

    Attributes:
      table: Table of the events, watches or impressions.
      column: Column of the keys; `past_sums.VIDEO`: the video itself.
    """

    scope = base_feature.Scope.PAIR
    networks = default_in = frozenset({base_feature.RANKING})
    table: str
    column: str = past_sums.VIDEO

    @abc.abstractmethod
    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Returns the number, `[..., k]`, or `[..., 1]` for a feature of the query."""

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the fields of the events' and request's times, and impressions."""
        if self.table == schema.IMPRESSIONS:
            return fields.time(), *fields.shown(catalogue)
        return fields.watch_times(), fields.time()

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Computes sums for the ranker's impressions at once, for others on demand."""
        past = log.once(past_log.LogPast, lambda: past_log.LogPast(log))
        with tf.device("CPU"):
            of_ranked = self._shaped(past.at(self.table, self.column, None))

        def read(at: positions.Positions) -> tf.Tensor:
            if at.is_logged and past.are_ranked(at.rows):
                return tf.gather(of_ranked, tf.gather(past.places, at.rows))
            return self._shaped(past.at(self.table, self.column, at))

        return read

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader with the keys of the catalogue."""
        return _OfRequest(self, data)

    def _shaped(self, sums: past_sums.PastSums) -> tf.Tensor:
        found = tf.cast(self.value(sums), tf.float32)
        return tf.squeeze(found, -1) if self.scope.is_of_query else found


class _OfRequest(base_feature.RequestReader):
    """Reads the formula from the events of a request."""

    def __init__(self, feature: OfPast, data: prepared.PreparedData) -> None:
        """Shares the keys with all features of this kind."""
        super().__init__()
        self._feature = feature
        self._past = data.once(
            past_request.RequestPast, lambda: past_request.RequestPast(data)
        )

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns `[batch, k]`, or `[batch]` of the query, `float32`."""
        table, column = self._feature.table, self._feature.column
        return self._feature._shaped(self._past.sums(request, table, column))


def where_known(is_known: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns the values, -1 where `is_known` is false."""
    return tf.where(is_known, values, tf.cast(positions.MISSING, values.dtype))


def ratio(numerator: tf.Tensor, denominator: tf.Tensor) -> tf.Tensor:
    """Returns the quotient, -1 where the denominator is 0."""
    return where_known(denominator > 0.0, tf.math.divide_no_nan(numerator, denominator))


def smoothed_rate(clicks: tf.Tensor, impressions: tf.Tensor) -> tf.Tensor:
    """Returns `(clicks + 1) / (impressions + 10)`; without impressions, 0.1."""
    return (clicks + 1.0) / (impressions + 10.0)
