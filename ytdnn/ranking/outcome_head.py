"""A head with outputs for outcomes of impressions (`ytdnn.ranking.outcomes`)."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from ytdnn.base import configs
from ytdnn.base.configs import ranking as ranking_config
from ytdnn.base.metrics import recalibration
from ytdnn.ranking import heads, outcomes


class WithOutcomes(heads.Head):
    """A head with outputs for outcomes next to its own.

    Attributes:
      outcomes: Outcomes that are predicted.
    """

    def __init__(
        self,
        head: heads.Head,
        learned: Sequence[outcomes.Learned],
        weights: Mapping[str, float],
    ) -> None:
        """Puts the outputs of outcomes before those of the head's own tower.

        Args:
          head: Head of the click and the watch time.
          learned: Outcomes to predict, at least one.
          weights: Weight of the loss of each, and of the head's.
        """
        self._head = head
        self.outcomes = tuple(learned)
        self._weights = [weights[one.name] for one in learned]
        self._head_weight = weights[ranking_config.HEAD]
        self._first = len(head.biases) - head.num_own
        of_outcomes = [one.bias for one in learned]
        own = head.biases[self._first :]
        self.biases = (*head.biases[: self._first], *of_outcomes, *own)
        self.meaning = head.meaning
        self.seconds_meaning = head.seconds_meaning
        self.own_tower, self.num_own = head.own_tower, head.num_own
        self.keeps_mean = head.keeps_mean

    @property
    def groups(self) -> tuple[int, ...]:
        """The head's tasks, and one for each outcome."""
        return (*self._head.groups, *(1 for _ in self.outcomes))

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the head's score."""
        return self._head.score(order)

    def losses(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns the weighted sum of the head's loss and those of outcomes."""
        of_outcomes = self._of_outcomes(outputs, labels)
        if not self._head_weight:
            return of_outcomes
        own = self._head.losses(self._without(outputs), labels)
        return self._head_weight * own + of_outcomes

    def monitored(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns the head's loss; where that is not learned, those of outcomes."""
        if not self._head_weight:
            return self._of_outcomes(outputs, labels)
        return self._head.monitored(self._without(outputs), labels)

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: heads.Calibration = heads.NOT_CALIBRATED,
    ) -> heads.Predicted:
        """Returns the head's predictions, and those of outcomes."""
        found = self._head.predict(self._without(outputs), durations, calibration)
        lines = calibration.outcomes or [recalibration.IDENTITY] * len(self.outcomes)
        of_outcomes = {
            one.name: one.predict(outputs[..., self._first + place], line)
            for place, (one, line) in enumerate(zip(self.outcomes, lines, strict=True))
        }
        return found._replace(outcomes=of_outcomes)

    def _without(self, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the outputs of the head."""
        end = self._first + len(self.outcomes)
        return tf.concat([outputs[..., : self._first], outputs[..., end:]], axis=-1)

    def _of_outcomes(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns the weighted sum of the losses of outcomes."""
        if labels.outcomes is None:
            raise ValueError("expected labels of outcomes, received none")
        observed = labels.outcomes
        return tf.add_n(
            [
                weight
                * one.loss(outputs[..., self._first + place], observed[..., one.place])
                for place, (one, weight) in enumerate(
                    zip(self.outcomes, self._weights, strict=True)
                )
            ]
        )


def make(
    config: configs.RankingConfig,
    clicks: heads.Clicks,
    learned: Sequence[outcomes.Learned],
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
    weights = config.weights_of([one.name for one in learned])
    return WithOutcomes(head, learned, weights)
