"""A Keras loss of the label's score and those of single sampled negatives.

Rank losses are an example (docs/examples/rank_losses.py). The examples of a step share
its negatives; a negative equal to an example's label does not count for that example.
"""

from typing import Any

import tensorflow as tf

from ytdnn.base import errors, schema
from ytdnn.candidates import losses
from ytdnn.candidates.losses import drawn_negatives
from ytdnn.layers import randomness


class Pairwise:
    """A loss of the label's score and those of sampled negatives."""

    def __init__(
        self, loss: Any, config: Any, learner: losses.Learner, place: str
    ) -> None:
        """Keeps the loss, and prepares the draws of negatives.

        Args:
          loss: A `tf.keras.losses.Loss`; its `call(y_true, y_pred)` takes, for each
            example, the score of the label in column 0 and those of negatives after it.
          config: Its settings, `num_negatives` and `proposal_exponent` among them.
          learner: The model trained, and its labels.
          place: Where the loss comes from, for messages.
        """
        self._loss, self._place = loss, place
        self._model = learner.model
        chances = drawn_negatives.powers(learner.label_counts, config.proposal_exponent)
        self._proposal = drawn_negatives.NegativeSampler(chances)
        self._num_negatives = config.num_negatives
        self._dtype = tf.as_dtype(learner.precision)

    def __call__(
        self, batch: losses.Features, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        negatives = self._proposal.sample(self._num_negatives, seed)
        size = tf.size(labels)
        videos = tf.concat([labels, negatives], axis=0)
        places = randomness.places(size, size, self._num_negatives)
        vectors, bias = self._model.columns(videos, seed, *places)
        positive = tf.reduce_sum(queries * vectors[:size], axis=1) + bias[:size]
        products = tf.matmul(
            tf.cast(queries, self._dtype),
            tf.cast(vectors[size:], self._dtype),
            transpose_b=True,
        )
        negative = tf.cast(products, tf.float32) + bias[size:]
        counts = labels[:, tf.newaxis] != negatives
        if self._model.ages is not None:
            times = tf.reshape(batch[schema.LABEL_TIMES], [-1])
            offsets = self._model.ages.offsets(times, videos)
            positive += tf.linalg.diag_part(offsets)
            negative += offsets[:, size:]
            counts &= self._model.ages.are_out(times, negatives)
        negative = tf.where(counts, negative, drawn_negatives.NEVER)
        losses = self._losses(positive, negative)
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    def _losses(self, positive: tf.Tensor, negative: tf.Tensor) -> tf.Tensor:
        """Returns the losses `[batch]` of the labels' and the negatives' scores."""
        scores = tf.concat([positive[:, tf.newaxis], negative], axis=1)
        labels = tf.concat(
            [tf.ones_like(scores[:, :1]), tf.zeros_like(negative)], axis=1
        )
        values = tf.convert_to_tensor(self._loss.call(labels, scores))
        if not values.shape.is_compatible_with(positive.shape):
            raise errors.UserError(
                f"expected a loss of shape [batch] from "
                f"{type(self._loss).__name__}.call in {self._place}, received shape "
                f"{values.shape}: return one value for each row, without a mean over "
                f"the batch"
            )
        return tf.cast(values, tf.float32)
