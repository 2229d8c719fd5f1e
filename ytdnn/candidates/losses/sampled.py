"""Sampled softmax: TFRS retrieval, importance-corrected exactly (PAPER §3.1).

The columns are the batch's own labels (in-batch, all replicas') and `num_negatives`
videos drawn from a proposal. A negative's score is corrected by the logarithm of its
*expected count* among the negatives, n · unigram + num_negatives · proposal, where n
is the number of in-batch negatives a query sees. Columns that hold the query's own
label (accidental hits) are no negatives, nor are in-batch columns of its own user:
those are the user's neighbouring watches, far more likely there than the correction
assumes.

TFRS's own correction clips probabilities at 1e-6, and its own removal of accidental
hits is slow. So the task is given a loss that masks, corrects and adds biases in
float32, with its gradient written out (`softmax.diagonal_cross_entropy`). A test holds
it equal to the stock task with the corrections in one more coordinate.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ytdnn import configs, schema
from ytdnn.candidates.losses import interface, proposals, replicas
from ytdnn.layers import softmax

_FEWEST = 1e-12  # expected count of a video that the counts say is never a label


class SampledSoftmax:
    """Cross-entropy of the label among in-batch and sampled negatives.

    With `correct_positive` the label's score is corrected like a negative's: the loss
    is then the likelihood of the label *given the columns* (its minimum is at the true
    logits, but a rare label is as good as certain among them). Without, the corrected
    negatives estimate the other videos' share of the softmax's sum, and the loss tends
    to the full softmax's as negatives grow; experiments/benchmarks/sampled_gradient.py
    measures both.
    """

    def __init__(
        self,
        config: configs.SampledSoftmax,
        model: interface.Model,
        label_counts: np.ndarray,
        precision: str,
    ) -> None:
        """Prepares the proposal.

        Args:
          config: Sampling.
          model: The model trained.
          label_counts: `[num_videos]` labels an epoch draws of each video.
          precision: Dtype of the products.
        """
        self._config = config
        self._model = model
        self._dtype = tf.as_dtype(precision)
        counts = np.maximum(np.asarray(label_counts, np.float64), 0.0)
        unigram = np.append(0.0, counts / counts.sum())
        self._unigram = tf.constant(unigram, tf.float32)
        self.proposal = proposals.Proposal(proposals.probabilities(config, counts))

    def __call__(
        self, batch: interface.Features, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        if not self._config.in_batch:
            return self._of_sampled_alone(batch, queries, seed)
        labels, weights, users = _columns_of_all_replicas(batch)
        size = tf.shape(queries)[0]
        negatives = self.proposal.sample(self._config.num_negatives, seed)
        columns = tf.concat([labels, negatives], axis=0)
        in_batch = _in_batch(users, weights, size)
        mask = _score_mask(labels, negatives, in_batch)
        places = replicas.places(size, tf.size(labels), self._config.num_negatives)
        vectors, bias = self._model.columns(columns, seed, *places)
        offsets, of_positives = self._offsets(columns, bias, _mean_row(in_batch), size)
        mask, of_ages = self._of_ages(batch, columns, mask)
        # `call`, since a Keras layer called as such makes its input float32 again.
        loss = _task(_DiagonalLoss(of_ages, mask, offsets, of_positives)).call(
            tf.cast(queries, self._dtype),
            tf.cast(vectors, self._dtype),
            sample_weight=weights[:size],
            compute_metrics=False,
        )
        return loss, tf.reduce_sum(weights[:size])

    def _of_sampled_alone(
        self, batch: interface.Features, queries: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the same where the batch's labels are no negatives.

        Then no query is scored with another's label, which halves the products where
        negatives are as many as examples.
        """
        labels, weights = (
            tf.reshape(batch[name], [-1]) for name in (schema.LABELS, schema.WEIGHTS)
        )
        size = tf.size(labels)
        negatives = self.proposal.sample(self._config.num_negatives, seed)
        columns = tf.concat([labels, negatives], axis=0)
        places = replicas.places(size, size, self._config.num_negatives)
        vectors, bias = self._model.columns(columns, seed, *places)
        offsets, of_positives = self._offsets(columns, bias, tf.zeros([]), size)
        positives = tf.reduce_sum(queries * vectors[:size], axis=1) + of_positives
        mask, of_ages, ages = labels[:, tf.newaxis] != negatives, None, self._model.ages
        if ages is not None:
            times = tf.reshape(batch[schema.LABEL_TIMES], [-1])
            mask &= ages.are_out(times, negatives)
            of_ages = ages.offsets(times, negatives)
            positives += ages.own_offsets(times, labels)
        loss = _task(_SampledLoss(of_ages, mask, offsets[size:], positives)).call(
            tf.cast(queries, self._dtype),
            tf.cast(vectors[size:], self._dtype),
            sample_weight=weights,
            compute_metrics=False,
        )
        return loss, tf.reduce_sum(weights)

    def expected_counts(self, columns: tf.Tensor, num_in_batch: tf.Tensor) -> tf.Tensor:
        """Returns how often each column's video is expected among the negatives.

        Args:
          columns: `[n] int32` video indices.
          num_in_batch: Scalar, the number of in-batch negatives a query sees.
        """
        unigram = tf.gather(self._unigram, columns)
        proposal = self.proposal.probability(columns)
        return num_in_batch * unigram + float(self._config.num_negatives) * proposal

    def _of_ages(
        self, batch: interface.Features, columns: tf.Tensor, mask: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns the mask without what was not out, and what ages add to scores.

        Args:
          batch: Of one replica.
          columns: `[columns] int32`.
          mask: `[queries, columns] bool`, true on the diagonal.
        """
        ages = self._model.ages
        if ages is None:
            return mask, None
        times = tf.reshape(batch[schema.LABEL_TIMES], [-1])
        are_out = mask & ages.are_out(times, columns)
        are_out = tf.linalg.set_diag(are_out, tf.linalg.diag_part(mask))
        return are_out, ages.offsets(times, columns)

    def _offsets(
        self,
        columns: tf.Tensor,
        bias: tf.Tensor,
        num_in_batch: tf.Tensor,
        num_queries: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what is added to a column's score as negative, and as positive."""
        expected = tf.maximum(self.expected_counts(columns, num_in_batch), _FEWEST)
        corrected = bias - tf.math.log(expected)
        positives = corrected if self._config.correct_positive else bias
        return corrected, positives[:num_queries]


def _in_batch(
    users: tf.Tensor, weights: tf.Tensor, num_queries: tf.Tensor
) -> tf.Tensor:
    """Returns which labels of the batch may be negatives of each query.

    Returns:
      `[num_queries, labels] bool`.
    """
    other_user = users[:num_queries, tf.newaxis] != users[tf.newaxis, :]
    return other_user & (weights > 0.0)[tf.newaxis, :]


class _Loss(tf.keras.losses.Loss):
    """A cross-entropy of `softmax` as a Keras loss of the task's scores."""

    cross_entropy: Callable[..., tf.Tensor]

    def __init__(self, of_ages: tf.Tensor | None, *arguments: tf.Tensor) -> None:
        super().__init__(reduction=tf.keras.losses.Reduction.SUM)
        self._of_ages = of_ages
        self._arguments = arguments

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        del y_true  # the identity
        if self._of_ages is not None:
            y_pred += tf.cast(self._of_ages, y_pred.dtype)
        return self.cross_entropy(y_pred, *self._arguments)


class _DiagonalLoss(_Loss):
    """The label is on the diagonal of the scores."""

    cross_entropy = staticmethod(softmax.diagonal_cross_entropy)


class _SampledLoss(_Loss):
    """The label is beside the scores, which are of negatives alone."""

    cross_entropy = staticmethod(softmax.sampled_cross_entropy)


def _task(loss: _Loss) -> tfrs.tasks.Retrieval:
    return tfrs.tasks.Retrieval(loss=loss)


def _columns_of_all_replicas(
    batch: interface.Features,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Gathers labels, weights and users of all replicas, this one's first."""
    names = (schema.LABELS, schema.WEIGHTS, schema.USER_INDICES)
    labels, weights, users = (
        replicas.gathered(tf.reshape(batch[name], [-1])) for name in names
    )
    return labels, weights, users


def _score_mask(
    labels: tf.Tensor, negatives: tf.Tensor, in_batch: tf.Tensor
) -> tf.Tensor:
    """Returns which columns each query sees: its positive, and no accidental hit.

    Args:
      labels: `[labels] int32`, this replica's first.
      negatives: `[negatives] int32`.
      in_batch: `[queries, labels] bool`, which may be negatives.

    Returns:
      `[queries, labels + negatives] bool`.
    """
    num_queries = tf.shape(in_batch)[0]
    own = labels[:num_queries, tf.newaxis]
    positive = tf.eye(num_queries, tf.size(labels), dtype=tf.bool)
    of_labels = positive | (in_batch & (own != labels))
    return tf.concat([of_labels, own != negatives], axis=1)


def _mean_row(in_batch: tf.Tensor) -> tf.Tensor:
    """Returns how many in-batch negatives a query has, averaged over all replicas."""
    context = tf.distribute.get_replica_context()
    mean = tf.reduce_mean(tf.reduce_sum(tf.cast(in_batch, tf.float32), axis=1))
    if context.num_replicas_in_sync == 1:
        return mean
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, mean)
    return total / float(context.num_replicas_in_sync)
