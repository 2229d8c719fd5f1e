"""Several candidate networks as one: their scores' mean, their vectors projected."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ytdnn.candidates import projection, user_vectors
from ytdnn.log import catalogues, fields

if TYPE_CHECKING:
    from ytdnn.candidates import model


class Ensemble(user_vectors.FromLogs, tf.keras.Model):
    """Several networks as one model: its score is the mean of their scores.

    A vector is the concatenation of the networks' vectors, the videos' divided by the
    number of networks, so one nearest-neighbour search serves them all. With
    `serving_dim` vectors are projected to that many coordinates and the bias, with
    nearly the same scores.

    Attributes:
      of_users: Projection of users' vectors, `[coordinates of all networks without
        bias, serving_dim]`; None without `serving_dim`.
      of_videos: Projection of videos' vectors, of the same shape.
    """

    def __init__(self, members: Sequence["model.CandidateModel"]) -> None:
        """Joins trained networks of one config."""
        super().__init__(name="candidates")
        self.members = list(members)
        self.config = self.members[0].config
        dims = [member.vector_dim for member in members]
        self.serving_dim = self.config.serving_dim
        self.vector_dim = self.serving_dim + 1 if self.serving_dim else sum(dims)
        self.of_users, self.of_videos = None, None
        if self.serving_dim:
            shape = [sum(dims) - len(dims), self.serving_dim]
            self.of_users, self.of_videos = (
                tf.Variable(tf.zeros(shape), trainable=False, name=name)
                for name in ("of_users", "of_videos")
            )
        self.tower_inputs = self.members[0].tower_inputs
        self.encoders = self.members[0].encoders
        self.sees_request_time = self.members[0].sees_request_time
        self.trains_on_validation = self.members[0].trains_on_validation
        self.num_listed = self.members[0].num_listed

    @property
    def bias_coordinates(self) -> list[int]:
        """Coordinates of served vectors that hold a video's bias, and 1 for a user."""
        if self.serving_dim:
            return [self.serving_dim]
        ends = np.cumsum([member.vector_dim for member in self.members])
        return [int(end) - 1 for end in ends]

    @property
    def user_variables(self) -> list[tf.Variable]:
        """Variables that a query is computed with."""
        own = [v for member in self.members for v in member.user_variables]
        return [*own, self.of_users] if self.serving_dim else own

    def choose_projection(self, users: np.ndarray, moment: int | None = None) -> None:
        """Chooses the projection with scores nearest to the unprojected ones.

        Args:
          users: `[n, width]`, concatenated user vectors of all networks, without
            projection.
          moment: See `model.CandidateModel.video_vectors`.
        """
        own = [member.video_vectors(moment) for member in self.members]
        places = np.cumsum([member.vector_dim for member in self.members]) - 1
        taste = np.concatenate([one[:, :-1] for one in own], axis=1)
        found = projection.best(
            np.delete(users, places, axis=1), taste, self.serving_dim
        )
        for variable, values in zip(self._projection, found, strict=True):
            variable.assign(values)

    @property
    def _projection(self) -> tuple[tf.Variable, tf.Variable]:
        if self.of_users is None or self.of_videos is None:
            raise ValueError("expected a serving_dim, received 0")
        return self.of_users, self.of_videos

    def freeze(self) -> None:
        """Makes it a model that is not trained any more; see `model.CandidateModel`."""
        for member in self.members:
            member.freeze()

    def forget_videos(self) -> None:
        """Frees the networks' tables of videos; see `model.CandidateModel`."""
        for member in self.members:
            member.forget_videos()

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the request fields that the model reads."""
        return self.members[0].fields(catalogue)

    def facts(self) -> dict[str, object]:
        """Returns facts about the model for its manifest."""
        return self.members[0].facts()

    def query_vectors(
        self, features: dict[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `[slices, positions, vector_dim] float32`."""
        own = [member.query_vectors(features, seed) for member in self.members]
        if not self.serving_dim:
            return tf.concat(own, axis=-1)
        taste = tf.concat([one[..., :-1] for one in own], axis=-1)
        return tf.concat([tf.matmul(taste, self.of_users), own[0][..., -1:]], axis=-1)

    def video_vectors(self, moment: int | None = None) -> np.ndarray:
        """Returns `[num_listed, vector_dim] float32`; see `model.CandidateModel`."""
        own = [member.video_vectors(moment) for member in self.members]
        joined: np.ndarray = np.concatenate(own, axis=1) / np.float32(len(own))
        if not self.serving_dim:
            return joined
        places = np.cumsum([member.vector_dim for member in self.members]) - 1
        bias = joined[:, places].sum(axis=1, keepdims=True)
        _, of_videos = self._projection
        taste = np.delete(joined, places, axis=1) @ of_videos.numpy()
        projected: np.ndarray = np.concatenate([taste, bias], axis=1)
        return projected
