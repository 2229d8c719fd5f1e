"""Requests of the users of a log: at its end, or at any position.

They are JSON for single users, and a model's inputs for many (`LoggedRequests`): these
equal what `batches.inputs` makes of `at_end`, without a loop over users. Only the
shards of these users are read, so memory does not grow with the log.
"""

import difflib
import functools

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import errors, ragged, schema
from ytdnn.bundle import batches, requests
from ytdnn.features import base_feature as features_interface
from ytdnn.features import own_columns
from ytdnn.log import io_fields, prepared, prepared_log

Request = requests.Request
PreparedData = prepared.PreparedData

Users = npt.NDArray[np.integer]

# What requests hold of events, and its place in the tables of a shard.
_COLUMNS = {
    schema.WATCHES: {
        schema.WATCHED_VIDEO_IDS: "videos",
        schema.WATCH_TIMES: "times",
        schema.WATCHED_SECONDS: "seconds",
    },
    schema.IMPRESSIONS: {
        schema.IMPRESSION_VIDEO_IDS: "videos",
        schema.IMPRESSION_TIMES: "times",
        schema.IMPRESSION_CLICKED: "clicked",
    },
}


def at_end(
    data: PreparedData, user_id: str | int, k: int = requests.DEFAULT_K
) -> Request:
    """Returns a user's request at the end of the log, one second after its last event.

    Args:
      data: The prepared set.
      user_id: Id as in the log; an integer id may be given as text.
      k: Number of results.

    Raises:
      errors.UserError: The log has no such user.
    """
    return at_end_of(data, _user_index(data.log, user_id), k)


def at_end_of(data: PreparedData, user: int, k: int = requests.DEFAULT_K) -> Request:
    """Returns a user's request as `at_end` does.

    Args:
      data: The prepared set.
      user: User index.
      k: Number of results.
    """
    own = data
    if len(data.log.shards) > 1:
        own = data.with_log(data.log.read_users(np.array([user])))
    end = int(own.watches.offsets[user + 1])
    request = at_position(own, user, end, data.windows.end_of_log + 1)
    return request | {schema.K: k}


def at_position(data: PreparedData, user: int, end_watch: int, time: int) -> Request:
    """Returns the request of a user as of a position of the log.

    The request has all columns of the log; a bundle may read fewer (`Bundle.fitting`).

    Args:
      data: The prepared set.
      user: User index.
      end_watch: Flat position where the history ends: the watch there is not part of
        it, but the request has its device.
      time: Time of the request, the end of searches and impressions. 0 = unknown:
        searches before the watch at `end_watch`.
    """
    ids = [None, *data.videos[schema.VIDEO_ID].to_list()]  # by catalogue index
    watches = slice(int(data.watches.offsets[user]), end_watch)
    videos = data.watches.videos[watches].tolist()
    request = {
        schema.WATCHED_VIDEO_IDS: [ids[i] for i in videos],
        schema.WATCH_TIMES: data.watches.times[watches].tolist(),
        schema.TIME: time,
    }
    if data.watches.seconds is not None:
        request[schema.WATCHED_SECONDS] = data.watches.seconds[watches].tolist()
    is_watch = end_watch < int(data.watches.offsets[user + 1])
    place = features_interface.Place(user, end_watch, time, is_watch)
    for feature in own_columns.readable(data):
        request |= feature.request_values(data, place)
    if data.catalogue.has_searches:
        request[schema.QUERIES] = _queries(data, user, end_watch, time)
    if data.log.has_impressions:
        request |= _impressions(data.log, user, time, ids)
    return request


def _impressions(
    log: prepared_log.UserLog, user: int, time: int, ids: list[str | int | None]
) -> Request:
    """Returns the impressions of a user before a time, in the log's order."""
    shown = log.impressions
    rows = slice(*np.searchsorted(shown.users, [user, user + 1]))
    before = np.asarray(shown.times[rows] < time)
    videos = shown.videos[rows][before].tolist()
    return {
        schema.IMPRESSION_VIDEO_IDS: [ids[i] for i in videos],
        schema.IMPRESSION_TIMES: shown.times[rows][before].tolist(),
        schema.IMPRESSION_CLICKED: shown.clicked[rows][before].astype(int).tolist(),
    }


def _queries(data: PreparedData, user: int, end_watch: int, time: int) -> list[str]:
    start, stop = data.log.searches.offsets[user : user + 2].tolist()
    if time:
        stop = start + int(np.searchsorted(data.log.searches.times[start:stop], time))
    elif end_watch < data.watches.offsets[user + 1]:
        stop = start + int(np.asarray(data.watches.num_searches)[end_watch])
    if data.whole is not data:  # the texts are found by positions of the whole
        first = int(data.whole.log.shard_index.offsets("searches")[user])
        start, stop = first, first + stop - start
    return data.log.queries.texts(start, stop)


def _user_index(log: prepared_log.UserLog, user_id: str | int) -> int:
    ids = log.users[schema.USER_ID].cast(pl.String)
    index = ids.index_of(str(user_id))
    if index is None:
        # Bounded, as a comparison with all ids of a large log takes seconds.
        close = difflib.get_close_matches(str(user_id), ids.head(100_000), n=1)
        hint = f": did you mean {close[0]}?" if close else f", such as {ids[0]}"
        raise errors.UserError(
            f"expected a user of the {len(ids):,} in {log.directory}, received "
            f"{errors.shown(user_id)}{hint}"
        )
    return int(index)


