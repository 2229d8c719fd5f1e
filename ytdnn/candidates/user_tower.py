"""The user tower: raw features to the user vector in one object (PAPER §3.2, §3.3).

Embedded watch history → bags; the bag of search tokens, demographics, device and what
else there is beside them; the ReLU tower; a linear layer to the embedding size. The
paper's last ReLU layer is itself the user vector; here a linear layer follows it, so
that a vector may have negative coordinates. Beyond the paper, a linear path may lead
from the bags past the tower (`ytdnn/layers/gated_bags.py`).
"""

from typing import Any

import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.candidates import features as tower_features
from ytdnn.layers import (
    bags,
    embeddings,
    gated_bags,
    learned_bags,
    randomness,
    request_time,
    token_bag,
    towers,
)

_GENDER_DIM = 4
_COUNTRY_DIM = 8
_DEVICE_DIM = 4
Stream = randomness.Stream


class UserTower(tf.keras.layers.Layer):
    """Features of slices to user vectors."""

    def __init__(
        self,
        config: configs.Candidates,
        inputs: tower_features.Inputs,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          config: Sizes.
          inputs: Which features there are.
          **kwargs: Of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.config = config
        self.inputs = inputs
        dim = config.embedding_dim
        self.videos = embeddings.Table(inputs.num_videos, dim, name="watched_videos")
        self.bags = bags.HistoryBags(
            config.bags, config.decay_rates, config.history_dropout, name="bags"
        )
        if config.learned_bags:
            self.learned_bags = learned_bags.LearnedBags(
                config.learned_bags,
                config.history_length,
                config.history_dropout,
                name="learned_bags",
            )
        self._make_feature_layers()
        self.tower = towers.Tower(
            config.tower, config.dropout, config.precision, name="tower"
        )
        self.output_layer = tf.keras.layers.Dense(dim, name="user_vector")
        if config.skip_connection != "none":
            self.skip_connection = gated_bags.GatedBags(
                self._num_bags(),
                dim,
                gated=config.skip_connection == "gated",
                dropout=config.dropout,
                precision=config.precision,
                name="skip_connection",
            )

    def _num_bags(self) -> int:
        config = self.config
        of_history = len(config.bags) + len(config.decay_rates) + config.learned_bags
        return of_history + (1 if self.inputs.num_tokens else 0)

    def _make_feature_layers(self) -> None:
        inputs, config = self.inputs, self.config
        if inputs.num_genders:
            self.genders = embeddings.Table(
                inputs.num_genders, _GENDER_DIM, name="genders"
            )
        if inputs.num_countries:
            self.countries = embeddings.Table(
                inputs.num_countries, _COUNTRY_DIM, name="countries"
            )
        if inputs.num_devices:
            self.devices = embeddings.Table(
                inputs.num_devices, _DEVICE_DIM, name="devices"
            )
        if inputs.num_tokens:
            self.tokens = embeddings.Table(
                inputs.num_tokens, config.embedding_dim, name="search_tokens"
            )
            self.token_bag = token_bag.TokenBag(
                config.history_dropout, name="token_bag"
            )
        if inputs.has_request_time:
            self.request_time = request_time.RequestTime(name="request_time")

    @property
    def tables(self) -> list[tf.Variable]:
        """Large variables looked up by row, for the table optimiser."""
        tokens = [self.tokens.table] if self.inputs.num_tokens else []
        return [self.videos.table, *tokens]

    def call(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, embedding_dim] float32`.

        Args:
          features: As of `ytdnn.data.inputs.cut`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        history = self._history(features, seed)
        searches = [self._searches(features, seed)] if self.inputs.num_tokens else []
        beside = [*self._demographics(features), *self._situation(features)]
        inputs = tf.concat([*history, *beside, *searches], axis=-1)
        top = self.tower(inputs, _fold(seed, Stream.TOWER))
        vectors = self.output_layer(top)
        if self.config.skip_connection == "none":
            return vectors
        bag_values = tf.concat(history + searches, axis=-1)
        return vectors + self.skip_connection(
            bag_values, top, _fold(seed, Stream.SKIP_CONNECTION)
        )

    def _history(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None
    ) -> list[tf.Tensor]:
        """Returns the bags of the watch history."""
        rows = features[schema.WATCH_ROWS]
        arguments = (self.videos(rows), rows > 0, features[schema.FIRST_ROWS])
        parts = [self.bags(*arguments, _fold(seed, Stream.BAGS))]
        if self.config.learned_bags:
            parts.append(
                self.learned_bags(*arguments, _fold(seed, Stream.LEARNED_BAGS))
            )
        return parts

    def _demographics(self, features: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        """Returns what is known of the user."""
        parts = []
        if self.inputs.num_genders:
            parts.append(self.genders(features[schema.GENDER_INDEX]))
        if self.inputs.num_countries:
            parts.append(self.countries(features[schema.COUNTRY_INDEX]))
        if self.inputs.has_age:
            parts.append(_with_presence(features[schema.AGE_FRACTION]))
        return parts

    def _situation(self, features: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        """Returns what is known of the request."""
        parts = []
        if self.inputs.num_devices:
            parts.append(self.devices(features[schema.DEVICE_INDEX]))
        if self.inputs.has_logged_in:
            parts.append(_with_presence(features[schema.LOGGED_IN_STATE]))
        if self.inputs.has_example_age:
            parts.append(features[schema.EXAMPLE_AGE][..., tf.newaxis])
        if self.inputs.has_request_time:
            times = features[schema.REQUEST_TIMES]
            pauses = features[schema.SECONDS_SINCE_LAST_WATCH]
            parts.append(self.request_time(times, pauses))
        return parts

    def _searches(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None
    ) -> tf.Tensor:
        tokens = features[schema.SEARCH_TOKENS]
        return self.token_bag(
            self.tokens(tokens),
            tokens > 0,
            features[schema.FIRST_TOKENS],
            features[schema.END_TOKENS],
            _fold(seed, Stream.SEARCH_TOKENS),
        )


def _with_presence(values: tf.Tensor) -> tf.Tensor:
    """Returns numbers in [0, 1] beside whether they are known (not negative)."""
    values = values[..., tf.newaxis]
    known = tf.cast(values >= 0.0, tf.float32)
    return tf.concat([tf.maximum(values, 0.0), known], axis=-1)


def _fold(seed: tf.Tensor | None, stream: Stream) -> tf.Tensor | None:
    return None if seed is None else randomness.fold(seed, stream)
