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
float32, with its gradient written out (`drawn_negatives.log_sum_exp`): once for the
labels, once for the drawn videos, of which one that came several times is one column. A
test holds it equal to the stock task with the corrections in one more coordinate.
"""

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ytdnn.base import configs, registries, schema
from ytdnn.candidates import losses
from ytdnn.candidates.losses import drawn_negatives
from ytdnn.layers import randomness

_FEWEST = 1e-12  # expected count of a video that the counts say is never a label


@registries.LOSSES.register("sampled_softmax", configs.SampledSoftmaxConfig)
class SampledSoftmax:
    """Cross-entropy of the label among in-batch and sampled negatives.

    The corrected negatives estimate the other videos' share of the softmax's sum, and
    the loss tends to the full softmax's as negatives grow. The label's score is not
    corrected, though TFRS does: a rare label would be as good as certain, and the
    gradient is never nearer to that of full softmax.
    """

    def __init__(
        self, config: configs.SampledSoftmaxConfig, learner: losses.Learner
    ) -> None:
        """Prepares the proposal."""
        self._config = config
        self._model = learner.model
        self._dtype = tf.as_dtype(learner.precision)
        counts = np.maximum(np.asarray(learner.label_counts, np.float64), 0.0)
        self._unigram = tf.constant(np.append(0.0, counts / counts.sum()), tf.float32)
        chances = drawn_negatives.powers(counts, config.proposal_exponent)
        # Again, as earlier versions did: the sum may be off by a rounding.
        self.proposal = drawn_negatives.NegativeSampler(chances / chances.sum())

    def __call__(
        self, batch: losses.Features, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        labels = drawn_negatives.labels_of(batch, self._config.in_batch)
        videos, weights = labels.own(labels.videos), labels.own(labels.weights)
        number = self._config.num_negatives
        drawn = drawn_negatives.drawn(self.proposal, number, seed, videos)
        of_labels, of_drawn = self._scored(labels, drawn.videos, seed)
        num_in_batch = labels.num_others() if self._config.in_batch else tf.zeros([])
        sums = []
        if self._config.in_batch:
            group = labels.negatives()
            sums.append(self._log_sum(batch, queries, group, of_labels, num_in_batch))
        if number:
            sums.append(self._log_sum(batch, queries, drawn, of_drawn, num_in_batch))
        vectors, bias = (labels.own(values) for values in of_labels)
        positives = tf.reduce_sum(queries * vectors, axis=1) + bias
        if self._model.ages is not None:
            positives += self._model.ages.own_offsets(_times(batch), videos)
        # −log of the positive's share
        losses = tf.nn.softplus(tf.reduce_logsumexp(tf.stack(sums), axis=0) - positives)
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    def expected_counts(self, columns: tf.Tensor, num_in_batch: tf.Tensor) -> tf.Tensor:
        """Returns how often each column's video is expected among the negatives.

        Args:
          columns: `[n] int32` video indices.
          num_in_batch: Scalar, the number of in-batch negatives a query sees.
        """
        unigram = tf.gather(self._unigram, columns)
        proposal = self.proposal.probability(columns)
        return num_in_batch * unigram + float(self._config.num_negatives) * proposal

    def _scored(
        self, labels: drawn_negatives.BatchLabels, drawn: tf.Tensor, seed: tf.Tensor
    ) -> tuple[losses.Columns, losses.Columns]:
        """Returns the vectors and biases of labels, and those of drawn videos."""
        videos = [labels.videos, drawn]
        sizes = [tf.size(each) for each in videos]
        places = randomness.places(labels.num_queries, *sizes)
        scored = self._model.columns(tf.concat(videos, axis=0), seed, *places)
        # Not sliced: the gradient of a slice is a pass over zeros.
        vectors, biases = (tf.split(values, sizes) for values in scored)
        return (vectors[0], biases[0]), (vectors[1], biases[1])

    def _log_sum(
        self,
        batch: losses.Features,
        queries: tf.Tensor,
        group: drawn_negatives.ColumnGroup,
        scored: losses.Columns,
        num_in_batch: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the logarithm of the sum of negatives' exponentials, `[queries]`.

        Args:
          batch: Batch of one replica.
          queries: `[queries, dim] float32`.
          group: The negatives.
          scored: Their vectors and biases.
          num_in_batch: See `expected_counts`.
        """
        vectors, bias = scored
        expected = self.expected_counts(group.videos, num_in_batch)
        offsets = bias - tf.math.log(tf.maximum(expected, _FEWEST))
        offsets += group.log_counts
        mask, of_ages, ages = group.mask, None, self._model.ages
        if ages is not None:
            are_out = ages.are_out(_times(batch), group.videos)
            mask = are_out if mask is None else mask & are_out
            of_ages = ages.offsets(_times(batch), group.videos)
        loss = _LogSum(of_ages, offsets, mask, group.left_out)
        # `call`, since a Keras layer called as such makes its input float32 again.
        return _RETRIEVE(
            tfrs.tasks.Retrieval(loss=loss),
            tf.cast(queries, self._dtype),
            tf.cast(vectors, self._dtype),
            compute_metrics=False,
        )


# Its `len` of a tensor is all that needs AutoGraph, which is slow to convert the rest.
_RETRIEVE = tf.autograph.to_graph(tfrs.tasks.Retrieval.call, recursive=False)


class _LogSum(tf.keras.losses.Loss):
    """`drawn_negatives.log_sum_exp` as a Keras loss of the task's scores."""

    def __init__(self, of_ages: tf.Tensor | None, *arguments: tf.Tensor | None) -> None:
        super().__init__(reduction=tf.keras.losses.Reduction.NONE)
        self._of_ages = of_ages
        self._arguments = arguments

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        del y_true  # the identity
        if self._of_ages is not None:
            y_pred += tf.cast(self._of_ages, y_pred.dtype)
        return drawn_negatives.log_sum_exp(y_pred, *self._arguments)


def _times(batch: losses.Features) -> tf.Tensor:
    return tf.reshape(batch[schema.LABEL_TIMES], [-1])
