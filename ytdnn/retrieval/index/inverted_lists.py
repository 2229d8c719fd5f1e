"""Builds the inverted lists of `ivf`: k-means, blocks of videos, and their bounds.

k-means on a sample cuts the videos into lists (Sivic and Zisserman, ICCV 2003; Jégou,
Douze and Schmid, PAMI 2011). Centres are moved once for the inner product (anisotropic
loss: Guo et al., ICML 2020): an error along a vector changes the large products that a
search looks for, an error across it does not.

A list is stored in blocks of videos, those that can have the largest products first. A
video of length a along the direction ĉ of its list and r across it has with a query q
the product a ⟨q, ĉ⟩ + r ⟨q, r̂⟩. The direction r̂ is not stored: _ACROSS ‖q‖ stands for
the second product, which makes a bound that few videos exceed. For the best block of
each list it is one product of the query and its length with `centres`. How the bounds
of the other blocks compare with it hardly depends on the query, so `ends` stores it.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.retrieval.index import interface

BLOCK = 8  # videos
LEVELS = 32  # to which shares of the bound of a list's best block are rounded down
_SAMPLED_PER_LIST = 30  # vectors that the centres are trained on
_LEAST_SAMPLE = 20_000  # of them in all
_ITERATIONS = 8  # of k-means
# Weight of an error along a vector. Of 100,000 videos recall .95 at k 200 needs 2.0 %
# of them scored with it, 2.2 % with 8, and 2.8 % with centres that are means.
_ETA = 4.0
# Length across the direction that counts in a bound, as a share of the query's length.
# Of a million made vectors of 65 coordinates recall .95 at k 200 needs 2,200 videos
# scored with it (in blocks of 16), 2,500 with 0.2, 2,150 with 0.4, 3,400 if it is a
# share of ⟨q, ĉ⟩; 20,000 trained vectors need fewer with 0.15 to 0.3 than with 0.5.
_ACROSS = 0.3
_COSINE = 0.6  # of a query and the direction of a list that it reads, about
_ROWS_AT_ONCE = 8_192  # of products with the centres
_MOST_CODE = 127  # of int8
_SEED = 0  # of the sample; recall hardly depends on it
_LEAST = 1e-30  # instead of a length of zero

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]


@dataclasses.dataclass(frozen=True)
class InvertedLists:
    """The lists, as variables; none is empty.

    Attributes:
      centres: Bound of each list's best block for a query and its length,
        `[dim + 1, num_lists] float32`.
      starts: First block of each list, `[num_lists] int32`.
      ends: Block after the last of each list with a bound of at least i / LEVELS of
        the best one's, `[num_lists * LEVELS] int32`; with i = 0 the list's end.
      rows: Video rows by block, `[num_blocks, BLOCK] int32`, -1 = none.
      codes: `[num_blocks, BLOCK * dim] int8` of these videos.
      scales: Value of a code of 1 in each coordinate, `[dim] float32`.
    """

    centres: tf.Variable
    starts: tf.Variable
    ends: tf.Variable
    rows: tf.Variable
    codes: tf.Variable
    scales: tf.Variable


def training_sample(num_videos: int, lists: int) -> int:
    """Returns the number of vectors that centres are trained on."""
    return min(num_videos, max(_LEAST_SAMPLE, _SAMPLED_PER_LIST * lists))


def build(vectors: interface.Vectors, number: int) -> InvertedLists:
    """Builds the lists.

    Args:
      vectors: `[num_videos, dim] float32`.
      number: Number of lists; those that remain empty are dropped.
    """
    centres, of_video = _clustered(vectors, number)
    lengths = np.linalg.norm(centres, axis=1, keepdims=True)
    directions = centres / np.maximum(lengths, _LEAST)
    along, across = _lengths(vectors, directions, of_video)
    order = np.lexsort((-_bounds(along, across), of_video))
    rows, starts = _in_blocks(order, np.bincount(of_video))
    along, across = _mean(along, rows), _mean(across, rows)
    scales = np.maximum(np.abs(vectors).max(axis=0), _LEAST) / _MOST_CODE
    best = [
        directions * along[starts, np.newaxis],
        _ACROSS * across[starts, np.newaxis],
    ]
    return InvertedLists(
        _variable(np.hstack(best).T, np.float32),
        _variable(starts, np.int32),
        _variable(_ends(_bounds(along, across), starts), np.int32),
        _variable(rows, np.int32),
        _variable(
            _codes(vectors, rows.ravel(), scales).reshape(len(rows), -1), np.int8
        ),
        _variable(scales, np.float32),
    )


def _clustered(vectors: interface.Vectors, number: int) -> tuple[Floats, Integers]:
    """Returns centres `[num_lists, dim]`, each with members, and each video's list."""
    means = _trained(vectors, number)
    centres = _moved(vectors, means, _nearest(vectors, means))
    of_video = _nearest(vectors, centres)
    centres = _moved(vectors, centres, of_video)
    held, of_video = np.unique(of_video, return_inverse=True)
    return centres[held], of_video


