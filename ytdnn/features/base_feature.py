"""The interface of a feature: one declaration for training, evaluation and serving.

A feature exists exactly when the log has its columns. Its value is read from the log at
a position, or from a request, with the same tensor for the same position; its encoder
maps it to a vector. There are four kinds, each a class:

* `ReadAtRequest`: available when the request is made, and in training computed from
  events strictly before it;
* `ReplayedFeature`: computed by the frozen first stage (a `ReadAtRequest`);
* `TrainingOnly`: varies in training only, and has a declared value when serving;
* `Counter` (`ytdnn.features.counters`): counted over all users' events before the
  request.

A module of this package declares its features in `FEATURES`, and
`feature_choice.built_in` lists them.
"""

import abc
import dataclasses
import enum
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import configs
from ytdnn.log import io_fields, log_tensors, prepared

if TYPE_CHECKING:
    from ytdnn.log import raw_request

CANDIDATES = "candidates"
RANKING = "ranking"
CONTENT = "candidates.content"  # what candidates know of a video without an id
OF_VIDEOS = frozenset({RANKING, CONTENT})  # what reads columns of videos
QUANTILES = configs.QuantilesConfig(num_pieces=0)


class Scope(enum.IntEnum):
    """The entity that a feature belongs to, which decides its shape."""

    USER = 0  # `[...]` of positions, once a request
    REQUEST = 1  # likewise
    VIDEO = 2  # `[..., k]`, once for each video asked about
    PAIR = 3  # `[..., k]`, of a video and the user or the request

    @property
    def is_of_query(self) -> bool:
        """Whether there is one value for each request, not for each video."""
        return self in (Scope.USER, Scope.REQUEST)


@dataclasses.dataclass(frozen=True)
class FeatureStatistics:
    """Statistics of a feature that its trained encoder needs, kept with the model.

    Attributes:
      num_values: Size of the vocabulary of a categorical feature.
      quantiles: Ascending quantiles of a continuous one in the training examples.
      numbers: Number that each value of a categorical feature represents.
      dim: Width of the embedding, if an earlier training fixed it; 0: derived from the
        number of values.
    """

    num_values: int = 0
    quantiles: tuple[float, ...] = ()
    numbers: tuple[float, ...] = ()
    dim: int = 0


@dataclasses.dataclass(frozen=True)
class Place:
    """A position of the log for which a raw request is made.

    Attributes:
      user: User index.
      end: Flat position where the history ends.
      time: Time of the request, seconds; 0 = unknown.
      is_watch: Whether the user's watch at `end` is the request's own event.
    """

    user: int
    end: int
    time: int
    is_watch: bool


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """Settings of a network for the encoders of its features.

    Attributes:
      stddev: Standard deviation of the initial values of embeddings.
      normalization: Normalization of continuous values.
    """

    stddev: float
    normalization: configs.Normalization = QUANTILES


