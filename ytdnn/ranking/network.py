"""The ranking network: features to the outputs of a head (PAPER §4).

The impression's video, the last watched and the averaged history share one table and
enter separately; each other feature enters through its own encoder. Everything about
the query, its part of the first layer included, is computed once for its k impressions.
"""

import dataclasses
import json
import pathlib
from typing import Any

import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.features import base_feature, feature_choice, open_features
from ytdnn.layers import embeddings, randomness, split_dense, towers
from ytdnn.ranking import heads, inputs, outcome_heads

# Small, so that rows of rare videos are alike and not learned by heart.
_STDDEV = 0.03


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Sizes and statistics that fix the network's shape and normalisation.

    Attributes:
      vocabulary_size: Videos with an id embedding.
      features: Statistics that the encoders need, by feature.
      clicks: Means over the training impressions, initial values of the outputs.
      calibration: Calibration of predictions, from the validation window.
      outcomes: Outcomes that are predicted, with their means.
    """

    vocabulary_size: int
    features: open_features.Statistics
    clicks: heads.Clicks
    calibration: heads.Calibration = heads.NOT_CALIBRATED
    outcomes: tuple[outcome_heads.PredictedOutcome, ...] = ()


def read_statistics(path: pathlib.Path) -> Statistics:
    """Returns the statistics of an artefact."""
    return configs.component(Statistics, json.loads(path.read_text()))


class _OutcomeTower(tf.keras.layers.Layer):
    """A tower of its own for an outcome, up to its logit."""

    def __init__(
        self, config: configs.RankingConfig, bias: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        options = config.outcome_tower, config.dropout, config.precision
        self._tower = towers.Tower(*options, split=True, name="tower")
        initial = tf.keras.initializers.Constant(bias)
        self._logit = tf.keras.layers.Dense(1, bias_initializer=initial, name="logit")

    def call(
        self, items: tuple[tf.Tensor, split_dense.Items], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[batch, k, 1]`; see `towers.Tower`."""
        return towers.dense(self._logit, self._tower(items, seed=seed), seed)


class RankingNetwork(tf.keras.Model):
    """Tensors of `ytdnn.ranking.inputs` to outputs of the head `[batch, k, n]`.

    Attributes:
      head: Head that reads the outputs.
      videos: Table of video embeddings for each use: the video shown, the last watched,
        the history. All share one (PAPER §4.1).
    """

    def __init__(
        self,
        config: configs.RankingConfig,
        chosen: feature_choice.Features,
        measured: Statistics,
    ) -> None:
        """Creates the network; its variables are all made at the first call.

        Args:
          config: Settings of ranking.
          chosen: Features of the ranker.
          measured: Statistics of the training impressions.
        """
        super().__init__(name="ranking")
        self.head = outcome_heads.make(config, measured.clicks, measured.outcomes)
        self._seeds = [f.name for f in chosen if f.is_video]
        uses = ("shown", "last_watched", "history", *self._seeds)
        table = embeddings.EmbeddingTable(
            measured.vocabulary_size, config.embedding_dim, _STDDEV, name="videos"
        )
        self.videos = dict.fromkeys(uses, table)
        of_videos = [f for f in chosen if f.scope is base_feature.Scope.VIDEO]
        self._of_shown = [f.name for f in of_videos if not f.is_video]
        query = [f for f in chosen if f.scope.is_of_query]
        pairs = [f for f in chosen if not (f.scope.is_of_query or f.is_video)]
        known, how = measured.features, config.normalization
        self._of_query = open_features.encoders(query, known, _STDDEV, how)
        self._of_videos = open_features.encoders(pairs, known, _STDDEV, how)
        first = len(self.head.biases) - len(self.head.outcomes)
        options = config.dropout, config.precision
        self._tower = towers.Tower(config.tower, *options, split=True, name="tower")
        initial = tf.keras.initializers.Constant(self.head.biases[:first])
        self._outputs = tf.keras.layers.Dense(
            first, bias_initializer=initial, name="outputs"
        )
        self._of_outcomes = [
            _OutcomeTower(config, bias, name=f"outcome_{number}")
            for number, bias in enumerate(self.head.biases[first:])
        ]

    @property
    def tables(self) -> list[tf.Variable]:
        """The variables looked up by row, for the table optimiser."""
        of_videos = self.videos["shown"]
        layers = (of_videos, *self._of_query.values(), *self._of_videos.values())
        return [
            each.table for each in layers if isinstance(each, embeddings.EmbeddingTable)
        ]

    def call(self, tensors: inputs.Tensors, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the outputs, `[batch, k, n] float32`.

        Args:
          tensors: Tensors of the query `[batch, …]` and of impressions `[batch, k]`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        shown = tensors[schema.IMPRESSION_VIDEOS]
        looked_up = {"shown": shown} | {name: tensors[name] for name in self._seeds}
        videos = [
            split_dense.to_block(self.videos[use](indices))
            for use, indices in looked_up.items()
        ]
        blocks = (*videos, *open_features.blocks(self._of_videos, tensors))
        query, k = self._query(tensors), tf.shape(shown)[1]
        hidden = self._tower((query, split_dense.Items(blocks, k)), seed=seed)
        outputs: tf.Tensor = towers.dense(self._outputs, hidden, seed)
        if not self._of_outcomes:
            return outputs
        # Nothing that the click reads learns from the other towers.
        fixed = (tf.stop_gradient(block.values) for block in blocks)
        items = tuple(split_dense.Block(each, is_learned=False) for each in fixed)
        of_towers = tf.stop_gradient(query), split_dense.Items(items, k)
        of_stream = randomness.substream(seed, randomness.RandomStream.OUTCOMES)
        of_outcomes = [
            tower(of_towers, randomness.substream(of_stream, number))
            for number, tower in enumerate(self._of_outcomes)
        ]
        return tf.concat([outputs, *of_outcomes], axis=-1)

    def video_coordinates(self, tensors: inputs.Tensors) -> tf.Tensor:
        """Returns the encoding of a video's own features, `[batch · k, dim]`.

        Args:
          tensors: See `call`.
        """
        shown = self.videos["shown"](tensors[schema.IMPRESSION_VIDEOS])
        layers = {name: self._of_videos[name] for name in self._of_shown}
        blocks = [split_dense.to_block(shown), *open_features.blocks(layers, tensors)]
        return split_dense.examples(blocks)

    def _query(self, tensors: inputs.Tensors) -> tf.Tensor:
        """Returns `[batch, dim] float32`."""
        history = tensors[schema.HISTORY_VIDEOS]
        table = self.videos["history"]
        known = tf.cast(table.known(history), tf.float32)
        num_known = tf.reduce_sum(known, axis=1, keepdims=True)
        mean = tf.math.divide_no_nan(tf.reduce_sum(table(history), axis=1), num_known)
        last = self.videos["last_watched"](history[:, -1])
        of_query = open_features.encode(self._of_query, tensors)
        return tf.concat([mean, last, *of_query], axis=-1)