def _in_blocks(order: Integers, sizes: Integers) -> tuple[Integers, Integers]:
    """Returns the rows of each block and the first block of each list.

    Args:
      order: Rows of all videos, list by list, `[num_videos]`.
      sizes: Number of videos in each list, `[num_lists]`.

    Returns:
      `[num_blocks, BLOCK] int32`, -1 = none, and `[num_lists]`.
    """
    blocks = -(-sizes // BLOCK)
    starts = np.cumsum(blocks) - blocks
    within = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = np.full(blocks.sum() * BLOCK, -1, np.int32)
    rows[np.repeat(starts * BLOCK, sizes) + within] = order
    return rows.reshape(-1, BLOCK), starts


def _mean(values: Floats, rows: Integers) -> Floats:
    """Returns the mean of each block's videos, `[num_blocks]`."""
    return values[rows].mean(axis=1, where=rows >= 0)


def _variable(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> tf.Variable:
    return tf.Variable(np.ascontiguousarray(values, dtype), trainable=False)


def _lengths(
    vectors: interface.Vectors, directions: Floats, of_video: Integers
) -> tuple[Floats, Floats]:
    """Returns the length of each vector along the direction of its list and across it.

    Returns:
      two of `[num_videos] float32`.
    """
    along, across = np.empty((2, len(vectors)), np.float32)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        along[part] = np.einsum("nd,nd->n", vectors[part], directions[of_video[part]])
        rest = np.square(vectors[part]).sum(axis=1) - np.square(along[part])
        across[part] = np.sqrt(np.maximum(rest, 0.0))
    return along, across


def _bounds(along: Floats, across: Floats) -> Floats:
    """Returns the bounds for a query of length 1 that is about as near as others."""
    return _COSINE * along + _ACROSS * across


def _ends(bounds: Floats, starts: Integers) -> Integers:
    """Returns `InvertedLists.ends`.

    Args:
      bounds: `[num_blocks]`, the best of each list first.
      starts: First block of each list, `[num_lists]`.
    """
    of_block = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(bounds)))
    shares = bounds / np.maximum(bounds[starts], _LEAST)[of_block]
    levels = np.clip(LEVELS * shares, 0, LEVELS - 1).astype(np.int64)
    size = LEVELS * len(starts)
    counts = np.bincount(LEVELS * of_block + levels, minlength=size)
    reached = np.cumsum(counts.reshape(-1, LEVELS)[:, ::-1], axis=1)[:, ::-1]
    return np.ravel(starts[:, np.newaxis] + reached)


def _codes(
    vectors: interface.Vectors, rows: Integers, scales: Floats
) -> npt.NDArray[np.int8]:
    """Returns the codes of some rows, `[n, dim] int8`; those of no video are unused."""
    codes = np.empty((len(rows), vectors.shape[1]), np.int8)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        codes[start : start + len(part)] = np.rint(vectors[part] / scales)
    return codes


def _trained(vectors: interface.Vectors, number: int) -> Floats:
    """Returns the centres of k-means on a sample, `[number, dim]`.

    A centre without a member becomes a vector of the sample.
    """
    rng = np.random.default_rng(_SEED)
    size = training_sample(len(vectors), number)
    sample = vectors[np.sort(rng.choice(len(vectors), size, replace=False))]
    centres = sample[rng.choice(size, number, replace=False)].copy()
    for _ in range(_ITERATIONS if number > 1 else 1):
        of_vector = _nearest(sample, centres)
        order = np.argsort(of_vector, kind="stable")
        sizes = np.bincount(of_vector, minlength=number)
        is_empty = sizes == 0
        begins = (np.cumsum(sizes) - sizes)[~is_empty]
        sums = np.add.reduceat(sample[order], begins, axis=0)
        centres[~is_empty] = sums / sizes[~is_empty, np.newaxis]
        centres[is_empty] = sample[rng.choice(size, int(is_empty.sum()))]
    return centres


def _nearest(vectors: interface.Vectors, centres: Floats) -> Integers:
    """Returns the centre at the least distance of each vector, `[n] int32`."""
    nearest = np.empty(len(vectors), np.int32)
    half = 0.5 * np.square(centres).sum(axis=1)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        nearest[part] = np.argmax(vectors[part] @ centres.T - half, axis=1)
    return nearest


def _moved(vectors: interface.Vectors, centres: Floats, of_video: Integers) -> Floats:
    """Returns the centres of the least anisotropic loss for their members.

    With x̂ the direction of a member x, the centre c solves Σ (1 + (η - 1) x̂ x̂ᵀ) c =
    η Σ x. A centre without members stays.

    Args:
      vectors: `[num_videos, dim] float32`.
      centres: `[num_lists, dim] float32`.
      of_video: `[num_videos] int32`, the list of each.
    """
    order = np.argsort(of_video, kind="stable")
    bounds = np.searchsorted(of_video[order], np.arange(len(centres) + 1))
    unit = np.eye(vectors.shape[1])
    moved = centres.copy()
    for place in range(len(centres)):
        members = vectors[order[bounds[place] : bounds[place + 1]]].astype(np.float64)
        if not len(members):
            continue
        squares = np.square(members).sum(axis=1, keepdims=True)
        along = members.T @ (members / np.maximum(squares, _LEAST))
        left = len(members) * unit + (_ETA - 1.0) * along
        moved[place] = np.linalg.solve(left, _ETA * members.sum(axis=0))
    return moved