class Feature(abc.ABC):
    """A feature of one or both networks.

    Attributes:
      name: Name in configs, unique within a network.
      scope: Entity it belongs to.
      columns: Columns of the log that it needs, as "table.column".
      networks: Networks, or parts of them, that can read it.
      default_in: Networks that read it unless a config removes it.
      sees_request_time: Whether reports mark the metrics of a model that reads it.
      is_video: Whether its values are catalogue indices, which a network looks up in
        its table of videos.
      needs_quantiles: Whether a pass over the training examples must add quantiles.
      missing: Value that marks a missing value.
      dtype: Data type of its tensor.
      inner_shape: Shape of one value; most are scalars.
    """

    name: str
    scope: Scope
    columns: tuple[str, ...] = ()
    networks: frozenset[str] = frozenset()
    default_in: frozenset[str] = frozenset()
    sees_request_time: ClassVar[bool] = False
    is_video: ClassVar[bool] = False
    needs_quantiles: ClassVar[bool] = False
    missing: float = 0.0
    dtype: ClassVar[tf.DType] = tf.float32
    inner_shape: ClassVar[tuple[int, ...]] = ()

    @property
    def opened_with(self) -> Hashable:
        """Features of the same kind are opened one after the other.

        They share what they are computed from, of which only one is in memory.
        """
        return ""

    def exists(self, data: prepared.PreparedData) -> bool:
        """Whether the log has the columns of the feature."""
        return set(self.columns) <= data.catalogue.columns

    def missing_data(self, data: prepared.PreparedData) -> tuple[str, str, str]:
        """Returns expected, found and advice for an error, if it does not exist."""
        columns = f"{' and '.join(self.columns)} in the log"
        return columns, "none", "add the column"

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the request fields that it reads."""
        return ()

    def request_values(
        self, data: prepared.PreparedData, place: Place
    ) -> dict[str, Any]:
        """Returns the values, at a place of the log, of fields that only it reads."""
        return {}

    def user_columns(self, data: prepared.PreparedData) -> dict[str, pl.Series]:
        """Returns `request_values` of all users at once, for requests after the log.

        Then only fields of the user have a value. The frame has a column for each field
        and a row for each user index, null where the value is missing.
        """
        return {}

    def measure(self, data: prepared.PreparedData) -> FeatureStatistics:
        """Returns the statistics that need no pass over the training examples."""
        return FeatureStatistics()

    def widened(
        self, measured: FeatureStatistics, old: FeatureStatistics
    ) -> FeatureStatistics:
        """Returns statistics of a grown log, with the width of a trained encoder."""
        return measured

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each value is present, `bool`."""
        return tf.ones_like(values, tf.bool)

    @abc.abstractmethod
    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Returns the reader of its tensor at positions of a log."""

    @abc.abstractmethod
    def open_request(self, data: prepared.PreparedData) -> "RequestReader":
        """Returns the reader of its tensor from raw requests."""

    @abc.abstractmethod
    def encoder(
        self, measured: FeatureStatistics, settings: EncoderSettings
    ) -> tf.keras.layers.Layer:
        """Returns the layer from its tensor to `[..., dim] float32`.

        Args:
          measured: Statistics of the training data.
          settings: Settings of the network.
        """


class RequestReader(tf.Module):
    """A feature opened for serving: maps raw requests to its tensor, with lookups."""

    def __call__(self, request: "raw_request.Request") -> tf.Tensor:
        """Returns `[batch]` for the query, or `[batch, k]` for the videos to score."""
        raise NotImplementedError


class FromRequest(RequestReader):
    """A reader that needs no lookups: a function of the request."""

    def __init__(self, function: Any) -> None:
        """Wraps `function(request)`."""
        super().__init__()
        self._function = function

    def __call__(self, request: "raw_request.Request") -> tf.Tensor:
        """Returns the result of the function."""
        return self._function(request)


class RowsOfVideos(RequestReader):
    """A reader of a table over the catalogue, with row 0 for unknown videos.

    Attributes:
      rows: The table, `[num_videos + 1, …]`.
      packed_in: Name of the variable that it is packed in with others.
    """

    def __init__(self, rows: npt.NDArray[Any], packed_in: str = "rows") -> None:
        """Copies the table into a variable."""
        super().__init__()
        self.rows = tf.Variable(rows, trainable=False, name=packed_in)
        self.packed_in = packed_in

    def __call__(self, request: "raw_request.Request") -> tf.Tensor:
        """Returns `[batch, k]`."""
        return tf.gather(self.rows, request.video_indices)


class ReadAtRequest(Feature):
    """A value available at the request, from events strictly before the position."""

    def from_request(self, request: "raw_request.Request") -> tf.Tensor:
        """Returns its tensor, where that needs no look-up."""
        raise NotImplementedError

    def open_request(self, data: prepared.PreparedData) -> RequestReader:
        """Returns the reader of `from_request`."""
        return FromRequest(self.from_request)


class TrainingOnly(Feature):
    """A value used only in training; evaluation and serving read `serving_value`.

    Attributes:
      serving_value: The declared value.
    """

    serving_value: float = 0.0

    def open_request(self, data: prepared.PreparedData) -> RequestReader:
        """Returns the reader of the declared value."""
        return FromRequest(self._served)

    def at_serving(self, at: log_tensors.Positions) -> tf.Tensor:
        """Returns the declared value at positions, for evaluation."""
        like = at.times if self.scope.is_of_query else at.videos
        return tf.fill(tf.shape(like), self.serving_value)

    def _served(self, request: "raw_request.Request") -> tf.Tensor:
        like = request.times if self.scope.is_of_query else request.video_ids
        return tf.fill(tf.shape(like), self.serving_value)
