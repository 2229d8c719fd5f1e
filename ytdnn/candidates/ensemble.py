"""Several candidate networks as one: their scores' mean, their vectors projected.

The scores of all users and videos are a matrix, U · Vᵀ, of the rank of the vectors'
width. Its best approximation of a lower rank (Eckart and Young, 1936) is made of U · A
and V · B, with A and B found from the users' and the videos' second moments alone, so
that neither their number nor the matrix matters.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.candidates import logged_user_vectors
from ytdnn.log import catalogues, events, fields, prepared

if TYPE_CHECKING:
    from ytdnn.candidates import model

Floats = npt.NDArray[np.floating]

_MOST_POSITIONS = 1 << 15
_ROWS = 1 << 16
_RIDGE = 1e-9  # of the users' mean square; keeps what no user of the sample has


class Ensemble(logged_user_vectors.FromLogs, tf.keras.Model):
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
        variables = [v for member in self.members for v in member.user_variables]
        return [*variables, self.of_users] if self.serving_dim else variables

    def choose_projection(self, users: np.ndarray, moment: int | None = None) -> None:
        """Chooses the projection with scores nearest to the unprojected ones.

        Args:
          users: `[n, width]`, concatenated user vectors of all networks, without
            projection.
          moment: See `model.CandidateModel.video_vectors`.
        """
        vectors = [member.video_vectors(moment) for member in self.members]
        places = np.cumsum([member.vector_dim for member in self.members]) - 1
        taste = np.concatenate([part[:, :-1] for part in vectors], axis=1)
        matrices = nearest_products(
            np.delete(users, places, axis=1), taste, self.serving_dim
        )
        for variable, values in zip(self._projection, matrices, strict=True):
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
        parts = [member.query_vectors(features, seed) for member in self.members]
        if not self.serving_dim:
            return tf.concat(parts, axis=-1)
        taste = tf.concat([part[..., :-1] for part in parts], axis=-1)
        return tf.concat([tf.matmul(taste, self.of_users), parts[0][..., -1:]], axis=-1)

    def video_vectors(self, moment: int | None = None) -> np.ndarray:
        """Returns `[num_listed, vector_dim] float32`; see `model.CandidateModel`."""
        vectors = [member.video_vectors(moment) for member in self.members]
        joined: np.ndarray = np.concatenate(vectors, axis=1) / np.float32(len(vectors))
        if not self.serving_dim:
            return joined
        places = np.cumsum([member.vector_dim for member in self.members]) - 1
        bias = joined[:, places].sum(axis=1, keepdims=True)
        _, of_videos = self._projection
        taste = np.delete(joined, places, axis=1) @ of_videos.numpy()
        projected: np.ndarray = np.concatenate([taste, bias], axis=1)
        return projected


def project(
    candidate_model: "model.Joined", data: prepared.PreparedData, seed: int
) -> None:
    """Chooses the projection of an ensemble with `serving_dim`, if it is one.

    Users are those of training watches sampled from the first shard.

    Args:
      candidate_model: The trained networks.
      data: The prepared set they were trained on.
      seed: Seed of the sample.
    """
    if not isinstance(candidate_model, Ensemble) or not candidate_model.serving_dim:
        return
    part = data.with_log(data.log.some)
    rows = part.windows.watches_of(events.Split.TRAIN)
    users = np.asarray(part.watches.users)[rows]
    has_history = rows > np.asarray(part.watches.offsets)[users]
    rows = rows[has_history] if has_history.any() else rows
    if len(rows) > _MOST_POSITIONS:
        rng = np.random.Generator(np.random.Philox(seed))
        rows = np.sort(rng.choice(rows, _MOST_POSITIONS, replace=False))
    users = np.asarray(part.watches.users)[rows]
    vectors = [
        member.user_vectors(part, users, rows) for member in candidate_model.members
    ]
    candidate_model.choose_projection(
        np.concatenate(vectors, axis=1), data.windows.training_window[1]
    )


def nearest_products(
    users: Floats, videos: Floats, dim: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns projections to `dim` coordinates with the nearest products.

    Nearest means the least sum of squared differences over all pairs.

    >>> users, videos = np.array([[1.0, 1.0], [2.0, 2.0]]), np.eye(2)
    >>> of_users, of_videos = nearest_products(users, videos, 1)
    >>> np.round((users @ of_users) @ (videos @ of_videos).T, 3)
    array([[1., 1.],
           [2., 2.]], dtype=float32)

    Args:
      users: `[n, width]`, a sample of users' vectors.
      videos: `[m, width]`.
      dim: Number of coordinates, at most `width`.

    Returns:
      `[width, dim]` both, to multiply users' and videos' vectors by.
    """
    of_users, of_videos = _second_moment(users), _second_moment(videos)
    of_users /= len(users)
    of_users += np.eye(len(of_users)) * (_RIDGE * np.trace(of_users) + 1e-30)
    values, vectors = np.linalg.eigh(of_users)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, axes = np.linalg.eigh(root @ of_videos @ root)
    axes = axes[:, ::-1][:, :dim]
    # An axis and its opposite are the same: the largest coordinate is positive.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[np.newaxis], axis=0)
    axes = axes * np.where(largest < 0.0, -1.0, 1.0)
    return (inverse @ axes).astype(np.float32), (root @ axes).astype(np.float32)


def _second_moment(rows: Floats) -> npt.NDArray[np.float64]:
    """Returns rowsᵀ · rows, made of blocks of rows."""
    total = np.zeros([rows.shape[1], rows.shape[1]])
    for start in range(0, len(rows), _ROWS):
        block = np.asarray(rows[start : start + _ROWS], np.float64)
        total += block.T @ block
    return total
