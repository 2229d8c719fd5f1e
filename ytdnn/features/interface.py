"""What a feature is: one declaration for training, evaluation, serving and checks.

A feature exists exactly when the log has its columns. Its value comes from the log at a
position, or from a request, and is the same tensor for the same position; its encoder
makes a vector of it. There are three kinds, each a class:

* `ReadAtRequest`: known when the request is made, rolled back to strictly before it;
* `TrainingOnly`: varies in training alone, and has a declared value when serving;
* `CorpusStatistic`: a table as of a moment, which never has seen the example.

A module of this package declares its features in `FEATURES`; nothing else lists them.
"""

import abc
import dataclasses
import enum
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import configs
from ytdnn.data import fields, positions, prepared
from ytdnn.data import request as raw_request

CANDIDATES = "candidates"
RANKING = "ranking"
_DAY_SECONDS = 86_400
QUANTILES = configs.Quantiles()


class Scope(enum.IntEnum):
    """What a feature belongs to, and so its shape."""

    USER = 0  # `[...]` of positions, once a request
    REQUEST = 1  # likewise
    VIDEO = 2  # `[..., k]`, once for each video asked about
    PAIR = 3  # `[..., k]`, of a video and the user or the request

    @property
    def is_of_query(self) -> bool:
        """Whether there is one value a request, not one a video."""
        return self in (Scope.USER, Scope.REQUEST)


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a trained encoder must know of a feature, kept with the model.

    Attributes:
      num_values: Known values of a categorical feature.
      quantiles: Ascending quantiles of a continuous one in the training examples.
    """

    num_values: int = 0
    quantiles: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Place:
    """A position of the log for which a raw request is made.

    Attributes:
      user: User index.
      end: Flat position where the history ends.
      time: Of the request, seconds; 0 = unknown.
      is_watch: Whether the user's watch at `end` is the request's own event.
    """

    user: int
    end: int
    time: int
    is_watch: bool


class Lack(NamedTuple):
    """Why a log has no such feature, in the words of an error."""

    expected: str
    found: str
    advice: str


class Feature(abc.ABC):
    """A feature of one or both networks.

    Attributes:
      name: Unique within a network; what configs switch.
      scope: What it belongs to.
      columns: The log's columns it needs, as "table.column".
      networks: Which networks can read it.
      default_in: Which read it unless a config says otherwise.
      sees_request_time: Whether evaluation must mark numbers of a model that reads it.
      dtype: Of its tensor.
    """

    name: str
    scope: Scope
    columns: tuple[str, ...] = ()
    networks: frozenset[str] = frozenset()
    default_in: frozenset[str] = frozenset()
    sees_request_time: ClassVar[bool] = False
    dtype: ClassVar[tf.DType] = tf.float32

    def exists(self, data: prepared.PreparedData) -> bool:
        """Whether the log has its columns."""
        return set(self.columns) <= data.columns

    def lack(self, data: prepared.PreparedData) -> Lack:
        """Returns what is missing where it does not exist."""
        del data
        columns = f"{' and '.join(self.columns)} in the log"
        return Lack(columns, "none", "add the column")

    def fields(self, data: prepared.PreparedData) -> fields.Fields:
        """Returns what it reads of a request."""
        del data
        return ()

    def request_values(
        self, data: prepared.PreparedData, place: Place
    ) -> dict[str, Any]:
        """Returns the values, at a place of the log, of fields it alone reads."""
        del data, place
        return {}

    @abc.abstractmethod
    def measure(self, data: prepared.PreparedData) -> Measured:
        """Returns what is known before a pass over the training examples."""

    @property
    def needs_quantiles(self) -> bool:
        """Whether a pass over the training examples must add quantiles."""
        return False

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns which values are not missing, `bool`."""
        return tf.ones_like(values, tf.bool)

    @abc.abstractmethod
    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Returns the reader of its tensor at positions of a log."""

    @abc.abstractmethod
    def open_request(self, data: prepared.PreparedData) -> "RequestReader":
        """Returns the reader of its tensor from raw requests."""

    @abc.abstractmethod
    def encoder(
        self,
        measured: Measured,
        stddev: float,
        normalization: configs.Normalization = QUANTILES,
    ) -> tf.keras.layers.Layer:
        """Returns the layer from its tensor to `[..., dim] float32`.

        Args:
          measured: Of the training data.
          stddev: Of the initial values of embeddings.
          normalization: Of continuous values.
        """


class RequestReader(tf.Module):
    """A feature opened for serving: raw requests to its tensor, lookups inside."""

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns `[batch]` of the query, or `[batch, k]` of the videos asked about."""
        raise NotImplementedError


class FromRequest(RequestReader):
    """A reader that needs no lookups: a function of the request."""

    def __init__(self, function: Any) -> None:
        """Wraps `function(request)`."""
        super().__init__()
        self._function = function

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns what the function does."""
        return self._function(request)


class RowsOfVideos(RequestReader):
    """A reader of a table over the catalogue, row 0 of unknown videos."""

    def __init__(self, rows: npt.NDArray[Any]) -> None:
        """Copies the table into a variable."""
        super().__init__()
        self._rows = tf.Variable(rows, trainable=False)

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns `[batch, k]`."""
        return tf.gather(self._rows, request.video_indices)


