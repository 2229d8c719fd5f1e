"""Vectors of several networks made as narrow as those of one.

The scores of all users and videos are a matrix, U · Vᵀ, of the rank of the vectors'
width. Its best approximation of a lower rank (Eckart and Young, 1936) is made of U · A
and V · B, with A and B found from the users' and the videos' second moments alone, so
that neither their number nor the matrix matters.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

_ROWS = 1 << 16
_RIDGE = 1e-9  # of the users' mean square; keeps what no user of the sample has


def best(
    users: Floats, videos: Floats, dim: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns projections to `dim` coordinates with the nearest products.

    Nearest means the least sum of squared differences over all pairs.

    >>> users, videos = np.array([[1.0, 1.0], [2.0, 2.0]]), np.eye(2)
    >>> of_users, of_videos = best(users, videos, 1)
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
