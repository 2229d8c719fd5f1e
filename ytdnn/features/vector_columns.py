"""Vectors of videos and users as features, and products with those of watched videos.

A vector is read at unit length, zeros where it is missing; a linear layer without bias
brings it to the width of the network. A product measures the similarity to the user's
watches: to the average of the last watched vectors, to the last one, and to the nearest
one.
"""

from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, column_features, encodings
from ytdnn.log import events, io_fields, log_tensors, prepared, raw_request

LogTensors = log_tensors.LogTensors
Tensor: TypeAlias = tf.Tensor
Variable: TypeAlias = tf.Variable
Rows = npt.NDArray[np.integer]

PreparedData = prepared.PreparedData

Place = base_feature.Place
Statistics = base_feature.FeatureStatistics
Settings = base_feature.EncoderSettings

AVERAGE, LAST, NEAREST = "of_watched", "of_last_watched", "of_nearest_watched"
PRODUCTS = (AVERAGE, LAST, NEAREST)
_DIM = 32  # of the linear layer, at most
_NO_PRODUCT = -2.0  # products of unit vectors are at least -1
_ROWS_A_PART = 256
_PAGE = 8  # impressions that share a user's watches, where they are read at once


class VectorColumn(column_features._Column):
    """A vector of a video or a user, at unit length.

    Attributes:
      width: Number of coordinates.
      dim: Width of the encoding; 0: by the number of coordinates.
    """

    dim: int = 0

    def __init__(self, column: str, width: int) -> None:
        """Declares the feature, named as the column.

        Args:
          column: Column, such as "videos.clip".
          width: Number of coordinates.
        """
        super().__init__(column, column)
        self.width = width
        self.inner_shape = (width,)  # type: ignore[misc]

    def exists(self, data: PreparedData) -> bool:
        """Whether the log has vectors in that column."""
        return self.name in data.catalogue.vectors.widths

    def values(self, data: PreparedData) -> pl.Series:
        """Returns the vectors as lists of floats; missing ones are null."""
        rows = np.asarray(self.rows(data), np.float32)
        if not self.is_user:
            rows = rows[1:]
        is_there = pl.DataFrame({"is_there": rows.any(axis=1)})
        lists = pl.Series("vector", rows).cast(pl.List(pl.Float32()))
        frame = is_there.with_columns(lists)
        return frame.select(pl.when("is_there").then("vector").alias(self.column))[
            self.column
        ]

    def request_values(self, data: PreparedData, place: Place) -> dict[str, Any]:
        """Returns the user's vector, for a column of `users`."""
        if not self.is_user:
            return {}
        row = data.catalogue.vectors.rows(self.name)[place.user]
        return {self.column: row.astype(np.float32).tolist()} if row.any() else {}

    def _field(self) -> io_fields.Field:
        meaning = f"a vector of {self.width} numbers, or none"
        return io_fields.Field(
            self.column, "float32", "batch, length", 0.0, meaning, width=self.width
        )

    def known(self, values: Tensor) -> Tensor:
        """Returns whether each vector is present, `[...] bool`."""
        return tf.reduce_any(values != 0.0, axis=-1)

    def rows(self, data: PreparedData) -> np.ndarray:
        """Returns the vectors `float16`, mapped from disk."""
        return data.catalogue.vectors.rows(self.name)

    def open_log(self, log: LogTensors) -> log_tensors.Reader:
        """Gathers by user or by video."""
        rows = table(self.name, log.data)
        if self.is_user:
            return lambda at: _unit(tf.gather(rows, at.users))
        return lambda at: tf.cast(tf.gather(rows, at.videos), tf.float32)

    def open_request(self, data: PreparedData) -> base_feature.RequestReader:
        """Returns the reader of the request's user vector, or of the videos' table."""
        if self.is_user:
            return base_feature.FromRequest(self.from_request)
        return _VectorsOfVideos(self.name, data)

    def from_request(self, request: raw_request.Request) -> Tensor:
        """Returns the user's vector."""
        return _unit(raw_request.last(request.raw[self.column], self.width))

    def encoder(
        self, measured: Statistics, settings: Settings
    ) -> tf.keras.layers.Layer:
        """Returns a linear layer without bias: zeros stay zeros."""
        dim = self.dim or min(_DIM, self.width)
        name = encodings.layer_name(self.name)
        return tf.keras.layers.Dense(dim, use_bias=False, name=name)


