"""Whether the request is made at a weekend (UTC)."""

import tensorflow as tf

from ytdnn import registries
from ytdnn.features import base_feature, encodings
from ytdnn.log import io_fields

_DAY, _THURSDAY = 86_400, 3  # times begin on a Thursday; Monday is 0


def _is_weekend(times):
    day = (times // _DAY + _THURSDAY) % 7
    return tf.where(times == 0, -1.0, tf.cast(day >= 5, tf.float32))


@registries.FEATURES.register("weekend")
class Weekend(encodings.Continuous, base_feature.ReadAtRequest):
    """1 on Saturday and Sunday, 0 on other days, -1 where the time is unknown."""

    name = "weekend"
    scope = base_feature.Scope.REQUEST
    columns = ("watches.time",)
    networks = frozenset({base_feature.RANKING})

    def fields(self, catalogue):
        """Returns the key of requests that it reads."""
        return (io_fields.time(),)

    def open_log(self, log):
        """Returns its value at positions of the log."""
        return lambda at: _is_weekend(at.times)

    def open_request(self, data):
        """Returns its value from requests."""
        return base_feature.FromRequest(lambda request: _is_weekend(request.times))
