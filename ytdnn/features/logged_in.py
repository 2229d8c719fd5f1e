"""Whether the user is logged in (PAPER §3.3)."""

from typing import Any

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, encodings
from ytdnn.log import catalogues, fields, positions, prepared
from ytdnn.log import request as raw_request


class LoggedIn(encodings.Share, base_feature.ReadAtRequest):
    """The logged-in state: 0, 1, or -1 = unknown."""

    name = schema.LOGGED_IN
    scope = base_feature.Scope.REQUEST
    columns = ("watches.logged_in",)
    networks = default_in = frozenset({base_feature.CANDIDATES})

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the state."""
        del catalogue
        meaning = "1: logged in, 0: not"
        return (
            fields.Field(
                schema.LOGGED_IN, "int32", "batch", -1, meaning, -1, 1, is_flag=True
            ),
        )

    def request_values(
        self, data: prepared.PreparedData, place: base_feature.Place
    ) -> dict[str, Any]:
        """Returns the state at the watch that the request led to."""
        states = data.watches.logged_in
        if not place.is_watch or states is None:
            return {}
        return {schema.LOGGED_IN: int(states[place.end])}

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Reads the request's own event, or the last watch before an impression."""

        def read(at: positions.Positions) -> tf.Tensor:
            if at.event == "watches":
                return tf.cast(log.of_event("logged_in", at, -1), tf.float32)
            starts = tf.gather(log.column("watches", "offsets"), at.users)
            last = tf.maximum(at.ends - 1, 0)
            states = tf.cast(
                tf.gather(log.column("watches", "logged_in"), last), tf.float32
            )
            return tf.where(at.ends > starts, states, positions.MISSING)

        return read

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Reads the state of the request, clipped to its range."""
        del data
        return base_feature.FromRequest(_read)


def _read(request: raw_request.Request) -> tf.Tensor:
    state = tf.clip_by_value(request.raw[schema.LOGGED_IN], -1, 1)
    return tf.cast(state, tf.float32)


FEATURES = (LoggedIn(),)