class WatchedProduct(encodings.Continuous, base_feature.ReadAtRequest):
    """A product of the video's vector with the vectors of the last watches.

    It is in [-1, 1), and missing if the video, or every watched video, has no vector.

    Attributes:
      num_watches: Number of last watches that a video is compared with.
    """

    num_watches: ClassVar[int] = 50

    scope = base_feature.Scope.PAIR
    networks = frozenset({base_feature.RANKING})
    missing = _NO_PRODUCT

    def __init__(self, column: str, kind: str) -> None:
        """Declares the feature.

        Args:
          column: Column of vectors, such as "videos.clip".
          kind: One of `PRODUCTS`.
        """
        self.name = f"{column}.{kind}"
        self.columns = (column,)
        self.column = column
        self.kind = kind

    def exists(self, data: PreparedData) -> bool:
        """Whether the log has vectors in that column."""
        return self.column in data.catalogue.vectors.widths

    def open_log(self, log: LogTensors) -> log_tensors.Reader:
        """Computes the values of logged impressions at once, others on demand."""
        rows, place = self.table(log.data), PRODUCTS.index(self.kind)

        def read(at: log_tensors.Positions) -> Tensor:
            key = WatchedProduct, self.column
            if not at.is_logged:
                given = at.users, at.ends, at.videos
                made = log.latest(key, at, lambda: self._at(log, rows, *given))
                return made[..., place]
            logged = log.once(key, lambda: self._logged(log, rows))
            return tf.gather(logged[..., place], at.rows)[..., tf.newaxis]

        return read

    def table(self, data: PreparedData) -> Tensor:
        """Returns the vectors of the videos on the host, shared by all readers."""
        return table(self.column, data)

    def variable(self, data: PreparedData) -> Variable:
        """Returns the vectors of the videos as a variable, shared by all readers."""
        return variable(self.column, data)

    def logged_rows(self, shown: events.Impressions) -> Rows:
        """Returns the logged impressions that have a product."""
        return np.arange(len(shown))

    def open_request(self, data: PreparedData) -> base_feature.RequestReader:
        """Returns the reader with the vectors of the catalogue."""
        return _ProductOfRequest(self, data)

    def _logged(self, log: LogTensors, rows: Tensor) -> Tensor:
        """Returns the products of logged impressions, `[impressions, 3] float32`.

        Args:
          log: The log.
          rows: Vectors of the videos.
        """
        shard = log.data.log.shard
        shown, watches = shard.impressions, shard.watches
        if shown is None:
            return tf.zeros([0, len(PRODUCTS)])
        places = self.logged_rows(shown)
        users = np.asarray(shown.users)[places]
        starts = np.asarray(watches.offsets)[users]
        ends = starts + np.asarray(shown.num_watches)[places]
        pages, columns = _pages(users, ends)
        first = np.flatnonzero(columns == 0)
        videos = np.zeros((len(first), _PAGE), np.int32)
        videos[pages, columns] = np.asarray(shown.videos)[places]
        products = np.full((len(shown), len(PRODUCTS)), _NO_PRODUCT, np.float32)
        with tf.init_scope(), tf.device("CPU"):
            at = tf.constant(users[first]), tf.constant(ends[first], tf.int64)
            read = self._at(log, rows, *at, tf.constant(videos)).numpy()
            products[places] = read[pages, columns]
            return tf.constant(products)

    def _at(
        self, log: LogTensors, rows: Tensor, users: Tensor, ends: Tensor, videos: Tensor
    ) -> Tensor:
        """Returns products as `_products` does, of a bounded number of rows at a time.

        Args:
          log: The log.
          rows: Vectors of the videos.
          users: `[n]` user indices.
          ends: `[n] int64` flat positions of the first watch that is not in the past.
          videos: `[n, k] int32`.
        """
        size = tf.shape(users)[0]
        offsets = log.column(schema.WATCHES, "offsets")
        watches = log.column(schema.WATCHES, "videos")
        last = tf.range(-self.num_watches, 0, dtype=tf.int64)
        number = tf.maximum(1, tf.cast(tf.math.ceil(size / _ROWS_A_PART), tf.int32))

        def part(start: Tensor) -> Tensor:
            stop = tf.minimum(start + _ROWS_A_PART, size)
            begins = tf.gather(offsets, users[start:stop])
            places = ends[start:stop, tf.newaxis] + last
            watched = tf.gather(watches, tf.maximum(places, 0))
            is_own = places >= begins[:, tf.newaxis]
            watched = tf.where(is_own, watched, tf.zeros_like(watched))
            parts = _products(rows, watched, videos[start:stop])
            return tf.pad(parts, [[0, _ROWS_A_PART - (stop - start)], [0, 0], [0, 0]])

        spec = tf.TensorSpec([_ROWS_A_PART, None, len(PRODUCTS)], tf.float32)
        starts = tf.range(number) * _ROWS_A_PART
        parts = tf.map_fn(part, starts, parallel_iterations=1, fn_output_signature=spec)
        shape = [number * _ROWS_A_PART, tf.shape(videos)[1], len(PRODUCTS)]
        return tf.reshape(parts, shape)[:size]


