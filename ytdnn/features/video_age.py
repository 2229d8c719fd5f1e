"""How long before the request the video was uploaded (PAPER §3.3, §4.1: freshness)."""

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, encodings
from ytdnn.log import catalogues, fields, positions, prepared
from ytdnn.log import request as raw_request


class VideoAge(encodings.Continuous, base_feature.ReadAtRequest):
    """Seconds since the upload, 0 before it, -1 where a time is unknown."""

    name = "video_age_seconds"
    scope = base_feature.Scope.PAIR
    columns = ("videos.upload_time",)
    networks = default_in = frozenset({base_feature.RANKING})

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the time of the request."""
        del catalogue
        return (fields.time(),)

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Gathers upload times."""
        with tf.device("CPU"):
            uploads = tf.constant(_upload_times(log.data.catalogue))
        return lambda at: _age(at.times, tf.gather(uploads, at.videos))

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader with the upload times."""
        return _AgeOfRequest(_upload_times(data.catalogue))


class _AgeOfRequest(base_feature.RowsOfVideos):
    """Upload times, read as ages."""

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns `[batch, k] float32`."""
        return _age(request.times, super().__call__(request))


def _upload_times(catalogue: catalogues.Catalogue) -> np.ndarray:
    """Returns `[catalogue + 1] int64` seconds, 0 where the upload time is unknown."""
    known = catalogue.videos[schema.UPLOAD_TIME].cast(pl.Int64).fill_null(0)
    return np.append(0, known.to_numpy()).astype(np.int64)


def _age(times: tf.Tensor, uploads: tf.Tensor) -> tf.Tensor:
    return positions.seconds_since(times[..., tf.newaxis], uploads)


FEATURES = (VideoAge(),)
