"""The ranking network: features to the outputs of a head (PAPER §4).

The impression's video, the last watched and the averaged history share one table and
enter separately; each other feature enters through its own encoder. Everything about
the query, its part of the first layer included, is computed once for its k impressions.
"""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.features import reading, registry
from ytdnn.layers import embeddings, mixture, randomness, rows, towers
from ytdnn.ranking import heads, inputs, outcome_head
from ytdnn.ranking import outcomes as outcomes_room

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
    features: reading.Statistics
    clicks: heads.Clicks
    calibration: heads.Calibration = heads.NOT_CALIBRATED
    outcomes: tuple[outcomes_room.Learned, ...] = ()


class RankingNetwork(tf.keras.Model):
    """Tensors of `ytdnn.ranking.inputs` to outputs of the head `[batch, k, n]`.

    Attributes:
      head: Head that reads the outputs.
      videos: Table of video embeddings for each use: the video shown, the last watched,
        the history. One table, unless the config says otherwise.
    """

    def __init__(
        self,
        config: configs.RankingConfig,
        chosen: registry.Features,
        measured: Statistics,
    ) -> None:
        """Creates the network; its variables are all made at the first call.

        Args:
          config: Settings of ranking.
          chosen: Features of the ranker.
          measured: Statistics of the training impressions.
        """
        super().__init__(name="ranking")
        self.head = outcome_head.make(config, measured.clicks, measured.outcomes)
        self._seeds = [f.name for f in chosen if f.is_video]
        uses = ("shown", "last_watched", "history", *self._seeds)
        self.videos = _video_tables(config, measured.vocabulary_size, uses)
        query = [f for f in chosen if f.scope.is_of_query]
        pairs = [f for f in chosen if not (f.scope.is_of_query or f.is_video)]
        known, how = measured.features, config.normalization
        self._of_query = reading.encoders(query, known, _STDDEV, how)
        self._of_videos = reading.encoders(pairs, known, _STDDEV, how)
        widths = config.tower[:-1] if config.experts else config.tower
        self._tower = towers.Tower(
            widths, config.dropout, config.precision, split=True, name="tower"
        )
        shared = len(self.head.biases) - self.head.num_own
        self._experts = _experts(config, self.head) if config.experts else None
        if self._experts is None:
            self._outputs = _outputs(self.head.biases[:shared], "outputs")
        if self.head.num_own:
            widths = self.head.own_tower
            self._own_tower = towers.Tower(
                widths, config.dropout, config.precision, split=True, name="own_tower"
            )
            self._own_outputs = _outputs(self.head.biases[shared:], "own_outputs")

    @property
    def tables(self) -> list[tf.Variable]:
        """The variables looked up by row, for the table optimiser."""
        of_videos = list({id(t): t for t in self.videos.values()}.values())
        layers = (*of_videos, *self._of_query.values(), *self._of_videos.values())
        return [
            layer.table
            for layer in layers
            if isinstance(layer, embeddings.EmbeddingTable)
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
            rows.of_vectors(self.videos[use](indices))
            for use, indices in looked_up.items()
        ]
        blocks = (*videos, *reading.blocks(self._of_videos, tensors))
        query, k = self._query(tensors), tf.shape(shown)[1]
        hidden = self._tower((query, rows.Items(blocks, k)), seed=seed)
        outputs = self._shared_outputs(hidden, seed)
        if not self.head.num_own:
            return outputs
        # Nothing that the click reads learns from the second tower.
        kept = tuple(rows.without_gradient(block) for block in blocks)
        own = self._own_tower(
            (tf.stop_gradient(query), rows.Items(kept, k)),
            seed=randomness.of_stream(seed, randomness.RandomStream.OWN_TOWER),
        )
        return tf.concat([outputs, self._own_outputs(own)], axis=-1)

    def _shared_outputs(self, hidden: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Returns the outputs that are read off the shared tower."""
        if self._experts is None:
            return self._outputs(hidden)
        of_experts = randomness.of_stream(seed, randomness.RandomStream.EXPERTS)
        return self._experts(hidden, seed=of_experts)

    def _query(self, tensors: inputs.Tensors) -> tf.Tensor:
        """Returns `[batch, dim] float32`."""
        history = tensors[schema.HISTORY_VIDEOS]
        table = self.videos["history"]
        known = tf.cast(table.known(history), tf.float32)
        num_known = tf.reduce_sum(known, axis=1, keepdims=True)
        total = tf.reduce_sum(table(history), axis=1)
        mean = tf.math.divide_no_nan(total, num_known)
        last = self.videos["last_watched"](history[:, -1])
        of_query = reading.encode(self._of_query, tensors)
        return tf.concat([mean, last, *of_query], axis=-1)


def _experts(
    config: configs.RankingConfig, head: heads.Head
) -> mixture.MixtureOfExperts:
    """Returns the experts that take the place of the tower's last layer."""
    return mixture.MixtureOfExperts(
        config.experts,
        config.tower[-1],
        head.biases[: len(head.biases) - head.num_own],
        head.groups,
        config.dropout,
        config.precision,
        name="experts",
    )


def _outputs(biases: Sequence[float], name: str) -> tf.keras.layers.Dense:
    """Returns a linear layer that starts near some values."""
    initial = tf.keras.initializers.Constant(biases)
    return tf.keras.layers.Dense(len(biases), bias_initializer=initial, name=name)


def _video_tables(
    config: configs.RankingConfig, vocabulary_size: int, uses: Sequence[str]
) -> dict[str, embeddings.EmbeddingTable]:
    """Returns the table of each use, one for all where it is shared (PAPER §4.1)."""

    def table(name: str) -> embeddings.EmbeddingTable:
        return embeddings.EmbeddingTable(
            vocabulary_size, config.embedding_dim, _STDDEV, name=name
        )

    if config.shared_table:
        return dict.fromkeys(uses, table("videos"))
    return {use: table(f"videos_{use}") for use in uses}