class _VectorsOfVideos(base_feature.RequestReader):
    """Reads the vectors of the videos to score."""

    def __init__(self, column: str, data: PreparedData) -> None:
        super().__init__()
        self._rows = variable(column, data)

    def __call__(self, request: raw_request.Request) -> Tensor:
        """Returns `[batch, k, width] float32`."""
        return tf.cast(tf.gather(self._rows, request.video_indices), tf.float32)


class _ProductOfRequest(base_feature.RequestReader):
    """Reads a product; all products of a request and column are computed once."""

    def __init__(self, feature: WatchedProduct, data: PreparedData) -> None:
        super().__init__()
        self._rows = feature.variable(data)
        self._key = WatchedProduct, feature.column
        self._place = PRODUCTS.index(feature.kind)
        self._num_watches = feature.num_watches

    def __call__(self, request: raw_request.Request) -> Tensor:
        """Returns `[batch, k] float32`."""

        def make() -> Tensor:
            watched = request.last_watches(self._num_watches)
            return _products(self._rows, watched, request.video_indices)

        return request.once(self._key, make)[..., self._place]


def is_product(name: str, catalogue: prepared.Catalogue) -> bool:
    """Whether a name names a product of a column of vectors."""
    column, _, kind = name.rpartition(".")
    return kind in PRODUCTS and column in catalogue.vectors.in_table(schema.VIDEOS)


def product(name: str) -> WatchedProduct:
    """Returns the product with a name (see `is_product`)."""
    column, _, kind = name.rpartition(".")
    return WatchedProduct(column, kind)


def products(column: str, catalogue: prepared.Catalogue) -> list[str]:
    """Returns the names of a column's products; empty if it has no vectors."""
    if column not in catalogue.vectors.in_table(schema.VIDEOS):
        return []
    return [f"{column}.{kind}" for kind in PRODUCTS]


def table(column: str, data: PreparedData) -> Tensor:
    """Returns the vectors of a column on the host, shared by all readers."""
    rows = data.catalogue.vectors.rows
    return data.once((VectorColumn, column), lambda: log_tensors.constant(rows(column)))


def variable(column: str, data: PreparedData) -> Variable:
    """Returns the vectors of a column as a variable, shared by all readers."""
    rows = data.catalogue.vectors.rows
    return data.once(
        (variable, column), lambda: Variable(np.asarray(rows(column)), trainable=False)
    )


def _pages(users: Rows, ends: Rows) -> tuple[Rows, Rows]:
    """Returns the page and the column on it of each impression.

    Neighbours of one user with the same watches before them share a page.

    Args:
      users: `[n]` user indices.
      ends: `[n]` flat positions of the first watch that is not in the past.
    """
    is_first = np.ones(len(users), bool)
    is_first[1:] = (users[1:] != users[:-1]) | (ends[1:] != ends[:-1])
    rows = np.arange(len(users))
    columns = (rows - np.maximum.accumulate(np.where(is_first, rows, 0))) % _PAGE
    return np.cumsum(columns == 0) - 1, columns


def _unit(vectors: Tensor) -> Tensor:
    """Returns vectors scaled to length one, `float32`; zeros stay zeros."""
    return tf.math.l2_normalize(tf.cast(vectors, tf.float32), axis=-1)


def _products(rows: Tensor | Variable, watched: Tensor, videos: Tensor) -> Tensor:
    """Returns the products of videos' vectors with watched videos' vectors.

    Args:
      rows: `[num_videos + 1, width] float16`, unit vectors, zeros where missing.
      watched: `[n, length] int32` catalogue indices, most recent last.
      videos: `[n, k] int32`.

    Returns:
      `[n, k, 3] float32` in the order of `PRODUCTS`.
    """
    vectors = tf.cast(tf.gather(rows, videos), tf.float32)
    earlier = tf.cast(tf.gather(rows, watched), tf.float32)
    has_vector = tf.reduce_any(vectors != 0.0, axis=-1)
    is_there = tf.reduce_any(earlier != 0.0, axis=-1, keepdims=True)
    number = tf.reduce_sum(tf.cast(is_there, tf.float32), axis=1)
    mean = tf.math.divide_no_nan(tf.reduce_sum(earlier, axis=1), number)
    average = tf.linalg.matvec(vectors, mean)
    last = tf.linalg.matvec(vectors, earlier[:, -1])
    some = tf.gather(earlier, tf.argmax(is_there[..., 0], axis=1), batch_dims=1)
    known = tf.where(is_there, earlier, some[:, tf.newaxis])
    nearest = tf.reduce_max(tf.matmul(vectors, known, transpose_b=True), axis=-1)
    is_some = has_vector & (number > 0.0)
    is_last = has_vector & is_there[:, -1]
    parts = ((average, is_some), (last, is_last), (nearest, is_some))
    coordinates = [tf.where(known, values, _NO_PRODUCT) for values, known in parts]
    # 16 bits tell no more of a vector's product with itself, or with a near copy.
    return tf.minimum(tf.stack(coordinates, axis=-1), 1.0 - 2.0**-10)
