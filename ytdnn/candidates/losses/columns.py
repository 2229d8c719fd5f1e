"""The videos that the queries of a step are scored with: labels, and drawn ones."""

import dataclasses

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.candidates import losses
from ytdnn.candidates.losses import proposals
from ytdnn.layers import replica, softmax


@dataclasses.dataclass(frozen=True)
class ColumnGroup:
    """Videos, and which of them are negatives of which query.

    Attributes:
      videos: `[n] int32`.
      log_counts: `[n] float32`, logarithms of how many negatives each stands for;
        `softmax.NEVER`: none.
      mask: `[queries, n] bool`, see `softmax.log_sum_exp`.
      left_out: `[queries] int32`, see `softmax.log_sum_exp`.
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
        return replica.own(values, self.num_queries)

    def negatives(self) -> ColumnGroup:
        """Returns the labels that are negatives: of other users, for other videos."""
        users, videos = self.own(self.users), self.own(self.videos)
        mask = users[:, tf.newaxis] != self.users
        mask &= videos[:, tf.newaxis] != self.videos
        log_counts = tf.where(self.weights > 0.0, 0.0, softmax.NEVER)
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
        return replica.mean(total - tf.reduce_mean(tf.cast(same, tf.float32)))


def labels_of(batch: losses.Features, in_batch: bool) -> BatchLabels:
    """Returns the labels of a batch, those of all replicas if they are negatives."""
    names = schema.LABELS, schema.WEIGHTS, schema.USER_INDICES
    values = [tf.reshape(batch[name], [-1]) for name in names]
    num_queries = tf.size(values[0])
    if in_batch:
        values = [replica.gathered(each) for each in values]
    return BatchLabels(num_queries, *values)


def drawn(
    proposal: proposals.NegativeSampler, number: int, seed: tf.Tensor, labels: tf.Tensor
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
    log_counts = tf.where(is_new, tf.math.log(tf.maximum(counts, 1.0)), softmax.NEVER)
    places = tf.searchsorted(videos, labels, side="left")  # of repeated ones the first
    is_drawn = tf.searchsorted(videos, labels, side="right") > places
    left_out = tf.where(is_drawn, places, -1)
    return ColumnGroup(videos, log_counts, left_out=left_out)
