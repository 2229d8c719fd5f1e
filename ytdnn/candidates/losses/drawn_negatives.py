"""The videos that the queries of a step are scored with: labels, and drawn ones.

Negatives are drawn by count to the power `proposal_exponent` (0: uniformly, 0.75 as of
word2vec, 1 the unigram). Draws are with replacement, so that a video's expected count
is exactly number · probability.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.candidates import losses
from ytdnn.layers import randomness

NEVER = -1e9  # logit of what is no class
_BLOCK = 64  # lengths are multiples of it: the first product of each length is slow
_FEW_REPEATS = 0.9  # share of distinct draws above which merging them gains nothing


@dataclasses.dataclass(frozen=True)
class ColumnGroup:
    """Videos, and which of them are negatives of which query.

    Attributes:
      videos: `[n] int32`.
      log_counts: `[n] float32`, logarithms of how many negatives each stands for;
        `NEVER`: none.
      mask: `[queries, n] bool`, see `log_sum_exp`.
      left_out: `[queries] int32`, see `log_sum_exp`.
    """

    videos: tf.Tensor
    log_counts: tf.Tensor
    mask: tf.Tensor | None = None
    left_out: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class BatchLabels:
    """Labels of the batch, the queries' own first.

    Attributes:
      num_queries: Number of queries of this replica, a scalar.
      videos: `[labels] int32`; those of other replicas too, where labels are negatives.
      weights: `[labels] float32`, 0 of padding.
      users: `[labels] int32`, user of each label.
    """

    num_queries: tf.Tensor
    videos: tf.Tensor
    weights: tf.Tensor
    users: tf.Tensor

    def own(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the part of `values` that belongs to the queries' own labels."""
        return randomness.own_rows(values, self.num_queries)

    def negatives(self) -> ColumnGroup:
        """Returns the labels that are negatives: of other users, for other videos."""
        users, videos = self.own(self.users), self.own(self.videos)
        mask = users[:, tf.newaxis] != self.users
        mask &= videos[:, tf.newaxis] != self.videos
        log_counts = tf.where(self.weights > 0.0, 0.0, NEVER)
        return ColumnGroup(self.videos, log_counts, mask=mask)

    def num_others(self) -> tf.Tensor:
        """Returns the number of labels of other users, averaged over the queries.

        Counted among the sorted users, which is cheaper than in the matrix of pairs.
        """
        is_label = self.weights > 0.0
        of_users = tf.sort(tf.where(is_label, self.users, -1))
        users = self.own(self.users)
        same = tf.searchsorted(of_users, users, side="right")
        same -= tf.searchsorted(of_users, users, side="left")
        total = tf.reduce_sum(tf.cast(is_label, tf.float32))
        return randomness.replica_mean(
            total - tf.reduce_mean(tf.cast(same, tf.float32))
        )


def labels_of(batch: losses.Features, in_batch: bool) -> BatchLabels:
    """Returns the labels of a batch, those of all replicas if they are negatives."""
    names = schema.LABELS, schema.WEIGHTS, schema.USER_INDICES
    values = [tf.reshape(batch[name], [-1]) for name in names]
    num_queries = tf.size(values[0])
    if in_batch:
        values = [randomness.gather_replicas(each) for each in values]
    return BatchLabels(num_queries, *values)


def drawn(
    proposal: "NegativeSampler", number: int, seed: tf.Tensor, labels: tf.Tensor
) -> ColumnGroup:
    """Returns negatives of a proposal, with one column for repeated draws.

    Args:
      proposal: Distribution of the draws.
      number: Number of draws.
      seed: `[2] int32` of this training step.
      labels: `[queries] int32`; a label is never a negative of its own query.
    """
    videos, counts = proposal.distinct(number, seed)
    is_new = counts > 0.0
    log_counts = tf.where(is_new, tf.math.log(tf.maximum(counts, 1.0)), NEVER)
    places = tf.searchsorted(videos, labels, side="left")  # of repeated ones the first
    is_drawn = tf.searchsorted(videos, labels, side="right") > places
    left_out = tf.where(is_drawn, places, -1)
    return ColumnGroup(videos, log_counts, left_out=left_out)


def powers(label_counts: np.ndarray, exponent: float) -> npt.NDArray[np.float64]:
    """Returns `[num_videos]`, the chance of each video at a draw, never 0.

    Args:
      label_counts: `[num_videos]` labels an epoch draws of each video; below 1 they
        count 1, so that a video that was never a label can be a negative.
      exponent: Chances are in proportion to counts to this power; 0 = uniform.
    """
    weights = np.maximum(np.asarray(label_counts, np.float64), 1.0) ** exponent
    return np.asarray(weights / weights.sum())


