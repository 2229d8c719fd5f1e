"""Features that are a column of `users` or `videos`, the user's own columns included.

A column of numbers is continuous, any other column categorical over the values in the
log. A feature of a standard column is one line; `own_columns.feature` returns the
feature of any other column.
"""

from typing import Any

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn.base import ragged, schema, table_schemas
from ytdnn.features import base_feature, encodings
from ytdnn.layers import embeddings
from ytdnn.log import events, io_fields, log_tensors, lookups, prepared, raw_request

# Known values of a column of text, the most clicked ones (PAPER §4.1).
MAX_VALUES = 10_000
# Of a text of the user's own that has more: each value has the place of its hash.
HASH_BUCKETS = 4_096
MAX_AGE_YEARS = 100.0
_LOWEST = float(np.finfo(np.float32).min)
_BOTH = frozenset({base_feature.CANDIDATES, base_feature.RANKING})


class _Column(base_feature.ReadAtRequest):
    """Base class of a feature of one column of `users` or `videos`.

    Attributes:
      missing: Value of the row for index 0.
      is_user: Whether it is a column of `users`.
    """

    missing: float = 0

    def __init__(
        self, name: str, column: str, default_in: frozenset[str] = frozenset()
    ) -> None:
        """Declares the feature.

        Args:
          name: Name of the feature.
          column: Column, such as "users.country" or "videos.language".
          default_in: Networks that read it by default.
        """
        table, self.column = column.split(".", 1)
        self.is_user = table == schema.USERS
        scopes = base_feature.Scope
        self.name = name
        self.scope = scopes.USER if self.is_user else scopes.VIDEO
        self.columns = (column,)
        self.networks = _BOTH if self.is_user else base_feature.OF_VIDEOS
        self.default_in = default_in

    def values(self, data: prepared.PreparedData) -> pl.Series:
        """Returns the column, a row for each user or video of the catalogue."""
        return (data.users if self.is_user else data.videos)[self.column]

    def request_values(
        self, data: prepared.PreparedData, place: base_feature.Place
    ) -> dict[str, Any]:
        """Returns the user's value, for a column of `users`."""
        value = self.values(data)[place.user] if self.is_user else None
        return {} if value is None else {self.column: value}

    def user_columns(self, data: prepared.PreparedData) -> dict[str, pl.Series]:
        """Returns the users' column, for a column of `users`."""
        return {self.column: self.values(data)} if self.is_user else {}

    def _field(self) -> io_fields.Field:
        return io_fields.text(self.column)

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the user's value; a video's value is in the exported table."""
        return (self._field(),) if self.is_user else ()

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns the value of each row of the table; vectors override `rows`."""
        raise NotImplementedError

    def rows(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns the tensor's value of each user, or video after a row for index 0."""
        values = self.encoded(data)
        if self.is_user:
            return values
        return np.append(values.dtype.type(self.missing), values)

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Gathers by user or by video."""
        key = type(self), *vars(self).values()  # all that was declared

        def make() -> tf.Tensor:
            with tf.init_scope(), tf.device("CPU"):
                return tf.constant(self.rows(log.data))

        rows = log.data.once(key, make)
        if self.is_user:
            return lambda at: tf.gather(rows, at.users)
        return lambda at: tf.gather(rows, at.videos)

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Looks the user's value up, or gathers by video."""
        if self.is_user:
            return self._user_reader(data)
        return base_feature.RowsOfVideos(self.rows(data))

    def _user_reader(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        return base_feature.FromRequest(self.from_request)


class TextColumn(encodings.Categorical, _Column):
    """A text, or an id: categorical."""

    def __init__(
        self,
        name: str,
        column: str,
        default_in: frozenset[str] = frozenset(),
        dim: int = 0,
        max_values: int = MAX_VALUES,
    ) -> None:
        """Declares the feature; see `_Column`.

        Args:
          name: Name of the feature.
          column: Column, such as "users.country".
          default_in: Networks that read it by default.
          dim: Width of the embedding; 0: by the number of values.
          max_values: Maximum size of the vocabulary; see `known_values`.
        """
        super().__init__(name, column, default_in)
        self.dim = dim
        self.max_values = max_values

    def known_values(self, data: prepared.PreparedData) -> list[str]:
        """Returns the values of the vocabulary in order, as text.

        Where the column has more than `max_values` values, the vocabulary keeps those
        with most clicks in the ranker's training impressions (or, without impressions,
        with most training watches); ties by value. All others are out of vocabulary
        (PAPER §4.1).
        """
        key = TextColumn, self.columns, self.max_values
        return data.once(key, lambda: self._most_clicked(data))

    def _most_clicked(self, data: prepared.PreparedData) -> list[str]:
        size = data.num_users if self.is_user else data.catalogue.num_prepared
        values = self.values(data).head(size).rename("value")
        is_list = values.dtype == pl.List
        each = values.explode() if is_list else values
        every = each.cast(pl.String).drop_nulls().unique().sort()
        if len(every) > self.max_values:
            counts = _num_clicks(data, self.is_user)
            table = pl.DataFrame({"value": values, "clicks": counts})
            table = (table.explode("value") if is_list else table).drop_nulls()
            table = table.with_columns(pl.col("value").cast(pl.String))
            clicks = table.group_by("value").agg(pl.col("clicks").sum())
            clicks = clicks.sort("clicks", "value", descending=[True, False])
            every = clicks["value"].head(self.max_values).sort()
        return list(every.to_list())

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns indices `int32`."""
        return indices(self.values(data), self.known_values(data))

    def _user_reader(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        return TextOfRequest(self.column, self.known_values(data))


class MultiValuedColumn(TextColumn):
    """Several values of a video, such as tags: the mean of their embeddings.

    Its tensor has the values' indices, `[..., n] int32`, 0 where there is none.
    """

    table = embeddings.BagTable

    def __init__(self, column: str, most: int) -> None:
        """Declares the feature, named as the column.

        Args:
          column: Column of lists, such as "videos.tags".
          most: Largest number of values of a video.
        """
        super().__init__(column, column)
        self.inner_shape = (most,)  # type: ignore[misc]

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each bag has a value of the vocabulary."""
        return tf.reduce_any(values > 0, axis=-1)

    def rows(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns the values' indices, `[num_videos + 1, n] int32`."""
        lists = self.values(data)
        each = lists.to_frame().with_row_index("row", offset=1).explode(self.column)
        codes = indices(each[self.column], self.known_values(data))
        shape = len(lists) + 1, self.inner_shape[0]
        rows = each["row"].to_numpy()[codes > 0]
        return ragged.in_columns(rows, codes[codes > 0], shape)


def indices(values: pl.Series, known: list[str]) -> np.ndarray:
    """Returns the place of each text in a vocabulary, from 1, `int32`; 0 if unknown."""
    places = {value: i for i, value in enumerate(known, 1)}
    texts = values.cast(pl.String)
    rows = texts.replace_strict(places, default=0, return_dtype=pl.Int32)
    return rows.fill_null(0).to_numpy().astype(np.int32)


def _num_clicks(data: prepared.PreparedData, by_user: bool) -> np.ndarray:
    """Returns the clicks of each user or video, by which the vocabulary is chosen.

    They are counted in the prepared set as it was written, so that a set with changed
    events (of the leak check) or other splits has the vocabulary of its model.
    """
    size = data.num_users if by_user else data.catalogue.num_prepared + 1
    total = np.zeros(size, np.int64)
    for shard in events.on_disk(data.directory, data.manifest.facts):
        read = shard.read()
        shown = read.impressions
        logged = read.watches if shown is None else shown
        counts = np.asarray(logged.splits) == events.Split.TRAIN
        if shown is not None:
            counts &= np.asarray(shown.clicked)
        first = shard.first_user if by_user else 0
        keys = np.asarray(logged.users if by_user else logged.videos)[counts] + first
        total += np.bincount(keys, minlength=size)
    return total if by_user else total[1:]


class NumberColumn(encodings.Continuous, _Column):
    """A number: continuous.

    Attributes:
      missing: -1 for a column that is never negative, else the lowest float32.
    """

    def __init__(
        self,
        name: str,
        column: str,
        default_in: frozenset[str] = frozenset(),
        missing: float = _LOWEST,
    ) -> None:
        """Declares the feature; see `_Column`.

        Args:
          name: Name of the feature.
          column: Column, such as "videos.duration_seconds".
          default_in: Networks that read it by default.
          missing: Value that marks a missing number; all others are larger.
        """
        super().__init__(name, column, default_in)
        self.missing = missing

    def _field(self) -> io_fields.Field:
        meaning = "a number, as in the log"
        return io_fields.Field(self.column, "float32", "batch", self.missing, meaning)

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns numbers `float32`."""
        values = self.values(data).cast(pl.Float32).fill_nan(None)
        return values.fill_null(self.missing).to_numpy().astype(np.float32)

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Returns the user's number."""
        return request.raw[self.column]


class TextOfRequest(base_feature.RequestReader):
    """A text of the request, looked up in the vocabulary."""

    def __init__(self, field: str, vocabulary: list[str]) -> None:
        """Copies the vocabulary."""
        super().__init__()
        self._field = field
        self._values = lookups.TextVocabulary(vocabulary)

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns indices `[batch] int32`."""
        return self._values.indices(request.raw[self._field])


class HashedColumn(encodings.Categorical, _Column):
    """A text column with many values: categorical, by the hash of the value.

    Values share a hash bucket by chance; values not seen in training have one too.
    """

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the number of hash buckets."""
        return HASH_BUCKETS

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns hash buckets `int32`, from 1."""
        texts = self.values(data).cast(pl.String).fill_null("").to_list()
        return _hashed(tf.constant(texts, tf.string)).numpy()

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Returns the hash bucket of the user's text."""
        return _hashed(request.raw[self.column])


def _hashed(texts: tf.Tensor) -> tf.Tensor:
    """Returns the hash bucket of each text, `[...] int32`, 0 for an empty text."""
    places = tf.strings.to_hash_bucket_fast(texts, HASH_BUCKETS) + 1
    missing = tf.zeros_like(places)
    return tf.cast(tf.where(tf.equal(texts, ""), missing, places), tf.int32)


class Age(encodings.Share, _Column):
    """The user's age over a hundred years, clipped to [0, 1]; -1 = missing."""

    def _field(self) -> io_fields.Field:
        most = table_schemas.MOST_AGE
        return io_fields.Field(
            self.column, "float32", "batch", -1.0, "years", 0.0, most
        )

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns the share of each user, `[users] float32`."""
        years = self.values(data).cast(pl.Float32).fill_nan(None).fill_null(-1.0)
        return _share(tf.constant(years.to_numpy())).numpy()

    def from_request(self, request: raw_request.Request) -> tf.Tensor:
        """Returns the share of the user."""
        return _share(request.raw[self.column])


def _share(years: tf.Tensor) -> tf.Tensor:
    share = tf.clip_by_value(years / MAX_AGE_YEARS, 0.0, 1.0)
    return tf.where(years >= 0.0, share, -1.0)


# Who the user is (PAPER §3.3, §4.1).
FEATURES = (
    TextColumn(schema.GENDER, "users.gender", _BOTH, dim=4),
    TextColumn(schema.COUNTRY, "users.country", _BOTH, dim=8),
    Age(schema.AGE, "users.age", _BOTH),
    TextColumn("user_language", "users.language", frozenset({base_feature.RANKING})),
)
