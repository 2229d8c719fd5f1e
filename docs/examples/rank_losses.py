"""Losses that compare the label's score with those of single negatives.

    ytdnn train --workdir=RUN --config.extensions=rank_losses.py \
        --config.candidates.loss=warp --stage=candidates

None is ahead of softmax on a real log (experiments/losses_by_log.py). WARP is the loss
of the paper's predecessor (PAPER §3: "a matrix factorization approach trained under
rank loss"). `y_pred` has the label's score in column 0 and those of negatives after it,
`drawn_negatives.NEVER` for one that does not count.
"""

import math
import typing

import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.candidates import losses
from ytdnn.candidates.losses import drawn_negatives


class _Drawn(configs.Extension):
    """Negatives of a step: as many as sampled softmax has, drawn uniformly."""

    num_negatives: typing.ClassVar[int] = 1_024
    proposal_exponent: typing.ClassVar[float] = 0.0


@configs.validated
class BPRConfig(_Drawn):
    """Bayesian personalised ranking: the label above others."""

    kind: typing.Literal["bpr"] = "bpr"


@configs.validated
class WARPConfig(_Drawn):
    """Weighted approximate-rank pairwise loss, of margin 1 as published."""

    kind: typing.Literal["warp"] = "warp"


@configs.validated
class GBCEConfig(_Drawn):
    """Generalised binary cross-entropy."""

    # From 0, plain binary cross-entropy, to 1, probabilities of all videos.
    calibration: typing.ClassVar[float] = 0.75
    kind: typing.Literal["gbce"] = "gbce"


class BPR(tf.keras.losses.Loss):
    """Bayesian personalised ranking (Rendle et al., UAI 2009)."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns the mean of −log σ(label − negative), `[batch]`."""
        positive, negative, counts = _parts(y_pred)
        return _mean(tf.nn.softplus(negative - positive), counts)


class WARP(tf.keras.losses.Loss):
    """The weighted approximate-rank loss of a catalogue (Weston et al., IJCAI 2011).

    Negatives within the margin of the label violate its order. Their share of the
    sample, of `num_videos` − 1, estimates the label's rank; the loss is log(1 + rank) ·
    the violators' mean hinge. Weston et al. draw one negative after another until one
    violates; a whole sample estimates the same rank with less variance.
    """

    def __init__(self, num_videos: int, margin: float = 1.0) -> None:
        """Takes the size of the vocabulary, and the margin of violators."""
        super().__init__()
        self.num_videos, self.margin = num_videos, margin

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns the losses, `[batch]`."""
        positive, negative, counts = _parts(y_pred)
        hinge = counts * tf.nn.relu(self.margin + negative - positive)
        violates = tf.cast(hinge > 0.0, tf.float32)
        rank = float(self.num_videos - 1) * _mean(violates, counts)
        return tf.stop_gradient(tf.math.log1p(rank)) * _mean(hinge, violates)


class GBCE(tf.keras.losses.Loss):
    """Generalised binary cross-entropy (Petrov and Macdonald, 2023).

    −β log σ(label) − Σ log(1 − σ(negative)), with α the expected count of a video among
    the negatives and β = α (t (1 − 1/α) + 1/α): an exponent of the positive that makes
    up for the negatives that were not drawn. Scores are relative to the log odds of one
    video among all, so that training does not begin by lowering every score.
    """

    def __init__(
        self, num_videos: int, num_negatives: int = 1_024, calibration: float = 0.75
    ) -> None:
        """Takes the size of the vocabulary, and settings of `GBCEConfig`."""
        super().__init__()
        others = max(1, num_videos - 1)
        alpha, self.against = num_negatives / others, math.log(others)
        self.beta = alpha * (calibration * (1.0 - 1.0 / alpha) + 1.0 / alpha)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns the losses, `[batch]`."""
        positive, negative, counts = _parts(y_pred)
        of_negatives = counts * tf.nn.softplus(negative - self.against)
        of_label = tf.nn.softplus(self.against - positive[:, 0])
        return self.beta * of_label + tf.reduce_sum(of_negatives, axis=1)


def _parts(y_pred: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the scores of labels and negatives, and which negatives count (1)."""
    negative = y_pred[:, 1:]
    counts = tf.cast(negative > drawn_negatives.NEVER / 2.0, tf.float32)
    return y_pred[:, :1], negative, counts


def _mean(values: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Returns the mean of the counted values of each row; 0 for a row without any."""
    total = tf.reduce_sum(values * counts, axis=1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(counts, axis=1))


@registries.LOSSES.register("bpr", BPRConfig)
def make_bpr(config: BPRConfig, learner: losses.Learner) -> BPR:
    """Returns BPR."""
    return BPR()


@registries.LOSSES.register("warp", WARPConfig)
def make_warp(config: WARPConfig, learner: losses.Learner) -> WARP:
    """Returns WARP."""
    return WARP(len(learner.label_counts))


@registries.LOSSES.register("gbce", GBCEConfig)
def make_gbce(config: GBCEConfig, learner: losses.Learner) -> GBCE:
    """Returns gBCE."""
    num_videos = len(learner.label_counts)
    return GBCE(num_videos, config.num_negatives, config.calibration)