class LoggedRequests:
    """Requests of a prepared set's users, one second after its last event.

    Attributes:
      data: The prepared set.
    """

    def __init__(self, data: PreparedData) -> None:
        """Stores the prepared set; shards are read on first use."""
        self.data = data

    @property
    def time(self) -> int:
        """Time of the requests, seconds: one after the end of the log."""
        return self.data.windows.end_of_log + 1

    def lengths(self, users: Users) -> npt.NDArray[np.int64]:
        """Returns the number of events in each user's request, `[n]`."""
        index = self.data.log.shard_index
        return index.events_before(users + 1) - index.events_before(users)

    def num_watches(self, users: Users) -> npt.NDArray[np.int64]:
        """Returns the length of each history, `[n]`."""
        offsets = self.data.log.shard_index.offsets(schema.WATCHES)
        return np.asarray(offsets[users + 1] - offsets[users])

    def watched(self, users: Users) -> ragged.Ragged:
        """Returns all videos each user watched, catalogue indices."""
        ends = self.data.log.shard_index.offsets(schema.WATCHES)[users + 1]
        return self.data.log.shard_index.watched_before(users, ends)

    def inputs(self, users: Users, fields: batches.Fields) -> dict[str, tf.Tensor]:
        """Returns the inputs of a signature, `[n]` or `[n, longest]`.

        Fields that are not in a log (`k`, excluded videos) get their missing value.

        Args:
          users: `[n]` user indices.
          fields: The signature's inputs by name.
        """
        known: dict[str, tf.Tensor] = {}
        for table, columns in _COLUMNS.items():
            if table == schema.WATCHES or self.data.log.has_impressions:
                known |= self._lists(table, columns, users, fields)
        if schema.QUERIES in fields and self.data.catalogue.has_searches:
            known[schema.QUERIES] = self._queries(users)
        return {
            name: known[name] if name in known else self._user_values(users, field)
            for name, field in fields.items()
        }

    def ids(self, videos: npt.NDArray[np.integer]) -> tf.Tensor:
        """Returns the ids of catalogue indices `[...]`, the missing id for 0."""
        return tf.gather(self._ids, videos)

    def _rows(self, table: str, users: Users) -> ragged.Ragged:
        """Returns the rows of a table's events of each user."""
        offsets = self.data.log.shard_index.offsets(table)
        return ragged.ranges(offsets[users], offsets[users + 1])

    def _lists(
        self, table: str, columns: dict[str, str], users: Users, fields: batches.Fields
    ) -> dict[str, tf.Tensor]:
        """Returns the columns that a signature needs, padded in front."""
        tensors = {}
        rows = self._rows(table, users)
        places = ragged.Ragged(rows.offsets, np.arange(1, len(rows.values) + 1))
        padded = places.padded()
        index = self.data.log.shard_index
        for name, column in columns.items():
            if name not in fields or not index.has(table, column):
                continue
            field = fields[name]
            is_id = name in (schema.WATCHED_VIDEO_IDS, schema.IMPRESSION_VIDEO_IDS)
            dtype = np.dtype(np.int32 if is_id else field.dtype)
            missing = np.array([0 if is_id else field.missing], dtype)
            values = index.gather(table, column, rows.values)
            laid_out = np.concatenate([missing, values]).astype(dtype)[padded]
            tensors[name] = self.ids(laid_out) if is_id else tf.constant(laid_out)
        return tensors

    def _queries(self, users: Users) -> tf.Tensor:
        rows = self._rows(schema.SEARCHES, users)
        end = self.data.log.shard_index.offsets(schema.SEARCHES)[-1]
        first = int(rows.values.min(initial=end))
        stop = int(rows.values.max(initial=first - 1)) + 1
        texts = tf.constant(["", *self.data.log.queries.texts(first, stop)], tf.string)
        places = ragged.Ragged(rows.offsets, rows.values - first + 1)
        return tf.gather(texts, places.padded())

    def _user_values(self, users: Users, field: io_fields.Field) -> tf.Tensor:
        """Returns a field of the users themselves, or missing values."""
        shape = [len(users), 1] if field.is_list else [len(users)]
        missing = tf.constant(field.missing, tf.as_dtype(field.dtype))
        if field.name == schema.TIME:
            return tf.fill(shape, tf.constant(self.time, tf.int64))
        if field.name not in self._columns:
            return tf.fill(shape, missing)
        values = self._columns[field.name].gather(pl.Series(users, dtype=pl.UInt32))
        if field.width:
            none = pl.Series([[field.missing] * field.width], dtype=values.dtype)
            flat = pl.select(values.fill_null(none)).to_series().explode().to_numpy()
            return tf.constant(flat.reshape(-1, field.width).astype(field.dtype))
        if field.dtype == "string":
            texts = values.cast(pl.String).fill_null(field.missing)
            return tf.constant(texts.to_list(), tf.string)
        numbers = values.cast(pl.Float64).fill_nan(None).fill_null(field.missing)
        return tf.constant(numbers.to_numpy().astype(field.dtype))

    @functools.cached_property
    def _columns(self) -> dict[str, pl.Series]:
        """Columns of users, by the name of the field."""
        columns = [f.user_columns(self.data) for f in own_columns.readable(self.data)]
        return {name: column for each in columns for name, column in each.items()}

    @functools.cached_property
    def _ids(self) -> tf.Tensor:
        """The id of each catalogue index, `[videos + 1]`, the missing id for 0."""
        dtype, missing = io_fields.id_type(self.data.catalogue)
        ids = [missing, *self.data.videos[schema.VIDEO_ID].to_list()]
        with tf.device("CPU"):
            return tf.constant(ids, tf.as_dtype(dtype))
