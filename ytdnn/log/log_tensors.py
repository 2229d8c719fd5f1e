"""Positions: places in the log at which features are read, all before their labels.

A position is a user, the time of a request, and the end of the history. The request's
own event (a watch or an impression) has fields of the request itself, such as the
device. Training and evaluation read features at positions; serving reads them from a
request (`ytdnn/log/raw_request.py`). A feature returns the same tensor for both (DESIGN
§4b).
"""

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Literal, Protocol

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import prepared

MISSING = -1.0
NO_SCORE = float(np.finfo(np.float32).min)  # a score may be any other number
Event = Literal["watches", "impressions"]  # tables of a shard


@dataclasses.dataclass(frozen=True)
class Positions:
    """Some positions of a log.

    Attributes:
      users: `[...] int32` user indices.
      times: `[...] int64` times of the requests, seconds, 0 = unknown.
      ends: `[...] int64` flat position of the first watch that is not in the history.
      event: The table of the requests' own events.
      rows: `[...] int64` row of that event.
      is_event: `[...] bool`, false where the log has no such event; fields of the
        request are then missing.
      videos: `[..., k] int32` catalogue indices to score; None for the user tower.
      is_shown: Whether `videos` are those of the impressions in `rows`, with k = 1.
        Counters are then read at their own requests.
      is_logged: Whether all else is read there too, and not at earlier ones.
    """

    users: tf.Tensor
    times: tf.Tensor
    ends: tf.Tensor
    event: Event
    rows: tf.Tensor
    is_event: tf.Tensor
    videos: tf.Tensor | None = None
    is_shown: bool = False
    is_logged: bool = False


Reader = Callable[[Positions], tf.Tensor]
"""A feature opened on a log: positions to its tensor."""


class FirstStageReplay(Protocol):
    """Scores and sources of videos at positions, from a frozen first stage."""

    def scores(self, at: Positions) -> tf.Tensor:
        """Returns the candidate model's score `[..., k] float32`, or `NO_SCORE`."""

    def sources(self, at: Positions) -> tf.Tensor:
        """Returns the source that would propose each, `[..., k] int32`, 0 = none."""

    def seed_videos(self, at: Positions) -> tf.Tensor:
        """Returns the watch that each was found by, `[..., k] int32`, 0 = none."""


class LogTensors:
    """The arrays of a prepared set as tensors, each created once and shared by readers.

    Attributes:
      data: The prepared set.
      replay: Replay of the first stage; None without one.
    """

    def __init__(
        self, data: prepared.PreparedData, replay: FirstStageReplay | None = None
    ) -> None:
        """Stores the set; tensors are created on first use."""
        self.data = data
        self.replay = replay
        self._made: dict[tuple[str, str], tf.Tensor] = {}
        self._kept: dict[Hashable, Any] = {}
        self._shared: dict[Hashable, Any] = {}
        self._latest: dict[Hashable, tuple[Positions, tf.Tensor]] = {}

    def once(self, key: Hashable, make: Callable[[], prepared.Made]) -> prepared.Made:
        """Returns `make()`, cached for this log, so that several readers share it."""
        return prepared.kept(self._kept, key, make)

    def shared(self, key: Hashable, make: Callable[[], prepared.Made]) -> prepared.Made:
        """Returns `make()`, cached only while features are opened; see `release`."""
        return prepared.kept(self._shared, key, make)

    def latest(
        self, key: Hashable, at: Positions, make: Callable[[], tf.Tensor]
    ) -> tf.Tensor:
        """Returns `make()`, shared by readers that ask for the same positions."""
        held = self._latest.get(key)
        if held is None or held[0] is not at:
            held = self._latest[key] = at, make()
        return held[1]

    def release(self) -> None:
        """Forgets what only the opening of features needed, of the whole set too."""
        self._shared.clear()
        self.data.release()

    def has(self, table: str, field: str) -> bool:
        """Whether the log has an array of a table, such as ("watches", "devices")."""
        return getattr(getattr(self.data.log.shard, table), field, None) is not None

    def column(self, table: str, field: str) -> tf.Tensor:
        """Returns an array of a table as a tensor on the host."""
        return prepared.kept(
            self._made,
            (table, field),
            lambda: constant(getattr(getattr(self.data.log.shard, table), field)),
        )

    def event_field(self, field: str, at: Positions, missing: float | int) -> tf.Tensor:
        """Returns a field of the event at each position, such as its device.

        Args:
          field: Name of the column in the events' table.
          at: Positions; those of requests that became no event have none.
          missing: Value where there is no event, or no such column.
        """
        if not self.has(at.event, field):
            return tf.fill(tf.shape(at.rows), missing)
        values = self.column(at.event, field)
        last = tf.maximum(tf.size(values, tf.int64) - 1, 0)
        gathered = tf.gather(values, tf.clip_by_value(at.rows, 0, last))
        return tf.where(at.is_event, gathered, tf.cast(missing, gathered.dtype))


