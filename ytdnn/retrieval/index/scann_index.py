"""Approximate search by ScaNN's TensorFlow ops; the only module that imports ScaNN.

A query searches the leaves of a tree with the highest-scoring centres; their points are
scored by anisotropic codes, and the best of them again exactly. Where those leaves hold
fewer than k points, ScaNN pads with id 0 and score NaN (or returns fewer columns): such
queries are searched again in all leaves, and remaining NaN become padding. Builds are
not reproducible: compare them by recall, never by equality.
"""

import math
import pathlib
from typing import Any, Self

import tensorflow as tf

from ytdnn.base import configs, errors, registries
from ytdnn.retrieval.index import interface

_LEAST_VIDEOS = 2_000  # of a tree by size: below, every point is scored as fast
_FEWEST_FOR_CODES = 64  # codes of 16 clusters a block need more than 16 points
_LEAVES_PER_ROOT = 4  # leaves for each root of the number of videos
_POINTS_PER_RESULT = 4.0  # in the searched leaves, if these are balanced
_TRAINING_SAMPLE = 100_000  # vectors that centres and codes are trained on, at least
_SAMPLED_PER_LEAF = 40
# Weight of an error along a vector in the choice of the leaves' centres: inner products
# need it, and means of the members (1) need more leaves for the same recall, as those
# of `ivf` do.
_LEAF_AVQ = 8.0
# Inner product, as a share of the length, from which errors along a vector weigh more
# (Guo et al., ICML 2020, who recommend 0.2, as ScaNN's documentation does).
_ANISOTROPIC_THRESHOLD = 0.2
_DIMENSIONS_PER_BLOCK = 2  # coordinates that share a code, as ScaNN recommends
# Default share of the leaves that is searched: of a million videos, the power by which
# it rises for fewer, and its largest value. A million vectors of 64 coordinates needed
# 2.5 % of 8,000 leaves for a recall of .95 at k 200, in .91 ms.
_FRACTION_AT_MILLION = 0.03
_FRACTION_POWER = 0.4
_LARGEST_FRACTION = 0.45
# Longer lists search more leaves, as the square root of their length: of a million
# videos the first 720 needed 1.5 times the leaves of the first 300 for the same recall.
_LENGTH_OF_LEAST = 300
_NUM_NEIGHBORS = 100  # ScaNN's default k, which every search overrides
_UNSET = -1  # ScaNN's value for "as built"


def is_available() -> bool:
    """Whether ScaNN's TensorFlow ops load here."""
    try:
        scann_ops()
    except errors.UserError:
        return False
    return True


def scann_ops() -> Any:
    """Returns ScaNN's TensorFlow ops, imported when first asked for.

    Raises:
      errors.UserError: The package is missing or built for another TensorFlow.
    """
    try:
        from scann.scann_ops.py import scann_ops as ops
    except (ImportError, tf.errors.NotFoundError) as error:
        raise errors.UserError(
            f"expected the package scann for the ScaNN index, found none that loads "
            f"with TensorFlow {tf.__version__} ({type(error).__name__}): run `pip "
            f"install 'scann[tf]==1.4.2'` (Linux only), or use the exact index"
        ) from None
    return ops


