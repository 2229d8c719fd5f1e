"""Losses that compare the label with single sampled negatives.

These are the losses of the paper's predecessor (PAPER §3: "a matrix factorization
approach trained under rank loss", which is WARP) and of later alternatives. The
examples of a step share its negatives; a negative equal to an example's label does not
count for that example.
"""

import abc
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ytdnn.base import configs, errors, registries, schema
from ytdnn.candidates import losses
from ytdnn.candidates.losses import scored_videos
from ytdnn.layers import log_sum_exp, randomness

Scored = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""(scores of the labels `[batch]`, of the negatives `[batch, negatives]`, which of them
count `[batch, negatives] float32`) → losses `[batch]`."""


@registries.LOSSES.register("bpr", configs.BPRConfig)
def make_bpr(config: configs.BPRConfig, learner: losses.Learner) -> "Pairwise":
    """Returns BPR with sampled negatives."""
    number, exponent = config.num_negatives, config.proposal_exponent
    return Pairwise(BPR().scored, learner, number, exponent)


@registries.LOSSES.register("warp", configs.WARPConfig)
def make_warp(config: configs.WARPConfig, learner: losses.Learner) -> "Pairwise":
    """Returns WARP with sampled negatives, of margin 1 as published."""
    scored = WARP(len(learner.label_counts)).scored
    return Pairwise(scored, learner, config.num_negatives, config.proposal_exponent)


@registries.LOSSES.register("gbce", configs.GBCEConfig)
def make_gbce(config: configs.GBCEConfig, learner: losses.Learner) -> "Pairwise":
    """Returns gBCE with negatives that are sampled uniformly."""
    sizes = len(learner.label_counts), config.num_negatives
    scored = GBCE(*sizes, config.calibration).scored
    return Pairwise(scored, learner, config.num_negatives, 0.0)


def from_keras(
    loss: Any, config: Any, learner: losses.Learner, place: str
) -> "Pairwise":
    """Returns a Keras loss of the label's score and those of sampled negatives.

    Args:
      loss: A `tf.keras.losses.Loss`; its `call(y_true, y_pred)` takes, for each
        example, the score of the label in column 0 and those of negatives after it.
      config: Its settings, `num_negatives` and `proposal_exponent` among them.
      learner: The model trained, and its labels.
      place: Where the loss comes from, for messages.
    """
    scored = _scored(loss, place)
    return Pairwise(scored, learner, config.num_negatives, config.proposal_exponent)


def _scored(loss: Any, place: str) -> Scored:
    """Returns a Keras loss as a function of the label's and the negatives' scores."""

    def losses(
        positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        negative = tf.where(counts > 0.0, negative, log_sum_exp.NEVER)
        scores = tf.concat([positive[:, tf.newaxis], negative], axis=1)
        labels = tf.concat(
            [tf.ones_like(scores[:, :1]), tf.zeros_like(scores[:, 1:])], axis=1
        )
        values = tf.convert_to_tensor(loss.call(labels, scores))
        if not values.shape.is_compatible_with(positive.shape):
            raise errors.UserError(
                f"expected a loss of shape [batch] from {type(loss).__name__}.call in "
                f"{place}, received shape {values.shape}: return one value for each "
                f"row, without a mean over the batch"
            )
        return tf.cast(values, tf.float32)

    return losses


class Pairwise:
    """A loss of the label's score and those of sampled negatives."""

    def __init__(
        self,
        scored: Scored,
        learner: losses.Learner,
        num_negatives: int,
        exponent: float,
    ) -> None:
        """Keeps the loss, and prepares the draws of negatives.

        Args:
          scored: Loss of scores.
          learner: The model trained, and its labels.
          num_negatives: Number of negatives per step.
          exponent: They are drawn by label count to this power.
        """
        self._losses = scored
        self._model = learner.model
        chances = scored_videos.powers(learner.label_counts, exponent)
        self._proposal = scored_videos.NegativeSampler(chances)
        self._num_negatives = num_negatives
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
        losses = self._losses(positive, negative, tf.cast(counts, tf.float32))
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)


