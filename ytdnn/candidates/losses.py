"""Retrieval losses (PAPER §3.1): sampled softmax through TFRS, and full softmax.

Both return the sum over the replica's examples of weight · cross-entropy, and the
sum of weights, so that one and two replicas give one loss.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ytdnn import configs, schema
from ytdnn.candidates import model as candidate_model
from ytdnn.layers import softmax

Features = dict[str, tf.Tensor]
Loss = Callable[[Features, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
_NEGATIVES_SALT = 3


def make(
    config: configs.Candidates,
    model: candidate_model.CandidateModel,
    train_counts: np.ndarray,
) -> Loss:
    """Returns the configured loss.

    Args:
      config: Which loss, and its sampling.
      model: The model trained.
      train_counts: `[num_videos]` labels an epoch draws of each video.
    """
    if config.loss == "full_softmax":
        return FullSoftmax(config, model)
    return SampledSoftmax(config, model, train_counts)


class FullSoftmax:
    """Cross-entropy over all videos; the reference, for small corpora.

    loss = −Σ_j y_j log softmax(u·v_j + b_j), with y the label, smoothed by
    `label_smoothing` over all videos.
    """

    def __init__(
        self, config: configs.Candidates, model: candidate_model.CandidateModel
    ) -> None:
        """Keeps the model and the smoothing."""
        self._model = model
        self._smoothing = config.label_smoothing
        self._precision = config.precision

    def __call__(self, batch: Features, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        vectors = self._model.user_tower(batch, seed=seed)
        queries = tf.reshape(vectors, [-1, vectors.shape[-1]])
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        losses = softmax.table_cross_entropy(
            labels,
            queries,
            tf.convert_to_tensor(self._model.videos.table),
            tf.convert_to_tensor(self._model.bias),
            smoothing=self._smoothing,
            precision=self._precision,
        )
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)


class SampledSoftmax:
    """TFRS `tasks.Retrieval` over in-batch positives and sampled negatives.

    The columns are the batch's own labels and `num_negatives` videos drawn from the
    proposal q. Each is corrected by the logarithm of its *expected count* in the
    columns, `in_batch · unigram + num_negatives · q`; accidental hits are removed.
    The correction and the bias ride in one more coordinate of the candidate vector
    (the query's is 1), in float32: TFRS's own correction clips probabilities at 1e-6.

    In-batch columns of the query's own user are masked (they are the user's next
    and last watches, far likelier in this batch than by the unigram). `in_batch` is
    the number of columns left, averaged over the batch's queries.
    """

    def __init__(
        self,
        config: configs.Candidates,
        model: candidate_model.CandidateModel,
        train_counts: np.ndarray,
    ) -> None:
        """Prepares the proposal.

        Args:
          config: Sampling.
          model: The model trained.
          train_counts: `[num_videos]` labels an epoch draws of each video.
        """
        self._model = model
        self._num_negatives = config.num_negatives
        counts = np.maximum(np.asarray(train_counts, np.float64), 0.0)
        unigram = counts / counts.sum()
        proposal = np.maximum(counts, 1.0) ** config.proposal_exponent
        proposal /= proposal.sum()
        self._unigram = tf.constant(np.append(0.0, unigram), tf.float32)
        self._proposal = tf.constant(np.append(0.0, proposal), tf.float32)
        self._cumulative = tf.constant(np.cumsum(proposal), tf.float64)
        self._task = tfrs.tasks.Retrieval(
            loss=tf.keras.losses.CategoricalCrossentropy(
                from_logits=True, reduction=tf.keras.losses.Reduction.SUM
            ),
            remove_accidental_hits=True,
        )

    def __call__(self, batch: Features, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.query_vectors(batch, seed=seed)
        queries = tf.reshape(queries, [-1, queries.shape[-1]])
        labels, weights, users = self._columns_of_all_replicas(batch)
        size = tf.shape(queries)[0]
        negatives = self.sample(seed)
        columns = tf.concat([labels, negatives], axis=0)
        mask = self._score_mask(users, weights, size)
        in_batch = _mean_of_replicas(mask[:, : tf.size(labels)], size)
        loss = self._task(
            queries,
            self._corrected(columns, in_batch),
            sample_weight=weights[:size],
            candidate_ids=columns,
            score_mask=mask,
            compute_metrics=False,
        )
        return loss, tf.reduce_sum(weights[:size])

    def sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Draws negatives from the proposal, `[num_negatives] int32` indices.

        All replicas draw the same, since the seed is the step's.
        """
        uniform = tf.random.stateless_uniform(
            [self._num_negatives],
            tf.random.experimental.stateless_fold_in(seed, _NEGATIVES_SALT),
            dtype=tf.float64,
        )
        found = tf.searchsorted(self._cumulative, uniform, side="right")
        last = tf.size(self._cumulative) - 1
        return tf.minimum(found, last) + 1

    def expected_counts(self, columns: tf.Tensor, in_batch: tf.Tensor) -> tf.Tensor:
        """Returns how often each column's video is expected among the columns.

        Args:
          columns: `[n] int32` video indices.
          in_batch: Scalar, the number of in-batch columns a query sees.
        """
        unigram = tf.gather(self._unigram, columns)
        proposal = tf.gather(self._proposal, columns)
        return in_batch * unigram + float(self._num_negatives) * proposal

    def _corrected(self, columns: tf.Tensor, in_batch: tf.Tensor) -> tf.Tensor:
        vectors = self._model.videos(columns)
        expected = tf.maximum(self.expected_counts(columns, in_batch), 1e-12)
        last = tf.gather(self._model.bias, columns) - tf.math.log(expected)
        return tf.concat([vectors, last[:, tf.newaxis]], axis=-1)

    def _columns_of_all_replicas(
        self, batch: Features
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Gathers labels, weights and users of all replicas, this one's first."""
        context = tf.distribute.get_replica_context()
        names = (schema.LABELS, schema.WEIGHTS, schema.USER_INDICES)
        flat = [tf.reshape(batch[name], [-1]) for name in names]
        if context.num_replicas_in_sync == 1:
            return flat[0], flat[1], flat[2]
        shift = -context.replica_id_in_sync_group * tf.shape(flat[0])[0]
        gathered = [context.all_gather(values, axis=0) for values in flat]
        return tuple(tf.roll(values, shift, axis=0) for values in gathered)

    def _score_mask(
        self, users: tf.Tensor, weights: tf.Tensor, num_queries: tf.Tensor
    ) -> tf.Tensor:
        """Returns which columns each query sees, `[num_queries, columns] bool`."""
        own = tf.eye(num_queries, tf.size(users), dtype=tf.bool)
        other_user = users[:num_queries, tf.newaxis] != users[tf.newaxis, :]
        in_batch = own | (other_user & (weights > 0.0)[tf.newaxis, :])
        sampled = tf.ones([num_queries, self._num_negatives], tf.bool)
        return tf.concat([in_batch, sampled], axis=1)


def _mean_of_replicas(visible: tf.Tensor, num_queries: tf.Tensor) -> tf.Tensor:
    """Returns how many columns a query sees, averaged over all replicas' queries."""
    context = tf.distribute.get_replica_context()
    seen = tf.reduce_sum(tf.cast(visible, tf.float32))
    mean = seen / tf.cast(num_queries, tf.float32)
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, mean)
    return total / float(context.num_replicas_in_sync)
