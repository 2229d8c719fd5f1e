"""Outcomes of impressions besides the click, as further outputs of the ranker's tower.

Each outcome y ≥ 0 has one logit z, read off the tower that the click is read off. Its
target is t = min(y, c) / c in [0, 1], with c = 1 of a binary outcome and the 99 %
quantile of the amounts above 0 otherwise, and its loss the cross-entropy

    -t · log σ(z) - (1 - t) · log(1 - σ(z)),

which is bounded in the amount and least where c · σ(z) = E[min(y, c)]. An unknown
outcome has no loss. The cut at c lowers the mean; calibration on the validation window
corrects it (`ytdnn.training.ranker_calibration`).

The losses are added to the head's with weights (`ranking.loss_weights`). The epoch is
chosen by the head's own loss.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs, errors, schema
from ytdnn.base.configs import ranking as ranking_config
from ytdnn.base.metrics import recalibration
from ytdnn.log import outcomes, prepared
from ytdnn.ranking import heads

LEAST_POSITIVE = 20  # training impressions; fewer tell nothing
_CUT = 0.99  # quantile of the amounts above 0
_MOST_SAMPLED = 1 << 20
_MAX_LOG_AMOUNT = 80.0  # its exponential is finite in float32

Floats = npt.NDArray[np.floating]


@dataclasses.dataclass(frozen=True)
class PredictedOutcome:
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


class WithOutcomes(heads.Head):
    """A head with outputs for outcomes next to its own.

    Attributes:
      outcomes: Outcomes that are predicted.
    """

    def __init__(
        self,
        head: heads.Head,
        learned: Sequence[PredictedOutcome],
        weights: Mapping[str, float],
    ) -> None:
        """Puts the outputs of outcomes after those of the head.

        Args:
          head: Head of the click and the watch time.
          learned: Outcomes to predict, at least one.
          weights: Weight of the loss of each, and of the head's.
        """
        self._head = head
        self.outcomes = tuple(learned)
        self._weights = [weights[outcome.name] for outcome in learned]
        self._head_weight = weights[ranking_config.HEAD]
        self._first = len(head.biases)
        self.biases = (*head.biases, *(outcome.bias for outcome in learned))
        self.meaning = head.meaning
        self.seconds_meaning = head.seconds_meaning
        self.keeps_mean = head.keeps_mean

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the head's score."""
        return self._head.score(order)

    def losses(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns the weighted sum of the head's loss and those of outcomes."""
        of_outcomes = self._outcome_loss(outputs, labels)
        if not self._head_weight:
            return of_outcomes
        own = self._head.losses(outputs[..., : self._first], labels)
        return self._head_weight * own + of_outcomes

    def monitored(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns the head's loss; where that is not learned, those of outcomes."""
        if not self._head_weight:
            return self._outcome_loss(outputs, labels)
        return self._head.monitored(outputs[..., : self._first], labels)

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: heads.Calibration = heads.NOT_CALIBRATED,
    ) -> heads.HeadPredictions:
        """Returns the head's predictions, and those of outcomes."""
        own = outputs[..., : self._first]
        predicted = self._head.predict(own, durations, calibration)
        lines = calibration.outcomes or [recalibration.IDENTITY] * len(self.outcomes)
        of_outcomes = {
            item.name: item.predict(outputs[..., self._first + place], line)
            for place, (item, line) in enumerate(zip(self.outcomes, lines, strict=True))
        }
        return predicted._replace(outcomes=of_outcomes)

    def _outcome_loss(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns the weighted sum of the losses of outcomes."""
        if labels.outcomes is None:
            raise ValueError("expected labels of outcomes, received none")
        losses = []
        for place, (outcome, weight) in enumerate(
            zip(self.outcomes, self._weights, strict=True), self._first
        ):
            observed = labels.outcomes[..., outcome.place]
            losses.append(weight * outcome.loss(outputs[..., place], observed))
        return tf.add_n(losses)


def make(
    config: configs.RankingConfig,
    clicks: heads.Clicks,
    learned: Sequence[PredictedOutcome],
) -> heads.Head:
    """Returns the configured head, with outputs for outcomes if there are any.

    Args:
      config: Kind of head, and weights of the losses.
      clicks: Statistics of the training impressions.
      learned: Outcomes to predict.
    """
    head = heads.make(config.head, clicks)
    if not learned:
        return head
    weights = config.weights_of([outcome.name for outcome in learned])
    return WithOutcomes(head, learned, weights)


def chosen(
    config: configs.RankingConfig, catalogue: prepared.Catalogue
) -> list[tuple[int, outcomes.Outcome]]:
    """Returns the outcomes of a log, with their place, except those of weight 0.

    Args:
      config: Weights of the losses.
      catalogue: The catalogue of the prepared set.

    Raises:
      errors.UserError: A weight names no outcome of the log.
    """
    known = [item.name for item in catalogue.outcomes]
    weights = config.weights_of(known)
    unknown = [name for name in weights if name not in (ranking_config.HEAD, *known)]
    if unknown:
        hint = errors.hint(unknown[0], known)
        raise errors.UserError(
            f"expected ranking.loss_weights of {ranking_config.HEAD} and of the log's "
            f"outcomes ({', '.join(known) or 'none'}), received {unknown[0]}{hint}"
        )
    return [
        (i, item) for i, item in enumerate(catalogue.outcomes) if weights[item.name]
    ]


def measure(
    present: Sequence[tuple[int, outcomes.Outcome]], parts: Iterable[Floats]
) -> tuple[PredictedOutcome, ...]:
    """Returns the outcomes that training impressions have values of.

    Means are smoothed by one impression of each end, so that logits are finite.

    Args:
      present: Outcomes that `chosen` returned.
      parts: Parts of the outcomes `[impressions, n]` of the training impressions, NaN
        where unknown.
    """
    samples: list[list[Floats]] = [[] for _ in present]
    for part in parts:
        for (place, _), sample in zip(present, samples, strict=True):
            values = part[:, place].astype(np.float64)
            sample.append(values[np.isfinite(values)])
    learned = []
    for (place, item), sample in zip(present, samples, strict=True):
        values = np.concatenate([np.zeros(0), *sample])
        positive = values[values > 0.0]
        rarest = len(positive)
        if item.kind == outcomes.BINARY:
            rarest = min(rarest, len(values) - rarest)
        if rarest < LEAST_POSITIVE:
            continue
        most = 1.0
        if item.kind == outcomes.AMOUNT:
            thin = positive[:: -(-len(positive) // _MOST_SAMPLED)]
            most = float(np.quantile(thin, _CUT))
        targets = np.minimum(values / most, 1.0)
        mean = float((targets.sum() + 1.0) / (len(targets) + 2.0))
        learned.append(PredictedOutcome(item.name, place, item.kind, mean, most))
    return tuple(learned)


def notes(
    catalogue: prepared.Catalogue, learned: Sequence[PredictedOutcome]
) -> list[str]:
    """Returns a line about the outcomes that are predicted, and about the others.

    Args:
      catalogue: The catalogue of the prepared set.
      learned: Outcomes that the ranker predicts.
    """
    names = [item.name for item in learned]
    others = [item.name for item in catalogue.outcomes if item.name not in names]
    lines = [f"outcomes predicted: {', '.join(names)}"] if names else []
    if others:
        lines.append(
            f"outcomes not predicted: {', '.join(others)} (weight 0 in "
            f"ranking.loss_weights, or with less than {LEAST_POSITIVE} of one value in "
            f"training {schema.IMPRESSIONS})"
        )
    return lines