class ScannModule(interface.SearchModule):
    """A ScaNN searcher as variables, so that a SavedModel holds it."""

    def __init__(self, state: Any, dim: int, config: configs.ScannConfig) -> None:
        """Creates the variables of a built searcher.

        Args:
          state: Its variables, as ScaNN serialises them.
          dim: Width of the vectors.
          config: Settings; those of the build must be the settings of the searcher.
        """
        self._size = int(state.dataset.shape[0])
        super().__init__(self._size, dim)
        self._ops = scann_ops()
        self._num_leaves = num_leaves(self._size, config)
        self.least_leaves = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.reorder_factor = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.adjust(config)
        self.state = state
        self.vectors = state.dataset  # the same variable, kept once

    def adjust(self, config: configs.ScannConfig) -> None:
        """Changes the settings of the search; tree and codes stay.

        Args:
          config: Settings, of which `leaves_to_search_fraction` and `reorder_factor`
            are read.
        """
        fraction = leaves_to_search_fraction(self._size, config)
        self.least_leaves.assign(math.ceil(self._num_leaves * fraction))
        self.reorder_factor.assign(config.reorder_factor)

    def _leaves_to_search(self, k: tf.Tensor) -> tf.Tensor:
        """Returns leaves enough for a few times k points if balanced, `[] int32`.

        At least `least_leaves`, and more for a long list.
        """
        points = _POINTS_PER_RESULT * tf.cast(k, tf.float32)
        share = points / tf.cast(self.num_videos, tf.float32)
        wanted = tf.cast(tf.math.ceil(share * self._num_leaves), tf.int32)
        longer = tf.maximum(tf.cast(k, tf.float32) / _LENGTH_OF_LEAST, 1.0) ** 0.5
        least = tf.cast(
            tf.math.ceil(longer * tf.cast(self.least_leaves, tf.float32)), tf.int32
        )
        return tf.minimum(tf.maximum(wanted, least), self._num_leaves)

    def _search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        searcher = self._ops.searcher_from_module(self.state)
        num_results = tf.minimum(k, self.num_videos)
        columns, scores = self._attempt(
            searcher, queries, num_results, self._leaves_to_search(num_results)
        )
        incomplete = tf.reduce_any(tf.math.is_nan(scores), axis=1, keepdims=True)

        def widened() -> tuple[tf.Tensor, tf.Tensor]:
            wide = self._attempt(searcher, queries, num_results, self._num_leaves)
            return (
                tf.where(incomplete, wide[0], columns),
                tf.where(incomplete, wide[1], scores),
            )

        columns, scores = tf.cond(
            tf.reduce_any(incomplete), widened, lambda: (columns, scores)
        )
        missing = tf.math.is_nan(scores)
        indices = tf.where(missing, 0, columns + 1)
        scores = tf.where(missing, interface.PADDING_SCORE, scores)
        return interface.padded(indices, scores, k)

    def _attempt(
        self, searcher: Any, queries: tf.Tensor, num_results: tf.Tensor, leaves: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches some leaves; `[batch, found]`, NaN scores beyond their points."""
        num_wanted = tf.maximum(num_results, 1)
        tree = self._num_leaves > 0
        rescored = tf.minimum(num_wanted * self.reorder_factor, self.num_videos)
        result = searcher.search_batched_parallel(
            queries,
            final_num_neighbors=num_wanted,
            pre_reorder_num_neighbors=rescored if tree else _UNSET,
            leaves_to_search=leaves if tree else _UNSET,
        )
        columns = result.indices[:, :num_results]
        scores = result.distances[:, :num_results]
        lacking = [[0, 0], [0, num_results - tf.shape(scores)[1]]]
        columns = tf.pad(tf.cast(columns, tf.int32), lacking)
        return columns, tf.pad(scores, lacking, constant_values=math.nan)


@registries.INDEXES.register("scann", configs.ScannConfig)
class Scann(interface.Index[configs.ScannConfig]):
    """Approximate index; a process that loads it needs ScaNN."""

    @classmethod
    def build(cls, vectors: interface.Vectors, config: configs.ScannConfig) -> Self:
        """Builds the index; see `interface.Index.build`.

        Raises:
          errors.UserError: ScaNN is missing.
        """
        ops = scann_ops()
        interface.check_vectors(vectors)
        leaves = num_leaves(len(vectors), config)
        searcher = _build_searcher(ops, vectors, leaves, config)
        state = searcher.serialize_to_module()
        # TensorFlow would hold the searcher, a copy of the vectors, to its end.
        tf.raw_ops.DestroyResourceOp(resource=searcher.searcher_handle)
        return cls(ScannModule(state, vectors.shape[1], config))

    @classmethod
    def load(cls, directory: pathlib.Path) -> Self:
        """Reads the index that `save` wrote; loads the ops before the graph.

        Raises:
          errors.UserError: ScaNN is missing, or there is no readable SavedModel.
        """
        scann_ops()
        return super().load(directory)


def num_leaves(num_videos: int, config: configs.ScannConfig) -> int:
    """Returns the leaves of the tree, 0 where the corpus is too small for one."""
    if num_videos < (_FEWEST_FOR_CODES if config.num_leaves else _LEAST_VIDEOS):
        return 0
    return min(config.num_leaves or leaves_by_size(num_videos), num_videos // 4)


def leaves_by_size(num_videos: int) -> int:
    """Returns the leaves of a tree over some videos, by default from 2,000 on."""
    leaves = round(_LEAVES_PER_ROOT * math.sqrt(num_videos))
    return max(1, min(leaves, num_videos // 4))


def leaves_to_search_fraction(num_videos: int, config: configs.ScannConfig) -> float:
    """Returns the smallest share of the leaves that is searched."""
    if config.leaves_to_search_fraction:
        return config.leaves_to_search_fraction
    share = _FRACTION_AT_MILLION * (1e6 / num_videos) ** _FRACTION_POWER
    return min(_LARGEST_FRACTION, share)


def training_sample(num_videos: int, leaves: int) -> int:
    """Returns the points that centres and codes are trained on."""
    return min(num_videos, max(_TRAINING_SAMPLE, _SAMPLED_PER_LEAF * leaves))


def _build_searcher(
    ops: Any, vectors: interface.Vectors, leaves: int, config: configs.ScannConfig
) -> Any:
    builder = ops.builder(vectors, min(_NUM_NEIGHBORS, len(vectors)), "dot_product")
    if not leaves:
        return builder.score_brute_force().build()
    sample = training_sample(len(vectors), leaves)
    builder = builder.tree(
        num_leaves=leaves,
        num_leaves_to_search=leaves,
        training_sample_size=sample,
        min_partition_size=1,
        avq=_LEAF_AVQ,
    )
    return (
        builder.score_ah(
            _DIMENSIONS_PER_BLOCK,
            anisotropic_quantization_threshold=_ANISOTROPIC_THRESHOLD,
            training_sample_size=sample,
        )
        .reorder(config.reorder_factor * _NUM_NEIGHBORS)
        .build()
    )
