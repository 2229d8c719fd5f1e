"""The prepared arrays as tensors, from which the graph cuts examples by position."""

import dataclasses

import numpy as np
import tensorflow as tf

from ytdnn import schema
from ytdnn.data import prepared

Features = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Searches:
    """Searches of all users as flat tensors, sorted by (user, time).

    Attributes:
      offsets: `[users + 1] int64`, where each user's searches begin.
      token_offsets: `[searches + 1] int64`, where each search's tokens begin.
      tokens: `[tokens] int32`.
      num_before: `[watches] int32`, searches of the user strictly before each watch.
    """

    offsets: tf.Tensor
    token_offsets: tf.Tensor
    tokens: tf.Tensor
    num_before: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Log:
    """Watches of some users as flat tensors, sorted by (user, order).

    Attributes:
      videos: `[watches] int32`.
      users: `[watches] int32`.
      times: `[watches] int64`, seconds since the epoch.
      is_label: `[watches] bool`, false where a watch stands in histories alone.
      offsets: `[users + 1] int64`, the flat position where each user's watches begin.
      user_features: `[users]` each, by schema name.
      situations: `[watches]` each, by schema name: device and logged-in state.
      window: First and last second of the training window, for example ages.
      searches: None where the log has none.
    """

    videos: tf.Tensor
    users: tf.Tensor
    times: tf.Tensor
    is_label: tf.Tensor
    offsets: tf.Tensor
    user_features: Features
    situations: Features
    window: tuple[int, int]
    searches: Searches | None

    @property
    def num_watches(self) -> int:
        """Number of watches."""
        return int(self.videos.shape[0])


def load(data: prepared.PreparedData, keep: np.ndarray) -> Log:
    """Returns some of a prepared set's watches, and all its searches.

    Args:
      data: The prepared set.
      keep: `[watches] bool`.
    """
    users = data.watch_users[keep]
    offsets = np.searchsorted(users, np.arange(data.num_users + 1))
    return Log(
        videos=tf.constant(np.asarray(data.watch_videos)[keep]),
        users=tf.constant(users),
        times=tf.constant(np.asarray(data.watch_times)[keep]),
        is_label=tf.constant(data.completed[keep]),
        offsets=tf.constant(offsets, tf.int64),
        user_features={k: tf.constant(v) for k, v in data.user_features().items()},
        situations=_situations(data, keep),
        window=data.training_window,
        searches=_searches(data, keep) if data.has_searches else None,
    )


def _situations(data: prepared.PreparedData, keep: np.ndarray) -> Features:
    found = {}
    if schema.DEVICE in data.vocabularies:
        found[schema.DEVICE_INDEX] = tf.constant(data.watch_devices[keep])
    if "watch_logged_in" in data.arrays:
        states = data.watch_logged_in[keep].astype(np.float32)
        found[schema.LOGGED_IN_STATE] = tf.constant(states)
    return found


def _searches(data: prepared.PreparedData, keep: np.ndarray) -> Searches:
    return Searches(
        offsets=tf.constant(data.search_offsets),
        token_offsets=tf.constant(data.search_token_offsets),
        tokens=tf.constant(data.search_tokens),
        num_before=tf.constant(data.watch_num_searches[keep]),
    )
