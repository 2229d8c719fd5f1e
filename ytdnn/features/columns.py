"""Features that are a column of `users` or `videos`, the user's own columns included.

A column of numbers is continuous, any other column categorical over the values in the
log. A feature of a standard column is one line; `own` returns the feature of any other
column.
"""

import abc
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, encodings
from ytdnn.log import (
    catalogues,
    events,
    fields,
    lookups,
    positions,
    prepared,
    user_shards,
)

if TYPE_CHECKING:
    from ytdnn.log import request as raw_request

# Known values of a column of text, the most clicked ones (PAPER §4.1).
MAX_VALUES = 10_000
# Of a text of the user's own that has more: each value has the place of its hash.
HASH_BUCKETS = 4_096
_LOWEST = float(np.finfo(np.float32).min)
_BOTH = frozenset({base_feature.CANDIDATES, base_feature.RANKING})


class _Column(base_feature.ReadAtRequest):
    """Base class of a feature of one column of `users` or `videos`.

    Attributes:
      missing: Value of the row for index 0.
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
        is_user = table == schema.USERS
        self.name = name
        self.scope = base_feature.Scope.USER if is_user else base_feature.Scope.VIDEO
        self.columns = (column,)
        self.networks = _BOTH if is_user else base_feature.OF_VIDEOS
        self.default_in = default_in

    def values(self, data: prepared.PreparedData) -> pl.Series:
        """Returns the column, a row for each user or video of the catalogue."""
        table = data.users if self.scope is base_feature.Scope.USER else data.videos
        return table[self.column]

    def request_values(
        self, data: prepared.PreparedData, place: base_feature.Place
    ) -> dict[str, Any]:
        """Returns the user's value, for a column of `users`."""
        if self.scope is base_feature.Scope.VIDEO:
            return {}
        value = self.values(data)[place.user]
        return {} if value is None else {self.column: value}

    def user_columns(self, data: prepared.PreparedData) -> dict[str, pl.Series]:
        """Returns the users' column, for a column of `users`."""
        is_user = self.scope is base_feature.Scope.USER
        return {self.column: self.values(data)} if is_user else {}

    def _field(self) -> fields.Field:
        return fields.text(self.column)

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the user's value; a video's value is in the exported table."""
        del catalogue
        return (self._field(),) if self.scope is base_feature.Scope.USER else ()

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns the value of each row of the table; vectors override `rows`."""
        raise NotImplementedError

    def rows(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns the tensor's value of each user, or video after a row for index 0."""
        found = self.encoded(data)
        if self.scope is base_feature.Scope.USER:
            return found
        return np.append(found.dtype.type(self.missing), found)

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Gathers by user or by video."""
        key = type(self), *vars(self).values()  # all that was declared
        rows = log.data.once(key, lambda: self._rows(log))
        if self.scope is base_feature.Scope.USER:
            return lambda at: tf.gather(rows, at.users)
        return lambda at: tf.gather(rows, at.videos)

    def _rows(self, log: positions.LogTensors) -> tf.Tensor:
        with tf.init_scope(), tf.device("CPU"):
            return tf.constant(self.rows(log.data))

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Looks the user's value up, or gathers by video."""
        if self.scope is base_feature.Scope.USER:
            return self._of_user(data)
        return base_feature.RowsOfVideos(self.rows(data))

    @abc.abstractmethod
    def _of_user(self, data: prepared.PreparedData) -> base_feature.RequestReader: ...


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
          max_values: Maximum size of the vocabulary; see `vocabulary`.
        """
        super().__init__(name, column, default_in)
        self.dim = dim
        self.max_values = max_values

    def vocabulary(self, data: prepared.PreparedData) -> list[str]:
        """Returns the values of the vocabulary in order, as text.

        Where the column has more than `max_values` values, the vocabulary keeps those
        with most clicks in the ranker's training impressions (or, without impressions,
        with most training watches); ties by value. All others are out of vocabulary
        (PAPER §4.1).
        """
        key = TextColumn, self.columns, self.max_values
        return data.once(key, lambda: self._most_clicked(data))

    def _most_clicked(self, data: prepared.PreparedData) -> list[str]:
        is_user = self.scope is base_feature.Scope.USER
        size = data.num_users if is_user else data.catalogue.num_prepared
        values = self.values(data).head(size).cast(pl.String).rename("value")
        every = values.drop_nulls().unique().sort()
        if len(every) > self.max_values:
            counts = _num_clicks(data, is_user)
            table = pl.DataFrame({"value": values, "clicks": counts}).drop_nulls()
            found = table.group_by("value").agg(pl.col("clicks").sum())
            found = found.sort("clicks", "value", descending=[True, False])
            every = found["value"].head(self.max_values).sort()
        vocabulary: list[str] = every.to_list()
        return vocabulary

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the size of the vocabulary."""
        return len(self.vocabulary(data))

    def known_values(self, data: prepared.PreparedData) -> list[str]:
        """Returns the vocabulary."""
        return self.vocabulary(data)

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns indices `int32`."""
        places = {value: i for i, value in enumerate(self.vocabulary(data), 1)}
        indices = self.values(data).cast(pl.String)
        found = indices.replace_strict(places, default=0, return_dtype=pl.Int32)
        return found.fill_null(0).to_numpy().astype(np.int32)

    def _of_user(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        return TextOfRequest(self.column, self.vocabulary(data))


def _num_clicks(data: prepared.PreparedData, by_user: bool) -> np.ndarray:
    """Returns the clicks of each user or video, by which the vocabulary is chosen.

    They are counted in the prepared set as it was written, so that a set with changed
    events (of the leak check) or other splits has the vocabulary of its model.
    """
    size = data.num_users if by_user else data.catalogue.num_prepared + 1
    found = np.zeros(size, np.int64)
    for shard in user_shards.on_disk(data.directory, data.manifest.facts):
        read = shard.read()
        shown = read.impressions
        logged = read.watches if shown is None else shown
        counts = np.asarray(logged.splits) == events.Split.TRAIN
        if shown is not None:
            counts &= np.asarray(shown.clicked)
        first = shard.first_user if by_user else 0
        keys = np.asarray(logged.users if by_user else logged.videos)[counts] + first
        found += np.bincount(keys, minlength=size)
    return found if by_user else found[1:]


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

    def _field(self) -> fields.Field:
        meaning = "a number, as in the log"
        return fields.Field(self.column, "float32", "batch", self.missing, meaning)

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns numbers `float32`."""
        values = self.values(data).cast(pl.Float32).fill_nan(None)
        return values.fill_null(self.missing).to_numpy().astype(np.float32)

    def _of_user(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        return base_feature.FromRequest(lambda request: request.raw[self.column])


class TextOfRequest(base_feature.RequestReader):
    """A text of the request, looked up in the vocabulary."""

    def __init__(self, field: str, vocabulary: list[str]) -> None:
        """Copies the vocabulary."""
        super().__init__()
        self._field = field
        self._values = lookups.TextVocabulary(vocabulary)

    def __call__(self, request: "raw_request.Request") -> tf.Tensor:
        """Returns indices `[batch] int32`."""
        return self._values.indices(request.raw[self._field])


class HashedColumn(encodings.Categorical, _Column):
    """A text column with many values: categorical, by the hash of the value.

    Values share a hash bucket by chance; values not seen in training have one too.
    """

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the number of hash buckets."""
        del data
        return HASH_BUCKETS

    def encoded(self, data: prepared.PreparedData) -> np.ndarray:
        """Returns hash buckets `int32`, from 1."""
        texts = self.values(data).cast(pl.String).fill_null("").to_list()
        found: np.ndarray = _hashed(tf.constant(texts, tf.string)).numpy()
        return found

    def _of_user(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        del data
        return base_feature.FromRequest(
            lambda request: _hashed(request.raw[self.column])
        )


def _hashed(texts: tf.Tensor) -> tf.Tensor:
    """Returns the hash bucket of each text, `[...] int32`, 0 for an empty text."""
    places = tf.strings.to_hash_bucket_fast(texts, HASH_BUCKETS) + 1
    missing = tf.zeros_like(places)
    return tf.cast(tf.where(tf.equal(texts, ""), missing, places), tf.int32)


def own(column: str, data: prepared.PreparedData) -> base_feature.Feature:
    """Returns the feature of a column of the user's own, named as the column.

    Args:
      column: Name such as "videos.genre", one of `data.columns`.
      data: The prepared set, for the column's type and number of values.
    """
    table, name = column.split(".", 1)
    is_user = table == schema.USERS
    values = (data.users if is_user else data.videos)[name]
    if values.dtype.is_float():
        return NumberColumn(column, column)
    size = data.num_users if is_user else data.catalogue.num_prepared
    number = data.once((own, column), lambda: values.head(size).n_unique())
    return (HashedColumn if number > MAX_VALUES else TextColumn)(column, column)
