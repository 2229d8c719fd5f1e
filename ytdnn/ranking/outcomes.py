"""Outcomes of impressions besides the click, as further outputs of the ranker's tower.

Each outcome y ≥ 0 has one logit z, read off the tower that the click is read off. Its
target is t = min(y, c) / c in [0, 1], with c = 1 of a binary outcome and the 99 %
quantile of the amounts above 0 otherwise, and its loss the cross-entropy

    -t · log σ(z) - (1 - t) · log(1 - σ(z)),

which is bounded in the amount and least where c · σ(z) = E[min(y, c)]. An unknown
outcome has no loss. The cut at c lowers the mean; calibration on the validation window
corrects it (`ytdnn.training.calibrating`).

The losses are added to the head's with weights (`ranking.loss_weights`). The epoch is
chosen by the head's own loss.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs, errors, schema
from ytdnn.base.configs import ranking as ranking_config
from ytdnn.base.metrics import recalibration
from ytdnn.log import catalogues, outcomes

LEAST_POSITIVE = 20  # training impressions; fewer tell nothing
_CUT = 0.99  # quantile of the amounts above 0
_MOST_SAMPLED = 1 << 20
_MAX_LOG_AMOUNT = 80.0  # its exponential is finite in float32

Floats = npt.NDArray[np.floating]


@dataclasses.dataclass(frozen=True)
class Learned:
    """An outcome that a ranker predicts.

    Attributes:
      name: Name of its column.
      place: Its place in the array of outcomes.
      kind: `binary`, or `amount`.
      mean: Mean target of the training impressions, in (0, 1).
      most: Amount c with target 1; 1 for a binary outcome.
    """

    name: str
    place: int
    kind: str
    mean: float
    most: float = 1.0

    @property
    def is_binary(self) -> bool:
        """Whether it happens or not."""
        return self.kind == outcomes.BINARY

    @property
    def meaning(self) -> str:
        """Meaning of its prediction, for people."""
        words = "probability of" if self.is_binary else "expected amount of"
        return f"{words} the outcome {self.name}"

    @property
    def bias(self) -> float:
        """Initial value of its logit."""
        return math.log(self.mean / (1.0 - self.mean))

    def loss(self, logits: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
        """Returns the loss of each impression, 0 where it is unknown.

        Args:
          logits: `[...] float32`.
          observed: `[...] float32`, NaN where unknown.
        """
        known = tf.math.is_finite(observed)
        targets = tf.clip_by_value(observed / self.most, 0.0, 1.0)
        targets = tf.where(known, targets, tf.zeros_like(targets))
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        return tf.where(known, losses, tf.zeros_like(losses))

    def predict(self, logits: tf.Tensor, line: recalibration.Line) -> tf.Tensor:
        """Returns the probability, or the expected amount, `[...] float32`.

        Args:
          logits: `[...] float32`.
          line: Calibration of the log odds, or of the log of the amount.
        """
        if self.is_binary:
            return tf.sigmoid(line.moved(logits))
        log_amounts = math.log(self.most) - tf.nn.softplus(-logits)
        return tf.exp(tf.minimum(line.moved(log_amounts), _MAX_LOG_AMOUNT))


def chosen(
    config: configs.RankingConfig, catalogue: catalogues.Catalogue
) -> list[tuple[int, outcomes.Outcome]]:
    """Returns the outcomes of a log, with their place, except those of weight 0.

    Args:
      config: Weights of the losses.
      catalogue: The catalogue of the prepared set.

    Raises:
      errors.UserError: A weight names no outcome of the log.
    """
    known = [one.name for one in catalogue.outcomes]
    weights = config.weights_of(known)
    unknown = [name for name in weights if name not in (ranking_config.HEAD, *known)]
    if unknown:
        hint = errors.hint(unknown[0], known)
        raise errors.UserError(
            f"expected ranking.loss_weights of {ranking_config.HEAD} and of the log's "
            f"outcomes ({', '.join(known) or 'none'}), received {unknown[0]}{hint}"
        )
    return [(i, one) for i, one in enumerate(catalogue.outcomes) if weights[one.name]]


def measure(
    found: Sequence[tuple[int, outcomes.Outcome]], parts: Iterable[Floats]
) -> tuple[Learned, ...]:
    """Returns the outcomes that training impressions have values of.

    Means are smoothed by one impression of each end, so that logits are finite.

    Args:
      found: Outcomes that `chosen` returned.
      parts: Parts of the outcomes `[impressions, n]` of the training impressions, NaN
        where unknown.
    """
    samples: list[list[Floats]] = [[] for _ in found]
    for part in parts:
        for (place, _), sample in zip(found, samples, strict=True):
            values = part[:, place].astype(np.float64)
            sample.append(values[np.isfinite(values)])
    learned = []
    for (place, one), sample in zip(found, samples, strict=True):
        values = np.concatenate([np.zeros(0), *sample])
        positive = values[values > 0.0]
        others = len(values) - len(positive)
        rarest = (
            min(len(positive), others) if one.kind == outcomes.BINARY else len(positive)
        )
        if rarest < LEAST_POSITIVE:
            continue
        most = 1.0
        if one.kind == outcomes.AMOUNT:
            thin = positive[:: -(-len(positive) // _MOST_SAMPLED)]
            most = float(np.quantile(thin, _CUT))
        targets = np.minimum(values / most, 1.0)
        mean = float((targets.sum() + 1.0) / (len(targets) + 2.0))
        learned.append(Learned(one.name, place, one.kind, mean, most))
    return tuple(learned)


def notes(catalogue: catalogues.Catalogue, learned: Sequence[Learned]) -> list[str]:
    """Returns a line about the outcomes that are predicted, and about the others.

    Args:
      catalogue: The catalogue of the prepared set.
      learned: Outcomes that the ranker predicts.
    """
    names = [one.name for one in learned]
    others = [one.name for one in catalogue.outcomes if one.name not in names]
    found = [f"outcomes predicted: {', '.join(names)}"] if names else []
    if others:
        found.append(
            f"outcomes not predicted: {', '.join(others)} (weight 0 in "
            f"ranking.loss_weights, or with less than {LEAST_POSITIVE} of one value in "
            f"training {schema.IMPRESSIONS})"
        )
    return found
