"""The candidate model's scores of given videos, of logs and in exported graphs."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.log import positions
from ytdnn.retrieval.index import interface


class Scores(tf.Module):
    """Products of a user's vector and the vectors of some videos."""

    def __init__(
        self,
        video_vectors: npt.NDArray[np.float32] | tf.Variable | interface.Stacked,
        num_videos: int,
    ) -> None:
        """Copies the vectors, or shares the variable that holds them.

        Args:
          video_vectors: `[num_videos, dim] float32`; row i is video index i + 1.
          num_videos: Number of videos with a vector, the first of the catalogue.
        """
        super().__init__()
        self._num_known = num_videos
        is_shared = isinstance(video_vectors, tf.Variable | interface.Stacked)
        self._vectors = (
            video_vectors if is_shared else tf.Variable(video_vectors, trainable=False)
        )

    def __call__(self, user_vectors: tf.Tensor, videos: tf.Tensor) -> tf.Tensor:
        """Returns `[batch, k] float32`, `NO_SCORE` for videos without a vector.

        Args:
          user_vectors: `[batch, dim] float32`.
          videos: `[batch, k] int32` catalogue indices.
        """
        known = (videos > 0) & (videos <= self._num_known)
        rows = tf.where(known, videos - 1, tf.zeros_like(videos))
        vectors = interface.rows_of(self._vectors, rows)
        scores = tf.linalg.matvec(vectors, user_vectors)
        return tf.where(known, scores, positions.NO_SCORE)

    def cosines(self, videos: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Returns cosines of videos and others, `[batch, k, n] float32`.

        The last coordinate of the vectors, the bias, is left out. A video without a
        vector has -1.

        Args:
          videos: `[batch, k] int32` catalogue indices.
          others: `[batch, n] int32` likewise.
        """
        (left, known), (right, other_known) = map(self._directions, (videos, others))
        both = known[:, :, tf.newaxis] & other_known[:, tf.newaxis, :]
        return tf.where(both, tf.matmul(left, right, transpose_b=True), -1.0)

    def _directions(self, videos: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        known = (videos > 0) & (videos <= self._num_known)
        rows = tf.where(known, videos - 1, tf.zeros_like(videos))
        vectors = interface.rows_of(self._vectors, rows)[..., :-1]
        return tf.math.l2_normalize(vectors, axis=-1), known