class _OfScores(tf.keras.losses.Loss, abc.ABC):
    """A loss of scores, in a run and outside."""

    @abc.abstractmethod
    def scored(
        self, positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        """Returns the losses `[batch]`; for arguments see `Scored`."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns the losses, `[batch] float32`.

        Args:
          y_true: `[batch, 1 + negatives]`, 1 in column 0; not read.
          y_pred: Scores of the same shape: of the label, then of negatives;
            `softmax.NEVER` for one that does not count.
        """
        del y_true
        negative = y_pred[:, 1:]
        counts = tf.cast(negative > log_sum_exp.NEVER / 2.0, tf.float32)
        return self.scored(y_pred[:, 0], negative, counts)


class BPR(_OfScores):
    """Bayesian personalised ranking (Rendle et al., UAI 2009)."""

    def scored(
        self, positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        """Returns the mean of −log σ(label − negative), `[batch]`."""
        return _mean(tf.nn.softplus(negative - positive[:, tf.newaxis]), counts)


class WARP(_OfScores):
    """The weighted approximate-rank loss of a catalogue (Weston et al., IJCAI 2011).

    Negatives within the margin of the label violate its order. Their share of the
    sample, of `num_videos` − 1, estimates the label's rank; the loss is log(1 + rank) ·
    the violators' mean hinge. Weston et al. draw one negative after another until one
    violates; a whole sample estimates the same rank with less variance.
    """

    def __init__(self, num_videos: int, margin: float = 1.0, **kwargs: Any) -> None:
        """Takes the size of the vocabulary, and the margin of violators."""
        super().__init__(**kwargs)
        self.num_videos, self.margin = num_videos, margin

    def scored(
        self, positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        """Returns the losses, `[batch]`."""
        hinge = counts * tf.nn.relu(self.margin + negative - positive[:, tf.newaxis])
        violates = tf.cast(hinge > 0.0, tf.float32)
        rank = float(self.num_videos - 1) * _mean(violates, counts)
        return tf.stop_gradient(tf.math.log1p(rank)) * _mean(hinge, violates)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments, for `from_config`."""
        arguments = {"num_videos": self.num_videos, "margin": self.margin}
        return {**super().get_config(), **arguments}


class GBCE(_OfScores):
    """Generalised binary cross-entropy (Petrov and Macdonald, 2023).

    −β log σ(label) − Σ log(1 − σ(negative)), with α the expected count of a video among
    the negatives and β = α (t (1 − 1/α) + 1/α): an exponent of the positive that makes
    up for the negatives that were not drawn. Scores are relative to the log odds of one
    video among all, so that training does not begin by lowering every score.
    """

    def __init__(
        self,
        num_videos: int,
        num_negatives: int = 1_024,
        calibration: float = 0.75,
        **kwargs: Any,
    ) -> None:
        """Takes the size of the vocabulary, and settings of `configs.GBCEConfig`."""
        super().__init__(**kwargs)
        self.num_videos = num_videos
        self.num_negatives, self.calibration = num_negatives, calibration

    def scored(
        self, positive: tf.Tensor, negative: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        """Returns the losses, `[batch]`."""
        others = max(1, self.num_videos - 1)
        alpha, against = self.num_negatives / others, math.log(others)
        beta = alpha * (self.calibration * (1.0 - 1.0 / alpha) + 1.0 / alpha)
        of_negatives = counts * tf.nn.softplus(negative - against)
        of_label = tf.nn.softplus(against - positive)
        return beta * of_label + tf.reduce_sum(of_negatives, axis=1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments, for `from_config`."""
        arguments = {"num_videos": self.num_videos, "num_negatives": self.num_negatives}
        return {**super().get_config(), **arguments, "calibration": self.calibration}


def _mean(values: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Returns the mean of the counted values of each row; 0 for a row without any."""
    total = tf.reduce_sum(values * counts, axis=1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(counts, axis=1))
