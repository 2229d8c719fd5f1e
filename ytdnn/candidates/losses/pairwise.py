"""Losses that compare the label with single sampled negatives.

These are the losses of the paper's predecessor (PAPER §3: "a matrix factorization
approach trained under rank loss", which is WARP) and of later alternatives. The
examples of a step share its negatives; a negative equal to an example's label does not
count for that example.
"""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.candidates.losses import base_loss, proposals, replicas

Scored = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""(scores of the labels `[batch]`, of the negatives `[batch, negatives]`, which of them
count `[batch, negatives] float32`) → losses `[batch]`."""


def make(
    config: configs.BPRConfig | configs.WARPConfig | configs.GBCEConfig,
    model: base_loss.ScoredModel,
    label_counts: np.ndarray,
    precision: str,
) -> "Pairwise":
    """Returns the configured loss.

    Args:
      config: Which, and its settings.
      model: The model trained.
      label_counts: `[num_videos]` labels an epoch draws of each video.
      precision: Dtype of the products.
    """
    num_videos = len(label_counts)
    losses: Scored = bpr
    exponent = (
        0.0 if isinstance(config, configs.GBCEConfig) else config.proposal_exponent
    )
    if isinstance(config, configs.WARPConfig):
        losses = warp(num_videos, config.margin)
    elif isinstance(config, configs.GBCEConfig):
        losses = gbce(num_videos, config)
    proposal = proposals.NegativeSampler(proposals.powers(label_counts, exponent))
    return Pairwise(losses, model, proposal, config.num_negatives, precision)


class Pairwise:
    """A loss of the label's score and those of sampled negatives."""

    def __init__(
        self,
        losses: Scored,
        model: base_loss.ScoredModel,
        proposal: proposals.NegativeSampler,
        num_negatives: int,
        precision: str,
    ) -> None:
        """Keeps the loss, the model and the proposal.

        Args:
          losses: Loss of scores.
          model: The model trained.
          proposal: Distribution of the negatives.
          num_negatives: Number of negatives per step.
          precision: Dtype of the products.
        """
        self._losses = losses
        self._model = model
        self._proposal = proposal
        self._num_negatives = num_negatives
        self._dtype = tf.as_dtype(precision)

    def __call__(
        self, batch: base_loss.Features, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        negatives = self._proposal.sample(self._num_negatives, seed)
        size = tf.size(labels)
        columns = tf.concat([labels, negatives], axis=0)
        places = replicas.places(size, size, self._num_negatives)
        vectors, bias = self._model.columns(columns, seed, *places)
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
            offsets = self._model.ages.offsets(times, columns)
            positive += tf.linalg.diag_part(offsets)
            negative += offsets[:, size:]
            counts &= self._model.ages.are_out(times, negatives)
        losses = self._losses(positive, negative, tf.cast(counts, tf.float32))
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)


def bpr(positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Returns the mean of −log σ(label − negative), `[batch]` (see `Scored`)."""
    losses = tf.nn.softplus(negative - positive[:, tf.newaxis])
    return _mean(losses, counts)


def warp(num_videos: int, margin: float) -> Scored:
    """Returns the weighted approximate-rank loss of a catalogue.

    Negatives within the margin of the label violate its order. Their share of the
    sample, of `num_videos` − 1, estimates the label's rank; the loss is log(1 + rank) ·
    the violators' mean hinge. Weston et al. draw one negative after another until one
    violates; a whole sample estimates the same rank with less variance.

    Args:
      num_videos: Size of the vocabulary.
      margin: See `configs.WARPConfig`.
    """

    def losses(
        positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        hinge = counts * tf.nn.relu(margin + negative - positive[:, tf.newaxis])
        violates = tf.cast(hinge > 0.0, tf.float32)
        rank = float(num_videos - 1) * _mean(violates, counts)
        return tf.stop_gradient(tf.math.log1p(rank)) * _mean(hinge, violates)

    return losses


def gbce(num_videos: int, config: configs.GBCEConfig) -> Scored:
    """Returns generalised binary cross-entropy of a catalogue.

    −β log σ(label) − Σ log(1 − σ(negative)), with α the expected count of a video among
    the negatives and β = α (t (1 − 1/α) + 1/α): an exponent of the positive that makes
    up for the negatives that were not drawn. Scores are relative to the log odds of one
    video among all, so that training does not begin by lowering every score.

    Args:
      num_videos: Size of the vocabulary.
      config: The number of negatives and t, the calibration.
    """
    alpha = config.num_negatives / max(1, num_videos - 1)
    beta = alpha * (config.calibration * (1.0 - 1.0 / alpha) + 1.0 / alpha)
    against = math.log(max(1, num_videos - 1))

    def losses(
        positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        of_negatives = counts * tf.nn.softplus(negative - against)
        of_label = tf.nn.softplus(against - positive)
        return beta * of_label + tf.reduce_sum(of_negatives, axis=1)

    return losses


def _mean(values: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Returns the mean of the values of each row that count; 0 of none."""
    total = tf.reduce_sum(values * counts, axis=1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(counts, axis=1))
