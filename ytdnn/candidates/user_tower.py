"""The user tower: raw features to the user vector in one object (PAPER §3.2, §3.3).

Encoded watch history, demographics, device and other features, the bag of search
tokens; concatenated; the ReLU tower; a linear layer to the embedding size. The paper's
last ReLU layer is itself the user vector; here a linear layer follows it, so that a
vector may have negative coordinates. Beyond the paper, a skip connection may lead from
the encoded sequences to the user vector (`ytdnn/layers/gated_bags.py`).
"""

from typing import Any

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.candidates import tower_inputs
from ytdnn.features import reading, registry
from ytdnn.layers import randomness, towers
from ytdnn.log import catalogues, fields

_STDDEV = 0.05  # of the initial values of features' embeddings


class UserTower(tf.keras.layers.Layer):
    """Maps features of slices to user vectors.

    Attributes:
      inputs: Inputs of the tower.
    """

    def __init__(
        self,
        config: configs.CandidatesConfig,
        inputs: tower_inputs.TowerInputs,
        **kwargs: Any,
    ) -> None:
        """Creates the layer.

        Args:
          config: Settings of candidate generation.
          inputs: Inputs of the tower.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.config = config
        self.inputs = inputs
        of_videos = None
        if inputs.of_videos is not None:
            dim = config.embedding_dim
            of_videos = inputs.of_videos.vectors(dim, "watched_content")
        self.watches = registry.make_encoder(
            config,
            inputs.vocabulary_size,
            of_videos,
            inputs.sees_request_time,
            inputs.own_encoder,
        )
        self.features = reading.encoders(inputs.features, inputs.measured, _STDDEV)
        self.searches = None
        if inputs.num_tokens:
            from ytdnn.features.sequences import search_bag

            self.searches = search_bag.SearchBag(
                config, inputs.num_tokens, name="searches"
            )
        self.tower = towers.Tower(
            config.tower, config.dropout, config.precision, name="tower"
        )
        dim = config.embedding_dim
        self.output_layer = tf.keras.layers.Dense(dim, name="user_vector")
        self.skip_connection = None
        if config.skip_connection != "none":
            from ytdnn.layers import gated_bags

            self.skip_connection = gated_bags.GatedBags(
                sum(encoder.num_bags for encoder in self.encoders),
                dim,
                gated=config.skip_connection == "gated",
                dropout=config.dropout,
                precision=config.precision,
                name="skip_connection",
            )

    @property
    def encoders(self) -> list[registry.Encoder]:
        """The encoders of the sequences it reads."""
        return [self.watches] + ([self.searches] if self.searches is not None else [])

    @property
    def tables(self) -> list[tf.Variable]:
        """Large variables looked up by row, for the table optimiser."""
        return [table for encoder in self.encoders for table in encoder.tables]

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the request fields that the tower reads."""
        watched = self.watches.fields(catalogue)
        of_features = reading.request_fields(self.inputs.features, catalogue)
        searches = self.searches.fields(catalogue) if self.searches is not None else ()
        return fields.union(watched, of_features, searches)

    def call(
        self, tensors: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, embedding_dim] float32`.

        Args:
          tensors: Tensors that `ytdnn.log.inputs.cut` returns.
          seed: `[2] int32` of this training step, or None outside training.
        """
        history = self.watches(tensors, seed)
        searches = [] if self.searches is None else self.searches(tensors, seed)
        beside = reading.encode(self.features, tensors)
        inputs = tf.concat([*history, *beside, *searches], axis=-1)
        top = self.tower(
            inputs, randomness.of_stream(seed, randomness.RandomStream.TOWER)
        )
        vectors = towers.dense(self.output_layer, top, seed)
        if self.skip_connection is None:
            return vectors
        own = randomness.of_stream(seed, randomness.RandomStream.SKIP_CONNECTION)
        return vectors + self.skip_connection(
            tf.concat([*history, *searches], axis=-1), top, own
        )
