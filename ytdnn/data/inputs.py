"""Input pipelines: positions of the log cut out inside the TensorFlow graph.

A batch is laid out in *slices*: `positions` consecutive positions of the training
log, which share one gather of history rows (see `ytdnn/layers/bags.py`). Row
`length + t` of a slice would be the label of position t, so it and what follows
never enter the history of t. The order of slices and their offset are functions of
(seed, epoch), and no pass over the data in Python stands between steps.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ytdnn import schema
from ytdnn.data import prepared

Features = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Log:
    """Watches of some users as flat tensors, sorted by (user, order).

    Attributes:
      videos: `[watches] int32`.
      users: `[watches] int32`.
      starts: `[watches] int64`, the flat position of the user's first watch.
      user_features: `[users]` each, by schema name.
    """

    videos: tf.Tensor
    users: tf.Tensor
    starts: tf.Tensor
    user_features: Features

    @property
    def num_watches(self) -> int:
        """Number of watches."""
        return int(self.videos.shape[0])


def training_log(data: prepared.PreparedData) -> Log:
    """Returns the watches of the candidate model's training window alone."""
    return _log(data, np.asarray(data.watch_splits) == prepared.Split.TRAIN)


def whole_log(data: prepared.PreparedData) -> Log:
    """Returns every watch, for contexts of validation and test."""
    return _log(data, np.ones(len(data.watch_videos), bool))


def _log(data: prepared.PreparedData, keep: np.ndarray) -> Log:
    users = data.watch_users[keep]
    first_of_user = np.ones(len(users), bool)
    first_of_user[1:] = users[1:] != users[:-1]
    starts = np.flatnonzero(first_of_user)
    sizes = np.diff(np.append(starts, len(users)))
    features = {k: tf.constant(v) for k, v in data.user_features().items()}
    return Log(
        videos=tf.constant(np.asarray(data.watch_videos)[keep]),
        users=tf.constant(users),
        starts=tf.constant(np.repeat(starts, sizes).astype(np.int64)),
        user_features=features,
    )


def cut(
    log: Log, firsts: tf.Tensor, num_positions: int, history_length: int
) -> Features:
    """Cuts slices out of the log: histories, users and what lies at each position.

    Args:
      log: The watches.
      firsts: `[slices] int64`, the flat position each slice begins at; positions
        outside the log come back with weight 0.
      num_positions: Positions of a slice.
      history_length: Greatest number of watches in a history.

    Returns:
      `WATCH_ROWS [slices, history_length + num_positions - 1] int32`,
      `FIRST_ROWS`, `LABELS`, `USER_INDICES [slices, num_positions] int32`,
      `WEIGHTS [slices, num_positions] float32`, and the users' features.
    """
    num_rows = history_length + num_positions - 1
    window = firsts[:, tf.newaxis] - history_length + tf.range(num_rows, dtype=tf.int64)
    positions = firsts[:, tf.newaxis] + tf.range(num_positions, dtype=tf.int64)
    inside = (positions >= 0) & (positions < log.num_watches)
    clipped = tf.clip_by_value(positions, 0, log.num_watches - 1)
    labels = tf.gather(log.videos, clipped)
    starts = tf.gather(log.starts, clipped)
    users = tf.gather(log.users, clipped)
    first_rows = starts - window[:, :1]
    return {
        schema.WATCH_ROWS: _gather_inside(log.videos, window, log.num_watches),
        schema.FIRST_ROWS: tf.cast(tf.clip_by_value(first_rows, 0, num_rows), tf.int32),
        schema.LABELS: labels,
        schema.WEIGHTS: tf.cast(inside & (labels > 0), tf.float32),
        schema.USER_INDICES: users,
    } | {k: tf.gather(v, users) for k, v in log.user_features.items()}


def _gather_inside(values: tf.Tensor, positions: tf.Tensor, size: int) -> tf.Tensor:
    inside = (positions >= 0) & (positions < size)
    gathered = tf.gather(values, tf.clip_by_value(positions, 0, size - 1))
    return tf.where(inside, gathered, tf.zeros_like(gathered))


@dataclasses.dataclass(frozen=True)
class SliceBatches:
    """The training batches of candidate generation.

    Attributes:
      log: Every position of it is one example an epoch.
      batch_size: Positions a batch.
      slice_length: Positions of a slice.
      history_length: Greatest number of watches in a history.
      seed: Of the order.
    """

    log: Log
    batch_size: int
    slice_length: int
    history_length: int
    seed: int

    @property
    def slices_per_batch(self) -> int:
        """Slices of a batch."""
        return max(1, self.batch_size // self.slice_length)

    @property
    def num_slices(self) -> int:
        """Slices that cover the log whatever the epoch's offset."""
        return -(-(self.log.num_watches + self.slice_length - 1) // self.slice_length)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-self.num_slices // self.slices_per_batch)

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""
        steps = tf.data.Dataset.range(first_step, self.steps_per_epoch)
        cut_step = self._step_cutter(epoch)
        return steps.map(cut_step, num_parallel_calls=2).prefetch(2)

    def _step_cutter(self, epoch: int) -> Callable[[tf.Tensor], Features]:
        generator = np.random.Generator(np.random.Philox([self.seed, epoch]))
        offset = int(generator.integers(self.slice_length))
        order_seed = tf.constant(generator.integers(2**31, size=2), tf.int32)

        def cut_step(step: tf.Tensor) -> Features:
            size = self.slices_per_batch
            slots = step * size + tf.range(size, dtype=tf.int64)
            last = tf.constant(self.num_slices - 1, tf.int64)
            shuffled = tf.random.experimental.index_shuffle(
                tf.minimum(slots, last), order_seed, last
            )
            beyond = tf.constant(self.num_slices, tf.int64)
            slices = tf.where(slots <= last, shuffled, beyond)
            firsts = slices * self.slice_length - offset
            return cut(self.log, firsts, self.slice_length, self.history_length)

        return cut_step


def contexts(
    log: Log, users: np.ndarray, ends: np.ndarray, history_length: int
) -> Features:
    """Returns slices of one position: the context of each user before a watch.

    Args:
      log: All watches.
      users: `[n]` user indices.
      ends: `[n]` flat positions; the history is what the user watched before.
      history_length: Greatest number of watches in a history.

    Returns:
      Features as of `cut`, each `[n, 1]` or `[n, history_length]`.
    """
    ends = tf.constant(np.asarray(ends, np.int64))
    users = tf.constant(np.asarray(users, np.int32))[:, tf.newaxis]
    window = ends[:, tf.newaxis] + tf.range(-history_length, 0, dtype=tf.int64)
    rows = _gather_inside(log.videos, window, log.num_watches)
    owners = _gather_inside(log.users, window, log.num_watches)
    inside = (window >= 0) & (owners == users)
    foreign = tf.reduce_sum(tf.cast(~inside, tf.int32), axis=1, keepdims=True)
    return {
        schema.WATCH_ROWS: rows,
        schema.FIRST_ROWS: foreign,
    } | {k: tf.gather(v, users) for k, v in log.user_features.items()}
