"""Inverted lists with 8-bit codes, in stock TensorFlow operations (DESIGN §6).

k-means on a sample cuts the videos into lists (Sivic and Zisserman, ICCV 2003; Jégou,
Douze and Schmid, PAMI 2011). A query reads the lists of the best centres, scores their
videos by codes of eight bits a coordinate, and the best of these again exactly. Lists
are stored one after the other in blocks of videos, so that reading them is a gather of
blocks; the last block of a list is padded with empty slots.

Centres are moved once for the inner product (anisotropic loss: Guo et al., ICML 2020):
an error along a vector changes the large products that a search looks for, an error
across it does not.
"""

import dataclasses
import math
from typing import Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import registries
from ytdnn.retrieval.index import brute_force, interface
from ytdnn.run import configs

_LISTS_PER_ROOT = 4  # lists for each root of the number of videos
_VIDEOS_PER_LIST = 64  # at least, on average: blocks would be mostly empty
_BLOCK = 16  # videos
_SAMPLED_PER_LIST = 30  # vectors that the centres are trained on
_LEAST_SAMPLE = 20_000  # of them in all
_ITERATIONS = 8  # of k-means
# Weight of an error along a vector. Of 100,000 videos recall .95 at k 200 needs 2.0 %
# of them scored with it, 2.2 % with 8, and 2.8 % with centres that are means.
_ETA = 4.0
_ROWS_AT_ONCE = 8_192  # of products with the centres
# Default share of the lists that is searched: of a million videos, the power by which
# it rises for fewer, and its largest value. `ytdnn index tune` measures a run's own.
_FRACTION_AT_MILLION = 0.04
_FRACTION_POWER = 0.3
_LARGEST_FRACTION = 0.6
_SLOTS_PER_RESULT = 4  # videos in the searched lists, if these are balanced
_MOST_CODE = 127  # of int8
_SEED = 0  # of the sample; recall hardly depends on it
# Longer lists read more lists, as those of ScaNN do (`scann_index`).
_LENGTH_OF_LEAST = 300
_NONE = float("-inf")

Found = tuple[tf.Tensor, tf.Tensor]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True)
class InvertedLists:
    """The lists, as variables.

    Attributes:
      centres: `[num_lists, dim] float32`.
      starts: First block of each list, `[num_lists + 1] int32`.
      rows: Video rows by block, `[num_blocks, block] int32`, -1 = none.
      codes: `[num_blocks, block * dim] int8` of these videos.
      scales: Value of a code of 1 in each coordinate, `[dim] float32`.
    """

    centres: tf.Variable
    starts: tf.Variable
    rows: tf.Variable
    codes: tf.Variable
    scales: tf.Variable


class IvfModule(interface.SearchModule):
    """Inverted lists, and the exact index for searches where scoring all is cheaper.

    Attributes:
      exact: Exact search of the same vectors.
      least_lists: Least number of lists that a query reads, `[] int32`.
      reorder_factor: Number of videos scored exactly, as a multiple of k.
    """

    def __init__(
        self,
        exact: brute_force.BruteForceModule,
        lists: InvertedLists,
        config: configs.IvfConfig,
    ) -> None:
        """Creates the module.

        Args:
          exact: Exact search of the vectors.
          lists: Their lists.
          config: Settings; those of the build must be the settings of the lists.
        """
        self._size, dim = exact.vectors.shape
        super().__init__(self._size, dim)
        self._num_lists = int(lists.centres.shape[0])
        self.least_lists = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.reorder_factor = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.adjust(config)
        self.exact = exact
        self.vectors = exact.vectors
        self.centres, self.starts, self.rows, self.codes, self.scales = (
            lists.centres,
            lists.starts,
            lists.rows,
            lists.codes,
            lists.scales,
        )

    def adjust(self, config: configs.IvfConfig) -> None:
        """Changes the settings of the search; the lists stay.

        Args:
          config: Settings, of which `lists_to_search_fraction` and `reorder_factor`
            are read.
        """
        share = lists_to_search_fraction(self._size, config)
        self.least_lists.assign(math.ceil(share * self._num_lists))
        self.reorder_factor.assign(config.reorder_factor)

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> Found:
        wanted = tf.minimum(k, self._size)
        share = _SLOTS_PER_RESULT * tf.cast(wanted, tf.float32) / self._size
        lists = tf.cast(tf.math.ceil(share * self._num_lists), tf.int32)
        longer = tf.maximum(tf.cast(wanted, tf.float32) / _LENGTH_OF_LEAST, 1.0) ** 0.5
        least = tf.math.ceil(longer * tf.cast(self.least_lists, tf.float32))
        lists = tf.maximum(lists, tf.cast(least, tf.int32))
        indices, scores = tf.cond(
            lists < self._num_lists,
            lambda: self._of_lists(queries, wanted, lists),
            lambda: self.exact.search(queries, wanted),
        )
        return interface.padded(indices, scores, k)

    def _of_lists(self, queries: tf.Tensor, k: tf.Tensor, lists: tf.Tensor) -> Found:
        """Searches one query after the other, in the memory of a few."""
        _, best = tf.math.top_k(
            tf.matmul(queries, self.centres, transpose_b=True), lists
        )
        signature = (tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32))
        indices, scores = tf.map_fn(
            lambda one: self._of_query(one[0], one[1], k),
            (queries, best),
            fn_output_signature=signature,
        )
        batch = tf.shape(queries)[0]  # map_fn of none forgets the width
        return tf.reshape(indices, [batch, k]), tf.reshape(scores, [batch, k])

    def _of_query(self, query: tf.Tensor, lists: tf.Tensor, k: tf.Tensor) -> Found:
        """Searches some lists; all videos, if the lists hold fewer than k."""
        rows, scores = self._coded(query, lists)
        number = tf.minimum(k * self.reorder_factor, tf.size(rows))
        kept, slots = tf.math.top_k(scores, number)
        rows = tf.gather(rows, slots)
        rows = tf.sort(tf.boolean_mask(rows, tf.math.is_finite(kept)))
        vectors = interface.rows_of(self.vectors, rows)
        exact = tf.linalg.matvec(vectors, query)

        def best() -> Found:
            found, places = tf.math.top_k(exact, k)
            return tf.gather(rows, places) + 1, found

        return tf.cond(tf.size(rows) < k, lambda: self.exact.search_one(query, k), best)

    def _coded(self, query: tf.Tensor, lists: tf.Tensor) -> Found:
        """Returns the videos of some lists and their scores by codes.

        Returns:
          rows `[n] int32` and scores `[n] float32`, `-inf` where a slot is empty.
        """
        starts = self.starts.read_value()
        first, last = tf.gather(starts, lists), tf.gather(starts, lists + 1)
        blocks = tf.ragged.range(first, last).values
        codes = tf.gather(self.codes.read_value(), blocks)
        codes = tf.reshape(tf.cast(codes, tf.float32), [-1, self._dim])
        scores = tf.linalg.matvec(codes, query * self.scales)
        rows = tf.reshape(tf.gather(self.rows.read_value(), blocks), [-1])
        return rows, tf.where(rows >= 0, scores, _NONE)


