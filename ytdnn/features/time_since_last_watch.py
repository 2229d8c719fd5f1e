"""How long ago the user watched anything (PAPER §4.1)."""

import tensorflow as tf

from ytdnn.features import base_feature, encodings
from ytdnn.log import catalogues, fields, positions, prepared
from ytdnn.log import request as raw_request


class SecondsSinceLastWatch(encodings.Continuous, base_feature.ReadAtRequest):
    """Seconds since the last watch before the request, -1 = none or unknown."""

    name = "seconds_since_last_watch"
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = default_in = frozenset({base_feature.RANKING})

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the times of watches and of the request."""
        del catalogue
        return fields.watch_times(), fields.time()

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Reads the last watch of the history."""
        return lambda at: positions.seconds_since(
            at.times, positions.last_watch_times(log, at)
        )

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Reads the times of the request and of the last watch."""
        del data
        return base_feature.FromRequest(_read)


def _read(request: raw_request.Request) -> tf.Tensor:
    return positions.seconds_since(request.times, request.last_watch_times)


FEATURES = (SecondsSinceLastWatch(),)