def constant(values: Any) -> tf.Tensor:
    """Returns a constant in memory, outside the graph of whoever asks first."""
    with tf.init_scope(), tf.device("CPU"):
        return tf.constant(np.asarray(values))


def are_ranked(places: tf.Tensor, rows: tf.Tensor) -> bool:
    """Whether all impressions have a place; always true for tensors of a graph.

    Args:
      places: `[impressions] int32`, -1 for those before the ranker's windows.
      rows: `[...] int64` of the impressions.
    """
    if not tf.executing_eagerly():
        return True
    return bool(tf.reduce_all(tf.gather(places, rows) >= 0))


def video_positions(videos: tf.Tensor) -> Positions:
    """Returns positions without users, for features of videos only.

    Args:
      videos: `[...] int32` catalogue indices.
    """
    nobody, nowhere = tf.zeros([], tf.int32), tf.zeros([], tf.int64)
    return Positions(
        users=nobody,
        times=nowhere,
        ends=nowhere,
        event="watches",
        rows=nowhere,
        is_event=tf.zeros([], tf.bool),
        videos=videos,
    )


def last_watch_times(log: LogTensors, at: Positions) -> tf.Tensor:
    """Returns the time of the last watch of each history, `[...] int64`, 0 = none."""
    starts = tf.gather(log.column("watches", "offsets"), at.users)
    last = tf.gather(log.column("watches", "times"), tf.maximum(at.ends - 1, 0))
    return tf.where(at.ends > starts, last, tf.zeros_like(last))


def seconds_since(times: tf.Tensor, earlier_times: tf.Tensor) -> tf.Tensor:
    """Returns `[...] float32` seconds, `MISSING` where either time is unknown.

    Args:
      times: `[...] int64` seconds since the epoch, 0 = unknown.
      earlier_times: The same for earlier events; later ones count as now.
    """
    known = (times != 0) & (earlier_times != 0)
    seconds = tf.cast(tf.maximum(times - earlier_times, 0), tf.float32)
    return tf.where(known, seconds, MISSING)


@dataclasses.dataclass(frozen=True)
class SearchTensors:
    """Searches of all users as flat tensors, sorted by (user, time).

    Attributes:
      offsets: `[users + 1] int64`, first search of each user.
      token_offsets: `[searches + 1] int64`, first token of each search.
      tokens: `[tokens] int32`.
      num_before: `[watches] int32`, searches of the user strictly before each watch.
    """

    offsets: tf.Tensor
    token_offsets: tf.Tensor
    tokens: tf.Tensor
    num_before: tf.Tensor


