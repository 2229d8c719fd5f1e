"""The user tower: raw features to the user vector in one object (PAPER §3.2, §3.3).

Embedded watch history → bags; demographics beside them; the ReLU tower; a linear
layer to the embedding size. The paper's last ReLU layer is itself the user vector;
here a linear layer follows it, so that a vector may have negative coordinates.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.data import prepared
from ytdnn.layers import bags, embeddings, randomness, towers

_GENDER_DIM = 4
_COUNTRY_DIM = 8


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Which features there are: each exists exactly when the log has its column.

    Attributes:
      num_videos: Size of the video vocabulary.
      num_genders: Known genders, 0 without the column.
      num_countries: Known countries, 0 without the column.
      has_age: Whether the log has ages.
    """

    num_videos: int
    num_genders: int = 0
    num_countries: int = 0
    has_age: bool = False

    @classmethod
    def of(cls, data: prepared.PreparedData) -> "Inputs":
        """Returns the features of a prepared set."""
        return cls(
            num_videos=data.num_videos,
            num_genders=len(data.vocabularies.get(schema.GENDER, ())),
            num_countries=len(data.vocabularies.get(schema.COUNTRY, ())),
            has_age=schema.AGE in data.users.columns,
        )


class UserTower(tf.keras.layers.Layer):
    """Features of slices to user vectors."""

    def __init__(
        self, config: configs.Candidates, inputs: Inputs, **kwargs: Any
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
            config.mean_bag, config.decay_rates, config.history_dropout, name="bags"
        )
        if inputs.num_genders:
            self.genders = embeddings.Table(
                inputs.num_genders, _GENDER_DIM, name="genders"
            )
        if inputs.num_countries:
            self.countries = embeddings.Table(
                inputs.num_countries, _COUNTRY_DIM, name="countries"
            )
        self.tower = towers.Tower(
            config.tower, config.dropout, config.precision, name="tower"
        )
        self.output_layer = tf.keras.layers.Dense(dim, name="user_vector")

    def call(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, embedding_dim] float32`.

        Args:
          features: As of `ytdnn.data.inputs.cut`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        history_seed = None if seed is None else randomness.fold(seed, 1)
        tower_seed = None if seed is None else randomness.fold(seed, 2)
        rows = features[schema.WATCH_ROWS]
        history = self.bags(
            self.videos(rows), rows > 0, features[schema.FIRST_ROWS], history_seed
        )
        inputs = tf.concat([history, *self._demographics(features)], axis=-1)
        return self.output_layer(self.tower(inputs, tower_seed))

    def _demographics(self, features: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        parts = []
        if self.inputs.num_genders:
            parts.append(self.genders(features[schema.GENDER_INDEX]))
        if self.inputs.num_countries:
            parts.append(self.countries(features[schema.COUNTRY_INDEX]))
        if self.inputs.has_age:
            age = features[schema.AGE_FRACTION][..., tf.newaxis]
            known = tf.cast(age >= 0.0, tf.float32)
            parts.append(tf.concat([tf.maximum(age, 0.0), known], axis=-1))
        return parts