class NegativeSampler:
    """Draws video indices, and returns the probability of each."""

    def __init__(self, of_videos: npt.NDArray[np.float64]) -> None:
        """Prepares the draws.

        Args:
          of_videos: `[num_videos]` probabilities; entry i is of video index i + 1.
        """
        self._of_videos = of_videos
        self._probabilities = tf.constant(np.append(0.0, of_videos), tf.float32)
        self._cumulative = tf.constant(np.cumsum(of_videos), tf.float64)

    def sample(self, number: int, seed: tf.Tensor) -> tf.Tensor:
        """Draws `[number] int32` video indices, a function of the step's `seed`.

        They are sorted, which makes gathers and updates of their rows cheaper.
        """
        own_seed = randomness.fold(seed, randomness.RandomStream.PROPOSALS)
        uniform = randomness.uniform(number, own_seed)
        columns = tf.searchsorted(self._cumulative, tf.sort(uniform), side="right")
        last = tf.size(self._cumulative) - 1
        return tf.minimum(columns, last) + 1

    def distinct(self, number: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws as `sample` does, and returns each drawn video once with its count.

        Where many draws repeat, as in a small catalogue, the result is hardly longer
        than the number of distinct videos. Otherwise, or where shapes must be static,
        it has a row for each draw, and repeats have count 0.

        Args:
          number: Number of draws.
          seed: `[2] int32` of this training step.

        Returns:
          Video indices `[n] int32` in order, and the count of each, `[n] float32`.
        """
        videos = self.sample(number, seed)
        first = tf.searchsorted(videos, videos, side="left")
        behind = tf.searchsorted(videos, videos, side="right")
        is_first = first == tf.range(number)
        counts = tf.where(is_first, tf.cast(behind - first, tf.float32), 0.0)
        distinct = float(np.sum(1.0 - (1.0 - self._of_videos) ** number))  # expected
        are_few = distinct > _FEW_REPEATS * number
        if are_few or randomness.has_static_shapes():
            return videos, counts
        merged = tf.boolean_mask(videos, is_first)
        size = tf.size(merged)
        length = tf.minimum(-(-size // _BLOCK) * _BLOCK, number)
        videos = tf.gather(merged, tf.minimum(tf.range(length), size - 1))
        counts = tf.boolean_mask(counts, is_first)
        return videos, tf.pad(counts, [[0, length - size]])

    def probability(self, videos: tf.Tensor) -> tf.Tensor:
        """Returns `[n] float32` for video indices `[n]`; 0 for index 0."""
        return tf.gather(self._probabilities, videos)


def log_total(logits: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Returns log Σ_j exp(logit_j) of each row, given its softmax."""
    largest = tf.reduce_max(probabilities, axis=1)
    return tf.reduce_max(logits, axis=1) - tf.math.log(largest)


def log_sum_exp(
    scores: tf.Tensor,
    offsets: tf.Tensor,
    mask: tf.Tensor | None = None,
    left_out: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns log Σ_j exp(scores_ij + offsets_j) of each row i.

    Its gradient is the softmax. The result of a row without counted columns is about
    `NEVER`.

    Args:
      scores: `[queries, columns]`, float32 or bfloat16.
      offsets: `[columns] float32`.
      mask: `[queries, columns] bool`, columns that count in each row; None: all.
      left_out: `[queries] int32`, one more column to leave out of each row; −1: none.
        It is free, while a mask costs passes over the logits.

    Returns:
      `[queries] float32`.
    """

    @tf.custom_gradient
    def total(
        scores: tf.Tensor, offsets: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
        logits = tf.cast(scores, tf.float32) + offsets
        if mask is not None:
            logits = tf.where(mask, logits, NEVER)
        if left_out is not None:
            logits = _without(logits, left_out)
        probabilities = tf.nn.softmax(logits)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_offsets = tf.linalg.matvec(probabilities, upstream, transpose_a=True)
            error = probabilities * upstream[:, tf.newaxis]
            return tf.cast(error, scores.dtype), of_offsets

        return log_total(logits, probabilities), gradient

    return total(scores, offsets)


def _without(logits: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns the logits, `NEVER` added to a column of each row; −1: to none."""
    rows = tf.range(tf.size(columns))
    if not randomness.has_static_shapes():  # a place costs as much as a column's logits
        rows = tf.boolean_mask(rows, columns >= 0)
        columns = tf.gather(columns, rows)
    places = tf.stack([rows, tf.maximum(columns, 0)], axis=1)
    values = tf.where(columns >= 0, NEVER, 0.0)
    return tf.tensor_scatter_nd_add(logits, places, values)  # in place
