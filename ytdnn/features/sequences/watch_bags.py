"""The watch history as averages of its embeddings (PAPER §3.2).

The paper's mean; beyond it recency-weighted and learned averages. A video without an id
embedding is the zero vector and does not count in an average.
"""

from typing import Any

import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.features import registry
from ytdnn.features.sequences import watched
from ytdnn.layers import bags, learned_bags, randomness


class WatchBags(watched.Watched):
    """Averages of the embeddings of recent watches."""

    def __init__(
        self,
        config: configs.CandidatesConfig,
        vocabulary_size: int,
        content: watched.ContentSource | None = None,
        **kwargs: Any,
    ) -> None:
        """Creates the encoder.

        Args:
          config: Settings of candidate generation, with the averages and their length.
          vocabulary_size: Videos with an id embedding.
          content: Content features of videos; None: there are none.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(config, vocabulary_size, content, **kwargs)
        is_bounded = isinstance(config.encoder, configs.BagsConfig)
        self.bags = bags.HistoryBags(
            (1.0,) * len(config.bags) + config.decay_rates,
            config.history_dropout,
            is_bounded,
            name="bags",
        )
        self.num_bags = len(config.bags) + len(config.decay_rates)
        self.learned_bags = None
        if config.learned_bags:
            self.num_bags += config.learned_bags
            self.learned_bags = learned_bags.LearnedBags(
                config.learned_bags,
                config.history_length,
                config.history_dropout,
                is_bounded,
                name="learned_bags",
            )

    def call(
        self, features: registry.Tensors, seed: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns the fixed averages, then the learned ones if there are any."""
        rows = features[schema.WATCH_ROWS]
        first = features[schema.FIRST_ROWS]
        inputs = *self.embedded(rows, seed), first
        parts = [
            self.bags(*inputs, randomness.of_stream(seed, randomness.RandomStream.BAGS))
        ]
        if self.learned_bags is not None:
            own = randomness.of_stream(seed, randomness.RandomStream.LEARNED_BAGS)
            parts.append(self.learned_bags(*inputs, own))
        return parts
