"""Inverted lists with 8-bit codes, in stock TensorFlow operations (DESIGN §6).

Videos are in lists, these in blocks whose products with a query are bounded
(`inverted_lists`). The bound that enough lists' best blocks reach decides which blocks
are read, of any list. Their videos are scored by codes of eight bits a coordinate, and
the best of these again exactly. Blocks are stored one after the other, so that reading
some of them is one gather.

At a million videos a query scores 1,500 of them by codes. Choosing the best of so few
with `tf.math.top_k` takes longer than scoring them, so that lists and videos are chosen
by thresholds (`_threshold`).
"""

import math
from typing import Self

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.retrieval.index import brute_force, interface, inverted_lists

_LEAST_VIDEOS = 25_000  # of lists by size: below, scoring every video is as fast
_LISTS_PER_ROOT = 4  # lists for each root of the number of videos
_VIDEOS_PER_LIST = 64  # at least, on average: blocks would be mostly empty
# Default share of the lists that is read: of a million videos, the power by which it
# rises for fewer, and its largest value. `ytdnn index tune` measures a run's own.
_FRACTION_AT_MILLION = 0.018
_FRACTION_POWER = 0.5
_LARGEST_FRACTION = 0.6
# Longer results read more lists, in proportion to their length: for recall .95 of a
# million videos 66 lists at k 200, 105 at k 300, 340 at k 1,000.
_LENGTH_OF_LEAST = 200
_SLOTS_PER_RESULT = 20  # videos in the lists read, if balanced: a part of them is read
_NONE = float("-inf")
_LEAST = 1e-30  # instead of a bound of zero

TopK = tuple[tf.Tensor, tf.Tensor]


class IvfModule(interface.SearchModule):
    """Inverted lists, and the exact index for searches where scoring all is cheaper.

    Attributes:
      exact: Exact search of the same vectors.
      least_lists: Least number of lists that a query reads, `[] int32`.
      reorder_factor: Least number of videos scored exactly, as a multiple of k.
    """

    def __init__(
        self,
        exact: brute_force.BruteForceModule,
        lists: inverted_lists.InvertedLists,
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
        self._num_lists = int(lists.centres.shape[1])
        self.least_lists = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.reorder_factor = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.adjust(config)
        self.exact = exact
        self.vectors = exact.vectors
        self.centres, self.starts, self.ends = lists.centres, lists.starts, lists.ends
        self.rows, self.codes, self.scales = lists.rows, lists.codes, lists.scales

    def adjust(self, config: configs.IvfConfig) -> None:
        """Changes the settings of the search; the lists stay.

        Args:
          config: Settings, of which `lists_to_search_fraction` and `reorder_factor`
            are read.
        """
        share = lists_to_search_fraction(self._size, config)
        self.least_lists.assign(math.ceil(share * self._num_lists))
        self.reorder_factor.assign(config.reorder_factor)

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> TopK:
        wanted = tf.minimum(k, self._size)
        share = _SLOTS_PER_RESULT * tf.cast(wanted, tf.float32) / self._size
        lists = tf.cast(tf.math.ceil(share * self._num_lists), tf.int32)
        longer = tf.maximum(tf.cast(wanted, tf.float32) / _LENGTH_OF_LEAST, 1.0)
        least = tf.math.ceil(longer * tf.cast(self.least_lists, tf.float32))
        lists = tf.maximum(lists, tf.cast(least, tf.int32))
        indices, scores = tf.cond(
            lists < self._num_lists,
            lambda: self._search_lists(queries, wanted, lists),
            lambda: self.exact.search(queries, wanted),
        )
        return interface.padded(indices, scores, k)

    def _search_lists(self, queries: tf.Tensor, k: tf.Tensor, lists: tf.Tensor) -> TopK:
        """Searches one query after the other, in the memory of a few."""
        lengths = tf.norm(queries, axis=1, keepdims=True)
        bounds = tf.matmul(tf.concat([queries, lengths], axis=1), self.centres)
        blocks = self._blocks(bounds, _threshold(bounds, lists))
        splits = tf.cast(blocks.row_splits, tf.int32)
        signature = (tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32))
        indices, scores = tf.map_fn(
            lambda one: self._search_query(one[0], blocks.values[one[1] : one[2]], k),
            (queries, splits[:-1], splits[1:]),
            fn_output_signature=signature,
        )
        shape = [tf.shape(queries)[0], k]  # map_fn of none forgets the width
        indices, scores = tf.reshape(indices, shape), tf.reshape(scores, shape)
        is_short = tf.reduce_any(tf.equal(indices, 0), axis=1)
        results = tf.cond(
            tf.reduce_any(is_short),
            lambda: self._completed(queries, is_short, indices, scores),
            lambda: (indices, scores),
        )
        is_tied = tf.reduce_any(results[1][:, 1:] == results[1][:, :-1])
        return tf.cond(is_tied, lambda: _by_index(*results), lambda: results)

    def _completed(
        self, queries: tf.Tensor, is_short: tf.Tensor, *num_results: tf.Tensor
    ) -> TopK:
        """Returns the results, searched exactly where the blocks held too few."""
        places = tf.where(is_short)
        exact = self.exact.search(
            tf.gather_nd(queries, places), tf.shape(num_results[0])[1]
        )
        return (
            tf.tensor_scatter_nd_update(num_results[0], places, exact[0]),
            tf.tensor_scatter_nd_update(num_results[1], places, exact[1]),
        )

    def _blocks(self, bounds: tf.Tensor, least: tf.Tensor) -> tf.RaggedTensor:
        """Returns the blocks that reach a bound, those of a list together.

        Args:
          bounds: Bound of each list's best block, `[batch, num_lists] float32`.
          least: `[batch] float32`.

        Returns:
          `[batch, (num_blocks)] int32`.
        """
        is_read = bounds >= least[:, tf.newaxis]
        places = tf.where(is_read)
        # Of a query of zeros only the best blocks are read.
        best = tf.maximum(tf.gather_nd(bounds, places), 0.0) + _LEAST
        share = (tf.gather(least, places[:, 0]) + _LEAST) / best
        levels = inverted_lists.LEVELS
        level = tf.clip_by_value(tf.cast(levels * share, tf.int64), 0, levels - 1)
        of_lists = tf.ragged.range(
            tf.gather(self.starts.read_value(), places[:, 1]),
            tf.gather(self.ends.read_value(), places[:, 1] * levels + level),
        )
        read = tf.cumsum(tf.math.count_nonzero(is_read, axis=1))
        splits = tf.gather(of_lists.row_splits, tf.concat([[0], read], axis=0))
        return tf.RaggedTensor.from_row_splits(of_lists.values, splits, validate=False)

    def _search_query(self, query: tf.Tensor, blocks: tf.Tensor, k: tf.Tensor) -> TopK:
        """Searches some blocks; index 0 where they hold fewer than k videos."""
        rows, scores = self._coded(query, blocks)
        number = tf.maximum(tf.minimum(k * self.reorder_factor, tf.size(rows)), 1)
        least = _threshold(scores[tf.newaxis], number)[0]
        kept = tf.where((scores >= least) & tf.math.is_finite(scores))[:, 0]
        rows = tf.gather(rows, kept)
        exact = tf.linalg.matvec(interface.rows_of(self.vectors, rows), query)
        values, places = tf.math.top_k(exact, tf.minimum(k, tf.size(rows)))
        missing = [[0, k - tf.size(values)]]
        return tf.pad(tf.gather(rows, places) + 1, missing), tf.pad(values, missing)

    def _coded(self, query: tf.Tensor, blocks: tf.Tensor) -> TopK:
        """Returns the videos of some blocks and their scores by codes.

        Returns:
          rows `[n] int32` and scores `[n] float32`, `-inf` where a slot is empty.
        """
        codes = tf.gather(self.codes.read_value(), blocks)
        codes = tf.reshape(tf.cast(codes, tf.float32), [-1, self._dim])
        scores = tf.linalg.matvec(codes, query * self.scales)
        rows = tf.reshape(tf.gather(self.rows.read_value(), blocks), [-1])
        return rows, tf.where(rows >= 0, scores, _NONE)