class ReadAtRequest(Feature):
    """Known when the request is made; nothing at or after the position enters."""


class Replayed(ReadAtRequest):
    """What the first stage says, replayed by the frozen candidate model (DESIGN §7).

    It exists only where the candidates' training window ends before the ranker's
    begins: of watches the candidate model was trained on it would say what was clicked.
    """

    columns = ("impressions.time",)
    networks = default_in = frozenset({RANKING})

    def exists(self, data: prepared.PreparedData) -> bool:
        """Whether there are impressions, in a window of the ranker's own."""
        return super().exists(data) and _has_own_window(data)

    def lack(self, data: prepared.PreparedData) -> Lack:
        """Returns what is missing where it does not exist."""
        if not super().exists(data):
            return super().lack(data)
        return Lack(
            "a window of the ranker's own, after that of the candidates' training,",
            f"data.protocol={data.config.protocol} without one, where the candidate "
            f"model has seen what was clicked,",
            "prepare with --protocol=temporal and no split column",
        )


def _has_own_window(data: prepared.PreparedData) -> bool:
    windows = data.manifest.facts.get("windows")
    return windows is not None and windows["validation"] <= windows["ranking"]


class TrainingOnly(Feature):
    """Varies in training alone; evaluation and serving see `serving_value`.

    Attributes:
      serving_value: The declared value.
    """

    serving_value: float = 0.0

    def open_request(self, data: prepared.PreparedData) -> RequestReader:
        """Returns the reader of the declared value."""
        del data
        return FromRequest(self._served)

    def at_serving(self, at: positions.Positions) -> tf.Tensor:
        """Returns the declared value at positions, as evaluation asks."""
        like = at.times if self.scope.is_of_query else at.videos
        return tf.fill(tf.shape(like), self.serving_value)

    def _served(self, request: raw_request.Request) -> tf.Tensor:
        like = request.times if self.scope.is_of_query else request.video_ids
        return tf.fill(tf.shape(like), self.serving_value)


Statistic = Callable[
    [npt.NDArray[np.integer], npt.NDArray[np.int64]], npt.NDArray[np.float32]
]
"""Catalogue indices `[n]` and moments `[n]` to values `[n]` from events before each."""


class CorpusStatistic(Feature):
    """A table over the catalogue as of a moment, made of events before it.

    Training and evaluation read the table as of midnight (UTC) before the impression,
    and no later than that of the end of the training window, which the export carries:
    no table has seen the example, nor what a served one could not know.
    """

    scope = Scope.VIDEO

    @abc.abstractmethod
    def statistic(self, data: prepared.PreparedData) -> Statistic:
        """Returns the statistic of a prepared set, its events sorted once."""

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Makes the values of logged impressions at once, others when asked for."""
        shown, end = log.data.impressions, serving_moment(log.data)
        moments = _moments(np.asarray(shown.times), end)
        statistic = self.statistic(log.data)
        of_logged = statistic(np.asarray(shown.videos), moments)
        with tf.device("CPU"):
            rows = tf.constant(of_logged, tf.float32)

        def read(at: positions.Positions) -> tf.Tensor:
            if at.is_logged:
                return tf.gather(rows, at.rows)[..., tf.newaxis]
            videos, times = np.asarray(at.videos), np.asarray(at.times)
            asked = np.where(times == 0, end, _moments(times, end))
            asked = np.broadcast_to(asked[..., np.newaxis], videos.shape).ravel()
            found = statistic(videos.ravel(), asked)
            return tf.constant(found.reshape(videos.shape), tf.float32)

        return read

    def open_request(self, data: prepared.PreparedData) -> RequestReader:
        """Carries the table of the end of the training window."""
        every = np.arange(data.num_videos + 1)
        moments = np.full(len(every), serving_moment(data))
        rows = self.statistic(data)(every, moments)
        return RowsOfVideos(rows.astype(np.float32))


def countable(data: prepared.PreparedData) -> npt.NDArray[np.bool_]:
    """Returns which impressions a statistic may count, `[impressions] bool`.

    With windows of time all: a moment tells them apart. Without, a user's held-out
    impressions lie before the training ones of others, and are left out.
    """
    splits = np.asarray(data.impressions.splits)
    if data.config.protocol == "temporal":
        return np.ones(len(splits), bool)
    return ~np.isin(splits, [prepared.Split.VALIDATION, prepared.Split.TEST])


def serving_moment(data: prepared.PreparedData) -> int:
    """Returns when the table that is served was made: the end of the ranker's window.

    Of protocols without windows, the end of the log.
    """
    windows = data.manifest.facts.get("windows")
    return data.end_of_log + 1 if windows is None else int(windows["test"])


def _moments(times: npt.NDArray[np.int64], latest: int) -> npt.NDArray[np.int64]:
    """Returns the moment of the table that each time reads."""
    return np.where(times < latest, times - times % _DAY_SECONDS, latest)
