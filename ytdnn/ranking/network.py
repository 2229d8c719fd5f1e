"""The ranking network: features to one logit for each impression (PAPER §4).

The impression's video, the last watched and the averaged history share one table and
enter separately; continuous features pass through the quantile CDF with powers;
demographics have tables of their own. Everything about the query is computed once
and repeated for its k impressions.
"""

import math

import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.layers import continuous, embeddings, towers
from ytdnn.ranking import features, statistics

# Products of two embeddings decide a click. From smaller values gradients of both
# are so small that training first stands still for hundreds of steps.
_STDDEV = 0.2


class RankingNetwork(tf.keras.Model):
    """Features of `ytdnn.ranking.features` to logits `[batch, k]`.

    Attributes:
      videos: The shared video table.
    """

    def __init__(
        self, config: configs.Ranking, measured: statistics.Statistics
    ) -> None:
        """Creates the network with its variables.

        Args:
          config: Sizes.
          measured: Of the training impressions.
        """
        super().__init__(name="ranking")
        self.has_age = measured.has_age
        self.videos = embeddings.Table(
            measured.num_videos, config.embedding_dim, _STDDEV, name="videos"
        )
        self._user_tables = {
            name: embeddings.Table(size, embedding_dim(size), _STDDEV, name=name)
            for name, size in sorted(measured.vocabulary_sizes.items())
        }
        self._continuous = {
            name: continuous.QuantileFeature(values, name=name)
            for name, values in sorted(measured.quantiles.items())
        }
        self._tower = towers.Tower(config.tower, config.dropout, name="tower")
        self._logit = tf.keras.layers.Dense(
            1,
            bias_initializer=tf.keras.initializers.Constant(measured.prior_logit),
            name="logit",
        )
        self(_example(measured, config.history_length))

    @property
    def tables(self) -> list[tf.Variable]:
        """The variables looked up by row, for the table optimiser."""
        return [table.table for table in (self.videos, *self._user_tables.values())]

    def call(
        self, inputs: features.Features, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns logits `[batch, k] float32`, `log` of the expected watch seconds.

        Args:
          inputs: Query features `[batch, …]` and impression features `[batch, k]`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        impressions = self._impressions(inputs)
        query = self._query(inputs)[:, tf.newaxis, :]
        query = tf.repeat(query, tf.shape(impressions)[1], axis=1)
        hidden = self._tower(tf.concat([query, impressions], axis=-1), seed=seed)
        return tf.squeeze(self._logit(hidden), axis=-1)

    def _query(self, inputs: features.Features) -> tf.Tensor:
        """Returns `[batch, dim] float32`."""
        history = inputs[schema.HISTORY_VIDEOS]
        rows = self.videos(history)
        num_known = tf.reduce_sum(tf.cast(history > 0, tf.float32), axis=1)
        mean = tf.math.divide_no_nan(
            tf.reduce_sum(rows, axis=1), num_known[:, tf.newaxis]
        )
        parts = [mean, rows[:, -1, :]]
        parts.append(self._normalised(inputs, schema.SECONDS_SINCE_LAST_WATCH))
        if self.has_age:
            age = inputs[schema.AGE_FRACTION]
            known = tf.cast(age >= 0.0, tf.float32)
            parts.append(tf.stack([age * known, 1.0 - known], axis=-1))
        parts += [table(inputs[name]) for name, table in self._user_tables.items()]
        return tf.concat(parts, axis=-1)

    def _impressions(self, inputs: features.Features) -> tf.Tensor:
        """Returns `[batch, k, dim] float32`."""
        return tf.concat(
            [
                self.videos(inputs[schema.IMPRESSION_VIDEOS]),
                self._normalised(inputs, schema.SECONDS_SINCE_IMPRESSION),
                self._normalised(inputs, schema.NUM_EARLIER_IMPRESSIONS),
            ],
            axis=-1,
        )

    def _normalised(self, inputs: features.Features, name: str) -> tf.Tensor:
        values = inputs[name]
        normalised: tf.Tensor = self._continuous[name](values, values >= 0.0)
        return normalised


def embedding_dim(num_values: int) -> int:
    """Returns a width that grows with the log of the vocabulary (PAPER §4.1).

    >>> embedding_dim(2), embedding_dim(200)
    (2, 8)
    """
    return max(2, math.ceil(math.log2(num_values + 1)))


def _example(measured: statistics.Statistics, length: int) -> features.Features:
    """Returns features of one impression without a past, to create variables."""
    none = tf.zeros([1], tf.int64)
    query = features.query_features(tf.zeros([1, length], tf.int32), none, none)
    pair = tf.zeros([1, 1], tf.int64)
    example = query | features.impression_features(
        tf.zeros([1, 1], tf.int32), pair, pair, none
    )
    if measured.has_age:
        example[schema.AGE_FRACTION] = tf.constant([features.MISSING])
    for name in measured.vocabulary_sizes:
        example[name] = tf.zeros([1], tf.int32)
    return example
