"""Vectors of many users, and their exact candidates by products in blocks."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import ragged, schema
from ytdnn.base.metrics import selection
from ytdnn.bundle import batches, logged_requests
from ytdnn.bundle import bundle as bundle_room
from ytdnn.retrieval.index import interface

MOST_CELLS = 1 << 20  # of a batch: its requests times the longest of them
_MOST_USERS = 1_024  # of a batch of the user tower
_BLOCK_BYTES = 3 * selection.BLOCK_BYTES  # of a thousand users

Indices = npt.NDArray[np.integer]
Vectors = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Lists:
    """Lists of some users, best first.

    Attributes:
      videos: `[n, k] int32` catalogue indices, 0 after the last one.
      scores: `[n, k] float32`, 0 where there is no video.
      more: `[n, k]` other outputs of the model, by name.
    """

    videos: npt.NDArray[np.int32]
    scores: Vectors
    more: dict[str, npt.NDArray[Any]] = dataclasses.field(default_factory=dict)


class UserVectors:
    """Computes vectors of users of a log by the user tower of a bundle."""

    def __init__(
        self, bundle: bundle_room.Bundle, logged: logged_requests.LoggedRequests
    ) -> None:
        """Loads the user tower."""
        self._bundle, self._logged = bundle, logged
        self._fields = bundle.inputs(bundle_room.USER_TOWER)

    def __call__(self, users: Indices) -> Vectors:
        """Returns `[n, dim] float32`; a user without watches has an empty history."""
        lengths = self._logged.lengths(users)
        parts = []
        every = batches.of_like_length(lengths, _MOST_USERS, MOST_CELLS)
        for part in every:
            inputs = self._logged.inputs(users[part], self._fields)
            found = self._bundle.run(bundle_room.USER_TOWER, inputs)
            parts.append(found[schema.USER_VECTOR].numpy())
        vectors: Vectors = np.concatenate(parts)
        vectors[np.concatenate(every)] = vectors.copy()
        return vectors


class Search:
    """Exact search among some of the videos that have a vector."""

    def __init__(
        self, vectors: Vectors, left_out: Indices, allowed: Indices | None = None
    ) -> None:
        """Stores the vectors, copied if some are left out.

        Args:
          vectors: `[num_videos, dim] float32`, row i ↔ video index i + 1.
          left_out: `[n]` video indices that no list holds.
          allowed: `[m]` video indices, the only videos in lists; None: all.
        """
        num_videos = len(vectors)
        is_held = np.full(num_videos + 1, allowed is None)
        if allowed is not None:
            is_held[allowed[allowed <= num_videos]] = True
        is_held[left_out[left_out <= num_videos]] = False
        is_held[0] = False
        self._held: npt.NDArray[np.int32] = np.flatnonzero(is_held).astype(np.int32)
        is_whole = len(self._held) == num_videos
        with tf.device("CPU"):
            self._vectors = tf.constant(
                vectors if is_whole else vectors[self._held - 1]
            )
        self._place = np.cumsum(is_held) * is_held

    def __len__(self) -> int:
        """Number of videos."""
        return len(self._held)

    def __call__(self, queries: Vectors, left_out: ragged.Ragged, k: int) -> Lists:
        """Returns the videos with the largest products.

        Args:
          queries: `[n, dim] float32`.
          left_out: Video indices that each list leaves out, any of the catalogue.
          k: Length of the lists, cut to the number of videos.
        """
        k = min(k, len(self))
        if not k:
            nothing = np.zeros((len(queries), 0), np.float32)
            return Lists(nothing.astype(np.int32), nothing)
        known = np.where(left_out.values < len(self._place), left_out.values, 0)
        places = self._place[known]
        found, scores = selection.scored_best_of(
            self._products(queries),
            (len(queries), len(self)),
            (left_out.offsets, places),
            k,
            _BLOCK_BYTES,
        )
        return Lists(np.append(np.int32(0), self._held)[found], scores)

    def _products(self, queries: Vectors) -> selection.Scorer:
        """Returns a function that multiplies blocks in TensorFlow, on all cores."""
        with tf.device("CPU"):
            asked = tf.constant(queries)

        def products(users: slice, videos: slice, out: Vectors) -> selection.Made:
            del out
            block = interface.row_range(self._vectors, videos.start, videos.stop)
            found = _block(asked[users], block)
            # `.numpy()` would copy them.
            return selection.Made(*(np.asarray(memoryview(one)) for one in found))

        return products


@tf.function(reduce_retracing=True)
def _block(queries: tf.Tensor, vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a block of products, and its maxima as in `selection.Made`."""
    scores = tf.linalg.matmul(queries, vectors, transpose_b=True)
    size = tf.shape(scores)
    number = size[1] // selection.GROUP
    grouped = scores[:, : number * selection.GROUP]
    shape = tf.stack([size[0], selection.GROUP, number])
    return scores, tf.reduce_max(tf.reshape(grouped, shape), axis=1)
