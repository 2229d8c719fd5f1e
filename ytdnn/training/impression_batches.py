"""The training batches of the ranker, from one shard window or from many."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.log import batch_streams, prepared
from ytdnn.ranking import building, inputs, model


class ImpressionWindows:
    """Opens windows; see `ytdnn.log.batch_streams.WindowSource`."""

    def __init__(
        self,
        ranking_model: model.RankingModel,
        data: prepared.PreparedData,
        batch_size: int,
        seed: int,
    ) -> None:
        """Counts the training impressions of each shard.

        Args:
          ranking_model: Model to train.
          data: The prepared set, with impressions.
          batch_size: Number of impressions in a global batch.
          seed: Seed of the order.
        """
        self._model, self._data = ranking_model, data
        self._batch_size, self._seed = batch_size, seed
        self._sizes = building.num_training_rows(data.log)

    def steps(self, window: batch_streams.Window) -> int:
        """Returns the batches of an epoch, without reading the window."""
        number = sum(self._sizes[shard] for shard in window.shards)
        return -(-number // self._batch_size)

    def open(self, window: batch_streams.Window) -> "ImpressionBatches":
        """Reads a window."""
        log = self._data.log
        data = self._data.with_log(log.window([log.shards[n] for n in window.shards]))
        # That of the whole is what validation reads too.
        is_part = bool(window.stream)
        return ImpressionBatches(
            log=self._model.open_log(data, serving=False, keep=not is_part),
            rows=tf.constant(building.training_rows(data.log)),
            batch_size=self._batch_size,
            seed=self._seed,
            stream=window.stream,
        )


@dataclasses.dataclass(frozen=True)
class ImpressionBatches:
    """The training batches of ranking: each impression once an epoch, shuffled.

    The order is a function of (seed, epoch), with no memory of the log's size.

    Attributes:
      log: Features by impression row.
      rows: `[n] int64`, the impressions to train on.
      batch_size: Number of impressions in a batch; the last is padded with weight 0.
      seed: Seed of the order.
      stream: Key that distinguishes its order from other windows'; empty: the whole
        log.
      portion: Rows of each batch that this reader cuts.
    """

    log: inputs.ImpressionLog
    rows: tf.Tensor
    batch_size: int
    seed: int
    stream: tuple[int, ...] = ()
    portion: batch_streams.WholeBatch = batch_streams.WHOLE

    def part(self, rows: batch_streams.WholeBatch) -> "ImpressionBatches":
        """Returns the batches of a reader that reads some rows of each batch."""
        return dataclasses.replace(self, portion=rows)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-int(self.rows.shape[0]) // self.batch_size)

    def __call__(self, epoch: int, first_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""
        cut = self._step_cutter(epoch)
        return batch_streams.step_batches(first_step, self.steps_per_epoch, cut)

    def _step_cutter(self, epoch: int) -> Callable[[tf.Tensor], inputs.Tensors]:
        philox = np.random.Philox([self.seed, epoch, *self.stream])
        generator = np.random.Generator(philox)
        order_seed = tf.constant(generator.integers(2**31, size=2), tf.int32)
        last = tf.constant(int(self.rows.shape[0]) - 1, tf.int64)

        def cut_step(step: tf.Tensor) -> inputs.Tensors:
            slots = self.portion.slots(step, self.batch_size)
            shuffled = tf.random.experimental.index_shuffle(
                tf.minimum(slots, last), order_seed, last
            )
            examples: inputs.Tensors = self._examples(tf.gather(self.rows, shuffled))
            weights = tf.cast(slots <= last, tf.float32)[:, tf.newaxis]
            return examples | {schema.WEIGHTS: weights}

        return cut_step

    @functools.cached_property
    def _examples(self) -> Callable[[tf.Tensor], Any]:
        """Reads features and labels of impressions; traced once for all epochs."""
        log = self.log

        def examples(rows: tf.Tensor) -> inputs.Tensors:
            labels = log.labels(rows)
            tensors = log.impressions(rows) | {
                schema.LABELS: labels.clicked,
                schema.WATCHED_SECONDS: labels.seconds,
            }
            if labels.outcomes is not None:
                tensors[schema.OUTCOME_LABELS] = labels.outcomes
            return tensors

        return tf.function(examples, autograph=False)
