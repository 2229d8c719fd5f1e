"""Given vectors of videos as sums of shared rows, by least squares.

With hashed rows (`ytdnn/layers/embeddings.py`) a counted start is the table of N
rows with the sums nearest to the counted vectors:

    min over rows of Σ_v w_v · |row[a_v] + row[b_v] − vector_v|²

with a video's watches as its weight, so that the videos that are watched most keep
their vectors best. The normal equations are solved by conjugate gradients, all
coordinates at once, scaled by their diagonal (Golub and Van Loan, 2013, §11.5).
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer]

_STEPS = 30
_TINY = 1e-12


def least_squares(
    pairs: Ints, vectors: Floats, weights: Floats, num_rows: int
) -> Floats:
    """Returns the rows with the sums nearest to vectors, `[num_rows, dim]`.

    Args:
      pairs: `[videos, 2]` rows of each video, from 0.
      vectors: `[videos, dim]`.
      weights: `[videos]` weight of each video's error, above 0.
      num_rows: Number of rows; a row of no video is zero.
    """
    weighted = weights[:, np.newaxis].astype(np.float32)
    columns = tf.constant(pairs[:, 0]), tf.constant(pairs[:, 1])

    def gathered(rows: Floats) -> Floats:
        one, other = (tf.gather(rows, column) for column in columns)
        return np.asarray(one + other)

    def scattered(values: Floats) -> Floats:
        values = tf.constant(weighted * values)
        one, other = (
            tf.math.unsorted_segment_sum(values, column, num_rows) for column in columns
        )
        return np.array(one + other)

    diagonal = np.maximum(scattered(np.ones_like(weighted)), _TINY)
    found = np.zeros((num_rows, vectors.shape[1]), np.float32)
    left = scattered(vectors)
    direction = np.divide(left, diagonal, dtype=np.float32)
    length = _products(left, direction)
    for _ in range(_STEPS):
        product = scattered(gathered(direction))
        rate = length / np.maximum(_products(direction, product), _TINY)
        found += rate * direction
        left -= rate * product
        scaled = np.divide(left, diagonal, dtype=np.float32)
        before, length = length, _products(left, scaled)
        direction *= length / np.maximum(before, _TINY)
        direction += scaled
    return found


def _products(one: Floats, other: Floats) -> Floats:
    """Returns the inner product of each column, `[dim]`."""
    found: Floats = np.einsum("rd,rd->d", one, other)
    return found
