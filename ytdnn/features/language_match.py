"""Whether the video is in the user's language (PAPER §4.1)."""

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, encodings
from ytdnn.log import catalogues, fields, lookups, positions, prepared
from ytdnn.log import request as raw_request

_UNKNOWN, _DIFFERS, _SAME = 0, 1, 2


class LanguageMatch(encodings.Categorical, base_feature.ReadAtRequest):
    """1 if the user's and the video's language differ, 2 if they are the same.

    0 if either is unknown, or is a language of no user or no video of the log.
    """

    name = "language_match"
    scope = base_feature.Scope.PAIR
    columns = ("users.language", "videos.language")
    networks = default_in = frozenset({base_feature.RANKING})

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns 2: different, or the same."""
        del data
        return _SAME

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the user's language."""
        del catalogue
        return (fields.text(schema.LANGUAGE),)

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Gathers both languages."""
        known = _vocabulary(log.data)
        with tf.device("CPU"):
            of_users = tf.constant(_indices(log.data.users, known))
            of_videos = tf.constant(_of_catalogue(log.data.catalogue, known))

        def read(at: positions.Positions) -> tf.Tensor:
            mine = tf.gather(of_users, at.users)[..., tf.newaxis]
            return _match(mine, tf.gather(of_videos, at.videos))

        return read

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader with the languages of videos and their indices."""
        return _OfRequest(data)


class _OfRequest(base_feature.RowsOfVideos):
    """Languages of videos, compared with the request's."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Copies the languages."""
        known = _vocabulary(data)
        super().__init__(_of_catalogue(data.catalogue, known))
        self._values = lookups.TextVocabulary(known)

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns `[batch, k] int32`."""
        mine = self._values.indices(request.raw[schema.LANGUAGE])
        return _match(mine[:, tf.newaxis], super().__call__(request))


def _vocabulary(data: prepared.PreparedData) -> list[str]:
    """Returns the languages of users and videos in order, as text."""
    columns = (data.users[schema.LANGUAGE], data.videos[schema.LANGUAGE])
    values = pl.concat([column.cast(pl.String) for column in columns])
    found: list[str] = values.drop_nulls().unique().sort().to_list()
    return found


def _indices(frame: pl.DataFrame, known: list[str]) -> np.ndarray:
    """Returns the index of each row's language, `[rows] int32`, 0 if unknown."""
    places = {value: i for i, value in enumerate(known, 1)}
    values = frame[schema.LANGUAGE].cast(pl.String)
    found = values.replace_strict(places, default=0, return_dtype=pl.Int32)
    return found.fill_null(0).to_numpy().astype(np.int32)


def _of_catalogue(catalogue: catalogues.Catalogue, known: list[str]) -> np.ndarray:
    return np.append(np.int32(0), _indices(catalogue.videos, known))


def _match(of_users: tf.Tensor, of_videos: tf.Tensor) -> tf.Tensor:
    match = tf.where(of_users == of_videos, _SAME, _DIFFERS)
    return tf.where((of_users > 0) & (of_videos > 0), match, _UNKNOWN)


FEATURES = (LanguageMatch(),)