@registries.INDEXES.register("ivf", configs.IvfConfig)
class Ivf(interface.Index[configs.IvfConfig]):
    """Index of inverted lists; loads wherever TensorFlow does."""

    @classmethod
    def build(cls, vectors: interface.Vectors, config: configs.IvfConfig) -> Self:
        """Builds the index; see `interface.Index.build`."""
        interface.check_vectors(vectors)
        exact = brute_force.BruteForceModule(vectors)
        return cls(IvfModule(exact, _lists(vectors, config), config))


def num_lists(num_videos: int, config: configs.IvfConfig) -> int:
    """Returns the number of lists; one where the corpus is too small for more."""
    if num_videos < config.min_videos:
        return 1
    wanted = config.num_lists or min(
        round(_LISTS_PER_ROOT * math.sqrt(num_videos)), num_videos // _VIDEOS_PER_LIST
    )
    return max(1, min(wanted, num_videos))


def lists_to_search_fraction(num_videos: int, config: configs.IvfConfig) -> float:
    """Returns the smallest share of the lists that is searched."""
    if config.lists_to_search_fraction:
        return config.lists_to_search_fraction
    share = _FRACTION_AT_MILLION * (1e6 / num_videos) ** _FRACTION_POWER
    return min(_LARGEST_FRACTION, share)


def training_sample(num_videos: int, lists: int) -> int:
    """Returns the number of vectors that centres are trained on."""
    return min(num_videos, max(_LEAST_SAMPLE, _SAMPLED_PER_LIST * lists))


def _lists(vectors: interface.Vectors, config: configs.IvfConfig) -> InvertedLists:
    number = num_lists(len(vectors), config)
    means = _trained(vectors, number)
    centres = _moved(vectors, means, _nearest(vectors, means))
    of_video = _nearest(vectors, centres)
    centres = _moved(vectors, centres, of_video)
    order = np.argsort(of_video, kind="stable").astype(np.int32)
    sizes = np.bincount(of_video, minlength=number)
    blocks = -(-sizes // _BLOCK)
    starts = np.append(0, np.cumsum(blocks)).astype(np.int32)
    rows = np.full(max(1, starts[-1]) * _BLOCK, -1, np.int32)
    within = np.arange(len(vectors)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows[np.repeat(starts[:-1].astype(np.int64) * _BLOCK, sizes) + within] = order
    scales = np.maximum(np.abs(vectors).max(axis=0), 1e-30) / _MOST_CODE
    codes = np.zeros((len(rows), vectors.shape[1]), np.int8)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        codes[start : start + len(part)] = np.rint(vectors[part] / scales)
    shape = [-1, _BLOCK * vectors.shape[1]]
    return InvertedLists(
        tf.Variable(centres, trainable=False),
        tf.Variable(starts, trainable=False),
        tf.Variable(rows.reshape(-1, _BLOCK), trainable=False),
        tf.Variable(codes.reshape(shape), trainable=False),
        tf.Variable(scales.astype(np.float32), trainable=False),
    )


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
    found = np.empty(len(vectors), np.int32)
    half = 0.5 * np.square(centres).sum(axis=1)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        found[part] = np.argmax(vectors[part] @ centres.T - half, axis=1)
    return found


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
    found = centres.copy()
    for place in range(len(centres)):
        members = vectors[order[bounds[place] : bounds[place + 1]]].astype(np.float64)
        if not len(members):
            continue
        squares = np.square(members).sum(axis=1, keepdims=True)
        along = members.T @ (members / np.maximum(squares, 1e-30))
        left = len(members) * unit + (_ETA - 1.0) * along
        found[place] = np.linalg.solve(left, _ETA * members.sum(axis=0))
    return found
