"""Input pipelines that read positions of the log inside the TensorFlow graph.

A batch is laid out in *slices*: `positions` consecutive positions of the training log,
which share one gather of history rows (see `ytdnn/layers/bags.py`). Row `length
+ t` of a slice would be the label of position t, so it and later rows never enter the
history of t. The order of slices and their offset are functions of (seed, epoch), and
no pass over the data in Python runs between steps.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import batch_streams, events, log_tensors, prepared

Features = dict[str, tf.Tensor]


def training_set(data: prepared.PreparedData) -> prepared.PreparedData:
    """Returns the set with only the watches of the candidates' training window."""
    return data.with_log(data.log.changed(_training_watches))


def num_training_watches(data: prepared.PreparedData) -> np.ndarray:
    """Returns the training watches of each catalogue index, `[num_videos + 1]`."""
    counts = np.zeros(data.num_videos + 1, np.int64)
    for shard in training_set(data).log.shards:
        counts += np.bincount(shard.read().watches.videos, minlength=len(counts))
    return counts


def _training_watches(shard: events.Shard) -> events.Shard:
    is_train = np.asarray(shard.watches.splits) == events.Split.TRAIN
    return dataclasses.replace(shard, watches=shard.watches.select(is_train))


def expected_labels(data: prepared.PreparedData, per_user: int) -> np.ndarray:
    """Returns the expected number of labels of each video in an epoch.

    Args:
      data: The prepared set.
      per_user: Number of labels of each user; 0 = all.

    Returns:
      `[vocabulary_size] float64`.
    """
    expected = np.zeros(data.vocabulary_size + 1)
    for shard in data.log.shards:
        watches = shard.read().watches
        is_label = are_labels(watches, data.vocabulary_size)
        users = watches.users[is_label]
        chances = np.ones(len(users))
        if per_user:
            counts = np.maximum(np.bincount(users), 1)
            chances = np.minimum(1.0, per_user / counts)[users]
        videos = np.asarray(watches.videos)[is_label]
        expected += np.bincount(videos, chances, len(expected))
    return expected[1:]


def are_labels(watches: events.Watches, vocabulary_size: int) -> np.ndarray:
    """Returns whether each watch is a training label, `[watches] bool`."""
    is_label = watches.splits == events.Split.TRAIN
    is_label &= watches.are_completed
    return is_label & (np.asarray(watches.videos) <= vocabulary_size)


def cut(
    log: log_tensors.WatchLog,
    firsts: tf.Tensor,
    num_positions: int,
    history_length: int,
    search_length: int = 50,
) -> Features:
    """Reads slices of the log: histories, users, labels and features of positions.

    Args:
      log: The watches.
      firsts: `[slices] int64`, first flat position of each slice; positions outside the
        log get weight 0.
      num_positions: Number of positions of a slice.
      history_length: Greatest number of watches in a history.
      search_length: Greatest number of searches in a bag of tokens.

    Returns:
      `WATCH_ROWS` and `WATCH_ROW_TIMES [slices, history_length + num_positions - 1]`,
      `FIRST_ROWS`, `LABELS`, `USER_INDICES [slices, num_positions] int32`,
      `WEIGHTS [slices, num_positions] float32`, the features, and the tokens of
      searches.
    """
    num_rows = history_length + num_positions - 1
    window = firsts[:, tf.newaxis] - history_length + tf.range(num_rows, dtype=tf.int64)
    at = firsts[:, tf.newaxis] + tf.range(num_positions, dtype=tf.int64)
    inside = (at >= 0) & (at < log.num_watches)
    clipped = tf.clip_by_value(at, 0, log.num_watches - 1)
    users = tf.gather(log.users, clipped)
    first_rows = tf.gather(log.offsets, users) - window[:, :1]
    features = {
        **watch_rows(log, window),
        schema.FIRST_ROWS: tf.cast(tf.clip_by_value(first_rows, 0, num_rows), tf.int32),
    }
    features |= labels(log, clipped, inside)
    if log.searches is not None:
        before = tf.gather(log.searches.num_before, clipped)
        features |= log_tensors.searches_before(
            log.searches, users, tf.cast(before, tf.int64), search_length
        )
    return features