def _threshold(scores: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Returns a score that at least some number of each row reach, not many more.

    It is the number-th largest of the maxima of groups, half as many again as the
    number. Of a row in no order 1.65 times the number reach it.

    Args:
      scores: `[batch, n] float32`, n ≥ number; `-inf` if n = 0.
      number: `[] int32`, at least 1.

    Returns:
      `[batch] float32`.
    """
    batch, size = tf.unstack(tf.shape(scores))
    groups = tf.maximum(tf.minimum(number + number // 2, size), 1)
    each = -(-size // groups)
    scores = tf.pad(scores, [[0, 0], [0, each * groups - size]], constant_values=_NONE)
    largest = tf.reduce_max(tf.reshape(scores, [batch, each, groups]), axis=1)
    return -tf.math.top_k(-largest, groups - number + 1)[0][:, -1]


def _by_index(indices: tf.Tensor, scores: tf.Tensor) -> TopK:
    """Returns lists with the lower index first where scores are equal."""
    order = tf.argsort(indices, axis=1)
    indices = tf.gather(indices, order, batch_dims=1)
    scores = tf.gather(scores, order, batch_dims=1)
    scores, places = tf.math.top_k(scores, tf.shape(scores)[1])
    return tf.gather(indices, places, batch_dims=1), scores


@registries.INDEXES.register("ivf", configs.IvfConfig)
class Ivf(interface.Index[configs.IvfConfig]):
    """Index of inverted lists; loads wherever TensorFlow does."""

    @classmethod
    def build(cls, vectors: interface.Vectors, config: configs.IvfConfig) -> Self:
        """Builds the index; see `interface.Index.build`."""
        interface.check_vectors(vectors)
        exact = brute_force.BruteForceModule(vectors)
        lists = inverted_lists.build(vectors, num_lists(len(vectors), config))
        return cls(IvfModule(exact, lists, config))


def num_lists(num_videos: int, config: configs.IvfConfig) -> int:
    """Returns the number of lists; one where the corpus is too small for more."""
    if config.num_lists:
        return min(config.num_lists, num_videos)
    return lists_by_size(num_videos) if num_videos >= _LEAST_VIDEOS else 1


def lists_by_size(num_videos: int) -> int:
    """Returns the number of lists of some videos, by default from 25,000 on."""
    lists = round(_LISTS_PER_ROOT * math.sqrt(num_videos))
    return max(1, min(lists, num_videos // _VIDEOS_PER_LIST))


def lists_to_search_fraction(num_videos: int, config: configs.IvfConfig) -> float:
    """Returns the smallest share of the lists that is searched."""
    if config.lists_to_search_fraction:
        return config.lists_to_search_fraction
    share = _FRACTION_AT_MILLION * (1e6 / num_videos) ** _FRACTION_POWER
    return min(_LARGEST_FRACTION, share)