@dataclasses.dataclass(frozen=True)
class WatchLog:
    """Watches as flat tensors, sorted by (user, order).

    Attributes:
      videos: `[watches] int32` catalogue indices.
      users: `[watches] int32`.
      times: `[watches] int64`, seconds since the epoch.
      weights: `[watches] float32`, 1 for a label, 0 for a watch that is only history:
        it was not completed, or its video has no embedding.
      offsets: `[users + 1] int64`, flat position of each user's first watch.
      searches: Searches; None: they are not read.
      readers: Readers of features, by name.
      tensors: The arrays of the log.
    """

    videos: tf.Tensor
    users: tf.Tensor
    times: tf.Tensor
    weights: tf.Tensor
    offsets: tf.Tensor
    searches: SearchTensors | None
    readers: Mapping[str, Reader]
    tensors: LogTensors

    @property
    def num_watches(self) -> int:
        """Number of watches."""
        return int(self.videos.shape[0])


def load_watches(
    data: prepared.PreparedData,
    opener: Callable[[LogTensors], Mapping[str, Reader]] = lambda log: {},
    with_searches: bool = True,
) -> WatchLog:
    """Returns a prepared set's watches and searches.

    Args:
      data: The prepared set.
      opener: Function that opens features.
      with_searches: Whether searches are read, if the log has them.
    """
    log = LogTensors(data)
    is_label = data.watches.are_completed & (
        np.asarray(data.watches.videos) <= data.vocabulary_size
    )
    searches = None
    if with_searches and data.catalogue.has_searches:
        searches = SearchTensors(
            offsets=log.column("searches", "offsets"),
            token_offsets=log.column("searches", "token_offsets"),
            tokens=log.column("searches", "tokens"),
            num_before=log.column("watches", "num_searches"),
        )
    return WatchLog(
        videos=log.column("watches", "videos"),
        users=tf.constant(_users(np.asarray(data.watches.offsets))),
        times=log.column("watches", "times"),
        weights=tf.constant(is_label.astype(np.float32)),
        offsets=log.column("watches", "offsets"),
        searches=searches,
        readers=opener(log),
        tensors=log,
    )


def _users(offsets: np.ndarray) -> np.ndarray:
    """Returns the user of each watch, `[watches] int32`, which no table keeps."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))


def searches_before(
    searches: SearchTensors, users: tf.Tensor, num_before: tf.Tensor, search_length: int
) -> dict[str, tf.Tensor]:
    """Returns the tokens of the most recent searches before each position.

    Positions of a slice share rows. Each position appends the rows that no earlier
    position has, so there is no gap between the searches of two users, and the range of
    a position ends with its own rows and is as long as its number of tokens.

    Args:
      searches: Searches of all users.
      users: `[slices, positions] int32`, ascending in each slice.
      num_before: `[slices, positions] int64`, number of the user's earlier searches;
        for one user ascending in each slice.
      search_length: Greatest number of searches.

    Returns:
      `SEARCH_TOKENS [slices, rows] int32` (0: padding), `FIRST_TOKENS` and
      `END_TOKENS [slices, positions] int32`.
    """
    offsets = tf.gather(searches.offsets, users)
    ends = offsets + num_before
    firsts = tf.maximum(offsets, ends - search_length)
    begins = tf.gather(searches.token_offsets, firsts)
    stops = tf.gather(searches.token_offsets, ends)
    reached = tf.concat([begins[:, :1], stops[:, :-1]], axis=1)
    starts = tf.maximum(begins, reached)
    end_rows = tf.cumsum(stops - starts, axis=1)
    rows = tf.ragged.range(tf.reshape(starts, [-1]), tf.reshape(stops, [-1]))
    tokens = tf.RaggedTensor.from_row_lengths(
        tf.gather(searches.tokens, rows.values), end_rows[:, -1], validate=False
    )
    return {
        schema.SEARCH_TOKENS: tokens.to_tensor(0),
        schema.FIRST_TOKENS: tf.cast(end_rows - (stops - begins), tf.int32),
        schema.END_TOKENS: tf.cast(end_rows, tf.int32),
    }
