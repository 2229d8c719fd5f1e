"""The ranking network: features to one logit for each impression (PAPER §4).

The impression's video, the last watched and the averaged history share one table and
enter separately; each other feature enters through its own encoder. Everything about
the query is computed once and repeated for its k impressions.
"""

import dataclasses

import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.features import reading, registry
from ytdnn.layers import embeddings, towers
from ytdnn.ranking import inputs

# Products of two embeddings decide a click. From smaller values gradients of both
# are so small that training first stands still for hundreds of steps.
_STDDEV = 0.2


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Sizes and statistics that fix the network's shape and normalisation.

    Attributes:
      vocabulary_size: Videos with an id embedding.
      features: What the encoders must know, by feature.
      prior_logit: Log-odds without any feature, `log(ΣT_i / (N - k))`: where the
        logit starts.
      has_watch_seconds: Whether scores are seconds (else odds of a click).
    """

    vocabulary_size: int
    features: reading.Statistics
    prior_logit: float
    has_watch_seconds: bool


class RankingNetwork(tf.keras.Model):
    """Tensors of `ytdnn.ranking.inputs` to logits `[batch, k]`.

    Attributes:
      videos: The shared video table.
    """

    def __init__(
        self,
        config: configs.Ranking,
        chosen: registry.Features,
        measured: Statistics,
    ) -> None:
        """Creates the network; its variables are all made at the first call.

        Args:
          config: Sizes.
          chosen: The features that are read.
          measured: Of the training impressions.
        """
        super().__init__(name="ranking")
        self.videos = embeddings.Table(
            measured.vocabulary_size, config.embedding_dim, _STDDEV, name="videos"
        )
        query = [f for f in chosen if f.scope.is_of_query]
        pairs = [f for f in chosen if not (f.scope.is_of_query or f.is_video)]
        self._videos_of_pairs = [f.name for f in chosen if f.is_video]
        self._of_query = reading.encoders(query, measured.features, _STDDEV)
        self._of_videos = reading.encoders(pairs, measured.features, _STDDEV)
        self._tower = towers.Tower(config.tower, config.dropout, name="tower")
        self._logit = tf.keras.layers.Dense(
            1,
            bias_initializer=tf.keras.initializers.Constant(measured.prior_logit),
            name="logit",
        )

    @property
    def tables(self) -> list[tf.Variable]:
        """The variables looked up by row, for the table optimiser."""
        layers = (self.videos, *self._of_query.values(), *self._of_videos.values())
        return [layer.table for layer in layers if isinstance(layer, embeddings.Table)]

    def call(self, tensors: inputs.Tensors, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Returns logits `[batch, k] float32`, `log` of the expected watch seconds.

        Args:
          tensors: Of the query `[batch, …]` and of impressions `[batch, k]`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        shown = self.videos(tensors[schema.IMPRESSION_VIDEOS])
        of_videos = reading.encode(self._of_videos, tensors)
        seeds = [self.videos(tensors[name]) for name in self._videos_of_pairs]
        impressions = tf.concat([shown, *seeds, *of_videos], axis=-1)
        query = self._query(tensors)[:, tf.newaxis, :]
        query = tf.repeat(query, tf.shape(impressions)[1], axis=1)
        hidden = self._tower(tf.concat([query, impressions], axis=-1), seed=seed)
        return tf.squeeze(self._logit(hidden), axis=-1)

    def _query(self, tensors: inputs.Tensors) -> tf.Tensor:
        """Returns `[batch, dim] float32`."""
        history = tensors[schema.HISTORY_VIDEOS]
        rows = self.videos(history)
        known = tf.cast(self.videos.known(history), tf.float32)
        num_known = tf.reduce_sum(known, axis=1, keepdims=True)
        mean = tf.math.divide_no_nan(tf.reduce_sum(rows, axis=1), num_known)
        of_query = reading.encode(self._of_query, tensors)
        return tf.concat([mean, rows[:, -1, :], *of_query], axis=-1)
