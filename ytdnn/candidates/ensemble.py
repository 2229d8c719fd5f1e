"""Several candidate networks as one, whose score is the mean of their scores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ytdnn.candidates import logged_user_vectors
from ytdnn.log import io_fields, prepared

if TYPE_CHECKING:
    from ytdnn.candidates import model


class Ensemble(logged_user_vectors.FromLogs, tf.keras.Model):
    """Several networks as one model: its score is the mean of their scores.

    A vector is the concatenation of the networks' vectors, the videos' divided by the
    number of networks, so one nearest-neighbour search serves them all.
    """

    def __init__(self, members: Sequence["model.CandidateModel"]) -> None:
        """Joins trained networks of one config."""
        super().__init__(name="candidates")
        self.members = list(members)
        self.config = self.members[0].config
        self.vector_dim = sum(member.vector_dim for member in self.members)
        self.tower_inputs = self.members[0].tower_inputs
        self.encoders = self.members[0].encoders
        self.sees_request_time = self.members[0].sees_request_time
        self.trains_on_validation = self.members[0].trains_on_validation
        self.num_listed = self.members[0].num_listed

    @property
    def bias_coordinates(self) -> list[int]:
        """Coordinates of served vectors that hold a video's bias, and 1 for a user."""
        ends = np.cumsum([member.vector_dim for member in self.members])
        return [int(end) - 1 for end in ends]

    @property
    def user_variables(self) -> list[tf.Variable]:
        """Variables that a query is computed with."""
        return [v for member in self.members for v in member.user_variables]

    def freeze(self) -> None:
        """Makes it a model that is not trained any more; see `model.CandidateModel`."""
        for member in self.members:
            member.freeze()

    def forget_videos(self) -> None:
        """Frees the networks' tables of videos; see `model.CandidateModel`."""
        for member in self.members:
            member.forget_videos()

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the request fields that the model reads."""
        return self.members[0].fields(catalogue)

    def facts(self) -> dict[str, object]:
        """Returns facts about the model for its manifest."""
        return self.members[0].facts()

    def query_vectors(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, vector_dim] float32`."""
        parts = [member.query_vectors(features, seed) for member in self.members]
        return tf.concat(parts, axis=-1)

    def video_vectors(self, moment: int | None = None) -> np.ndarray:
        """Returns `[num_listed, vector_dim] float32`; see `model.CandidateModel`."""
        vectors = [member.video_vectors(moment) for member in self.members]
        return np.concatenate(vectors, axis=1) / np.float32(len(vectors))