def labels(log: log_tensors.WatchLog, rows: tf.Tensor, inside: tf.Tensor) -> Features:
    """Returns labels, users and features at positions of the log.

    Args:
      log: The watches.
      rows: `[slices, positions] int64`.
      inside: `[slices, positions] bool`, false where a position is padding.

    Returns:
      `LABELS` (0 where the weight is 0), `LABEL_TIMES`, `WEIGHTS`, `USER_INDICES`, and
      the features.
    """
    users = tf.gather(log.users, rows)
    weights = tf.where(inside, tf.gather(log.weights, rows), 0.0)
    videos = tf.gather(log.videos, rows)
    at = watch_positions(log, users, rows, rows, inside)
    return {
        schema.LABELS: tf.where(weights > 0.0, videos, tf.zeros_like(videos)),
        schema.LABEL_TIMES: at.times,
        schema.WEIGHTS: weights,
        schema.USER_INDICES: users,
        **{name: reader(at) for name, reader in log.readers.items()},
    }


def watch_positions(
    log: log_tensors.WatchLog,
    users: tf.Tensor,
    ends: tf.Tensor,
    rows: tf.Tensor,
    is_watch: tf.Tensor,
) -> log_tensors.Positions:
    """Returns positions with watches as the requests' own events."""
    return log_tensors.Positions(
        users=users,
        times=tf.where(is_watch, tf.gather(log.times, rows), 0),
        ends=ends,
        event="watches",
        rows=rows,
        is_event=is_watch,
    )


def watch_rows(log: log_tensors.WatchLog, window: tf.Tensor) -> Features:
    """Returns videos and times of watches, 0 outside the log."""
    inside = (window >= 0) & (window < log.num_watches)
    clipped = tf.clip_by_value(window, 0, log.num_watches - 1)
    columns = {schema.WATCH_ROWS: log.videos, schema.WATCH_ROW_TIMES: log.times}
    rows = {name: tf.gather(values, clipped) for name, values in columns.items()}
    return {k: tf.where(inside, v, tf.zeros_like(v)) for k, v in rows.items()}


@dataclasses.dataclass(frozen=True)
class SliceBatches:
    """The training batches of candidate generation.

    Attributes:
      log: The log; each of its labels is one example per epoch.
      batch_size: Number of positions in a batch.
      slice_length: Number of positions in a slice.
      history_length: Greatest number of watches in a history.
      seed: Seed of the order.
      search_length: Greatest number of searches in a bag of tokens.
      stream: Further key of the order's generator, where the log is a part of a larger
        one.
      portion: Rows of each batch that this reader cuts.
    """

    log: log_tensors.WatchLog
    batch_size: int
    slice_length: int
    history_length: int
    seed: int
    search_length: int = 50
    stream: tuple[int, ...] = ()
    portion: batch_streams.WholeBatch = batch_streams.WHOLE

    def part(self, rows: batch_streams.WholeBatch) -> "SliceBatches":
        """Returns the batches of a reader that cuts some rows of each."""
        return dataclasses.replace(self, portion=rows)

    @property
    def slices_per_batch(self) -> int:
        """Number of slices in a batch."""
        return max(1, self.batch_size // self.slice_length)

    @property
    def num_slices(self) -> int:
        """Number of slices that cover the log for any offset of the epoch."""
        return num_slices(self.log.num_watches, self.slice_length)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-self.num_slices // self.slices_per_batch)

    def generator(self, epoch: int) -> np.random.Generator:
        """Returns the random generator of an epoch's order."""
        key = [self.seed, epoch, *self.stream]
        return np.random.Generator(np.random.Philox(key))

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""
        cut = self._step_cutter(epoch)
        return batch_streams.step_batches(first_step, self.steps_per_epoch, cut)

    def _step_cutter(self, epoch: int) -> Callable[[tf.Tensor], Features]:
        generator = self.generator(epoch)
        offset = int(generator.integers(self.slice_length))
        order_seed = tf.constant(generator.integers(2**31, size=2), tf.int32)

        def cut_step(step: tf.Tensor) -> Features:
            slots = self.portion.slots(step, self.slices_per_batch)
            last = tf.constant(self.num_slices - 1, tf.int64)
            shuffled = tf.random.experimental.index_shuffle(
                tf.minimum(slots, last), order_seed, last
            )
            beyond = tf.constant(self.num_slices, tf.int64)
            slices = tf.where(slots <= last, shuffled, beyond)
            return self._cut(slices * self.slice_length - offset)

        return cut_step

    @functools.cached_property
    def _cut(self) -> Callable[[tf.Tensor], Any]:
        """Reads slices by their first positions; traced once for all epochs."""
        log, lengths = self.log, (self.history_length, self.search_length)
        number = self.slice_length
        return tf.function(
            lambda firsts: cut(log, firsts, number, *lengths), autograph=False
        )


def num_slices(num_watches: int, slice_length: int) -> int:
    """Returns the number of slices that cover a log for any offset."""
    return -(-(num_watches + slice_length - 1) // slice_length)
