"""Requests of many users at the end of the log, as a model's inputs.

The values are those that `requests.request_for_user` and `batches.inputs` make of one
user after the other; here they come from the arrays of the prepared set, and nothing
loops over users.
"""

import functools

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn import ragged, schema
from ytdnn.data import fields as fields_room
from ytdnn.data import prepared
from ytdnn.features import registry
from ytdnn.serving import batches

Users = npt.NDArray[np.integer]


class LoggedRequests:
    """The users of a prepared set, asked about one second after its last event.

    Attributes:
      data: The prepared set.
    """

    def __init__(self, data: prepared.PreparedData) -> None:
        """Takes the prepared set; nothing is read before it is asked for."""
        self.data = data

    def lengths(self, users: Users) -> npt.NDArray[np.int64]:
        """Returns how many events each user's request holds, `[n]`."""
        found: npt.NDArray[np.int64] = sum(
            (offsets[users + 1] - offsets[users] for offsets in self._offsets.values()),
            np.zeros(len(users), np.int64),
        )
        return found

    def num_watches(self, users: Users) -> npt.NDArray[np.int64]:
        """Returns the length of each history, `[n]`."""
        offsets = self._offsets[schema.WATCHES]
        found: npt.NDArray[np.int64] = offsets[users + 1] - offsets[users]
        return found

    def watched(self, users: Users) -> ragged.Ragged:
        """Returns all videos each user watched, catalogue indices."""
        ends = self._offsets[schema.WATCHES][users + 1]
        return self.data.watched_before(users, ends)

    def inputs(self, users: Users, fields: batches.Fields) -> dict[str, tf.Tensor]:
        """Returns the inputs of a signature, `[n]` or `[n, longest]`.

        What no log knows (`k`, the videos to leave out) has its value for missing.

        Args:
          users: `[n]` user indices.
          fields: The signature's inputs by name.
        """
        known = self._of_events(users, fields)
        return {
            name: known[name] if name in known else self._of_users(users, field)
            for name, field in fields.items()
        }

    def ids(self, videos: npt.NDArray[np.integer]) -> tf.Tensor:
        """Returns the ids of catalogue indices `[...]`, that of 0 missing."""
        return tf.gather(self._ids, videos)

    def _of_events(self, users: Users, fields: batches.Fields) -> dict[str, tf.Tensor]:
        """Returns the lists of what users watched, were shown and searched."""
        watches, shown = self.data.watches, self.data.shard.impressions
        found: dict[str, tf.Tensor] = {}
        rows = self._rows(schema.WATCHES, users)
        columns = {
            schema.WATCHED_VIDEO_IDS: watches.videos,
            schema.WATCH_TIMES: watches.times,
            schema.WATCHED_SECONDS: watches.seconds,
        }
        found |= self._lists(rows, columns, fields)
        if shown is not None:
            rows = self._rows(schema.IMPRESSIONS, users)
            columns = {
                schema.IMPRESSION_VIDEO_IDS: shown.videos,
                schema.IMPRESSION_TIMES: shown.times,
                schema.IMPRESSION_CLICKED: shown.clicked,
            }
            found |= self._lists(rows, columns, fields)
        if schema.QUERIES in fields and self.data.has_searches:
            found[schema.QUERIES] = self._queries(users)
        return found

    def _rows(self, table: str, users: Users) -> ragged.Ragged:
        """Returns the rows of a table's events of each user."""
        offsets = self._offsets[table]
        return ragged.ranges(offsets[users], offsets[users + 1])

    def _lists(
        self,
        rows: ragged.Ragged,
        columns: dict[str, npt.NDArray | None],
        fields: batches.Fields,
    ) -> dict[str, tf.Tensor]:
        """Returns the columns that a signature asks for, missing values in front."""
        found = {}
        places = ragged.Ragged(rows.offsets, np.arange(1, len(rows.values) + 1))
        padded = places.padded()
        for name, column in columns.items():
            if name not in fields or column is None:
                continue
            field = fields[name]
            is_id = name in (schema.WATCHED_VIDEO_IDS, schema.IMPRESSION_VIDEO_IDS)
            dtype = np.dtype(np.int32 if is_id else field.dtype)
            missing = np.array([0 if is_id else field.missing], dtype)
            values = np.concatenate([missing, np.asarray(column)[rows.values]])
            laid_out = values.astype(dtype)[padded]
            found[name] = self.ids(laid_out) if is_id else tf.constant(laid_out)
        return found

    def _queries(self, users: Users) -> tf.Tensor:
        rows = self._rows(schema.SEARCHES, users)
        first = int(rows.values.min(initial=len(self.data.searches)))
        stop = int(rows.values.max(initial=first - 1)) + 1
        texts = tf.constant(["", *self.data.queries(first, stop)], tf.string)
        places = ragged.Ragged(rows.offsets, rows.values - first + 1)
        return tf.gather(texts, places.padded())

    def _of_users(self, users: Users, field: fields_room.Field) -> tf.Tensor:
        """Returns what is known of the users themselves, or missing values."""
        shape = [len(users), 1] if field.is_list else [len(users)]
        missing = tf.constant(field.missing, tf.as_dtype(field.dtype))
        if field.name == schema.TIME:
            return tf.fill(shape, tf.constant(self.data.end_of_log + 1, tf.int64))
        if field.name not in self._columns:
            return tf.fill(shape, missing)
        values = self._columns[field.name].gather(pl.Series(users, dtype=pl.UInt32))
        if field.dtype == "string":
            texts = values.cast(pl.String).fill_null(field.missing)
            return tf.constant(texts.to_list(), tf.string)
        numbers = values.cast(pl.Float64).fill_nan(None).fill_null(field.missing)
        return tf.constant(numbers.to_numpy().astype(field.dtype))

    @functools.cached_property
    def _offsets(self) -> dict[str, npt.NDArray[np.int64]]:
        """Where the events of each user begin, `[users + 1]` of each table."""
        data = self.data
        found = {schema.WATCHES: np.asarray(data.watches.offsets)}
        if data.has_impressions:
            rows = data.impressions.rows_of_users(data.num_users)
            found[schema.IMPRESSIONS] = rows
        if data.has_searches:
            found[schema.SEARCHES] = np.asarray(data.searches.offsets)
        return found

    @functools.cached_property
    def _columns(self) -> dict[str, pl.Series]:
        """What is known of users, by the name of the field."""
        return {
            name: column
            for feature in registry.readable(self.data)
            for name, column in feature.user_columns(self.data).items()
        }

    @functools.cached_property
    def _ids(self) -> tf.Tensor:
        """The id of each catalogue index, `[videos + 1]`, that of 0 missing."""
        dtype, missing = fields_room.id_type(self.data)
        ids = [missing, *self.data.videos[schema.VIDEO_ID].to_list()]
        with tf.device("CPU"):
            return tf.constant(ids, tf.as_dtype(dtype))
