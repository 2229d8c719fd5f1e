"""The watches of a shard as tensors, from which graphs read examples by position."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import positions, prepared

Features = dict[str, tf.Tensor]
Opener = Callable[[positions.LogTensors], Mapping[str, positions.Reader]]
"""Opens the features that a network reads on a log: readers by name."""


def no_features(log: positions.LogTensors) -> dict[str, positions.Reader]:
    """Opens no features."""
    del log
    return {}


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
      is_label: `[watches] bool`, false for a watch that is only history: it was not
        completed, or its video has no embedding.
      offsets: `[users + 1] int64`, flat position of each user's first watch.
      searches: Searches; None: they are not read.
      readers: Readers of features, by name.
      tensors: The arrays of the log.
    """

    videos: tf.Tensor
    users: tf.Tensor
    times: tf.Tensor
    is_label: tf.Tensor
    offsets: tf.Tensor
    searches: SearchTensors | None
    readers: Mapping[str, positions.Reader]
    tensors: positions.LogTensors

    @property
    def num_watches(self) -> int:
        """Number of watches."""
        return int(self.videos.shape[0])


def load(
    data: prepared.PreparedData,
    opener: Opener = no_features,
    with_searches: bool = True,
) -> WatchLog:
    """Returns a prepared set's watches and searches.

    Args:
      data: The prepared set.
      opener: Function that opens features.
      with_searches: Whether searches are read, if the log has them.
    """
    log = positions.LogTensors(data)
    is_label = data.watches.are_completed & (
        np.asarray(data.watches.videos) <= data.vocabulary_size
    )
    return WatchLog(
        videos=log.column("watches", "videos"),
        users=tf.constant(_users(np.asarray(data.watches.offsets))),
        times=log.column("watches", "times"),
        is_label=tf.constant(is_label),
        offsets=log.column("watches", "offsets"),
        searches=_searches(log)
        if with_searches and data.catalogue.has_searches
        else None,
        readers=opener(log),
        tensors=log,
    )


def _users(offsets: np.ndarray) -> np.ndarray:
    """Returns the user of each watch, `[watches] int32`, which no table keeps."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))


def _searches(log: positions.LogTensors) -> SearchTensors:
    return SearchTensors(
        offsets=log.column("searches", "offsets"),
        token_offsets=log.column("searches", "token_offsets"),
        tokens=log.column("searches", "tokens"),
        num_before=log.column("watches", "num_searches"),
    )


def searches_before(
    searches: SearchTensors,
    users: tf.Tensor,
    num_before: tf.Tensor,
    search_length: int,
) -> Features:
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
