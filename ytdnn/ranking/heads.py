"""Heads of the ranker: their targets, losses and scores (PAPER §4.2).

Over N impressions with k clicks of watch times T_i, E[T] = ΣT / N is the expected watch
time of an impression and P = k / N its click probability. Of one impression each is a
function of its features.

* `WeightedLogistic`, the paper's: clicks weigh T_i, the others 1. Its odds are
  ΣT / (N - k) = E[T] / (1 - P): near E[T] where clicks are rare, above it elsewhere.
* `Click`: P alone.
* `ClickTimesWatchTime` (`click_times_watch_time.py`): P and E[T | click], two outputs
  of one tower; E[T] is their product.

A click without watch time (0 or unknown) is no example of watch time: it weighs 1 in
`WeightedLogistic`, and is no example of E[T | click]. Heads with other targets are in
docs/examples/watch_time_heads.py.
"""

import abc
import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.base.metrics import recalibration
from ytdnn.ranking import watch_statistics

if TYPE_CHECKING:
    from ytdnn.ranking import outcome_heads

MAX_LOGIT = 80.0  # exp(80) is finite in float32
SECONDS = "expected watch seconds of an impression, 0 of one without a click"
ODDS = "odds by watch seconds, near the expected seconds where clicks are rare"
SECONDS_AT_ODDS = "odds of a click times the watch seconds given one"
PROBABILITY = "probability of a click"


@dataclasses.dataclass(frozen=True)
class Labels:
    """The labels of impressions; all fields are `[...]`.

    Attributes:
      clicked: bool.
      seconds: float32 watched, 0 where not clicked or unknown.
      durations: float32 seconds of the videos, 0 where unknown.
      outcomes: `[..., n]` float32 of each outcome of the log, NaN where unknown; None:
        the log has none.
    """

    clicked: tf.Tensor
    seconds: tf.Tensor
    durations: tf.Tensor
    outcomes: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Clicks:
    """Means over the training impressions, the initial values of outputs.

    Attributes:
      probability: Clicks over impressions.
      seconds: Watch time of a click that has one, 0 where no click has.
      observed: Statistics for the targets of watch time.
    """

    probability: float
    seconds: float
    observed: watch_statistics.WatchTimeStatistics = watch_statistics.UNKNOWN

    @property
    def have_watch_time(self) -> bool:
        """Whether there is a watch time to learn."""
        return self.seconds > 0.0


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The calibration of predictions on the validation window.

    Attributes:
      clicks: Line of the log odds of a click.
      seconds: Line of the log of the expected seconds that calibrated clicks give.
      outcomes: Line of the log odds, or of the log of the amount, of each outcome that
        the head predicts; none: as they are.
      counted: Weight of the log of the video's counted mean seconds in the order.
    """

    clicks: recalibration.Line = recalibration.IDENTITY
    seconds: recalibration.Line = recalibration.IDENTITY
    outcomes: tuple[recalibration.Line, ...] = ()
    counted: float = 0.0


NOT_CALIBRATED = Calibration()


class HeadPredictions(NamedTuple):
    """The predictions of a head; fields as in `Predictions`.

    Attributes:
      order: `[...] float32`, finite.
      seconds: `[...] float32` or None.
      click_probability: `[...] float32` or None.
      logits: `[...] float32` or None.
      outcomes: `[...] float32` of each outcome by name, or None.
    """

    order: tf.Tensor
    seconds: tf.Tensor | None = None
    click_probability: tf.Tensor | None = None
    logits: tf.Tensor | None = None
    outcomes: dict[str, tf.Tensor] | None = None


class Head(abc.ABC):
    """Maps the tower's outputs `[..., n]` to a loss and to predictions.

    Attributes:
      biases: Initial values of the n outputs.
      meaning: Meaning of the served score, by which candidates are ordered.
      seconds_meaning: Meaning of the predicted seconds, if there are any.
      keeps_mean: Whether training makes the mean of the expected seconds that of
      the watched seconds; see `watch_time.Target`.
      outcomes: Outcomes that it predicts, in order.
    """

    biases: tuple[float, ...]
    meaning: str
    seconds_meaning: str = SECONDS
    keeps_mean: bool = True
    outcomes: "tuple[outcome_heads.PredictedOutcome, ...]" = ()

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the score of each value of `HeadPredictions.order`, `[...] float32`.

        It never falls where the order rises: worked out in float64, rounding cannot
        swap two of them.
        """
        wide = tf.cast(tf.minimum(order, MAX_LOGIT), tf.float64)
        return tf.cast(tf.exp(wide), tf.float32)

    @property
    def predicts(self) -> tuple[bool, bool]:
        """Whether the head predicts seconds, and whether a click probability."""
        predicted = self.predict(tf.zeros([1, len(self.biases)]), tf.ones([1]))
        return predicted.seconds is not None, predicted.click_probability is not None

    @abc.abstractmethod
    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the loss of each impression, `[...] float32`."""

    def monitored(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the loss by which the epoch is chosen, `[...] float32`."""
        return self.losses(outputs, labels)

    @abc.abstractmethod
    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> HeadPredictions:
        """Returns predictions.

        Args:
          outputs: `[..., n] float32`.
          durations: `[...] float32` seconds of the videos, 0 where unknown.
          calibration: Calibration of the predictions.
        """


class _Odds(Head):
    """A head of one logit, its odds the expected seconds, or else those of a click.

    Attributes:
      has_seconds: Whether the odds are seconds.
      has_logits: Whether the logit is that of weighted logistic regression.
      is_calibrated: Whether the logit is calibrated as that of a click.
    """

    has_seconds = False
    has_logits = False
    is_calibrated = False

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the odds, or the probability of a click."""
        if self.has_seconds:
            return super().score(order)
        return tf.cast(tf.sigmoid(tf.cast(order, tf.float64)), tf.float32)

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> HeadPredictions:
        """Orders by the logit."""
        logits = outputs[..., 0]
        if self.is_calibrated:
            logits = calibration.clicks.moved(logits)
        own_logits = logits if self.has_logits else None
        if self.has_seconds:
            odds = tf.exp(tf.minimum(logits, MAX_LOGIT))
            return HeadPredictions(order=logits, seconds=odds, logits=own_logits)
        chance = tf.sigmoid(logits)
        return HeadPredictions(
            order=logits, click_probability=chance, logits=own_logits
        )


@registries.HEADS.register("weighted_logistic", configs.WeightedLogisticConfig)
class WeightedLogistic(_Odds):
    """Logistic regression in which a click weighs its watch time (PAPER §4.2)."""

    has_logits = True
    seconds_meaning = ODDS

    def __init__(self, config: configs.WeightedLogisticConfig, clicks: Clicks) -> None:
        """Starts at the odds of all impressions."""
        self.has_seconds = clicks.have_watch_time
        self.meaning = ODDS if self.has_seconds else PROBABILITY
        watched = clicks.seconds if self.has_seconds else 1.0
        rate = clicks.probability
        self.biases = (math.log(rate * watched / (1.0 - rate)),)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns `w · (log(1 + exp(z)) - y · z)`."""
        losses = cross_entropy(labels.clicked, outputs[..., 0])
        weights = tf.ones_like(labels.seconds)
        if self.has_seconds:
            is_timed = labels.clicked & (labels.seconds > 0.0)
            weights = tf.where(is_timed, labels.seconds, weights)
        return weights * losses


@registries.HEADS.register("click", configs.ClickConfig)
class Click(_Odds):
    """Logistic regression of the click."""

    meaning = PROBABILITY
    is_calibrated = True

    def __init__(self, config: configs.ClickConfig, clicks: Clicks) -> None:
        """Starts at the click rate of all impressions."""
        self.biases = (logit(clicks.probability),)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the cross-entropy."""
        return cross_entropy(labels.clicked, outputs[..., 0])


def make(config: configs.Head, clicks: Clicks) -> Head:
    """Returns the configured head.

    Args:
      config: Kind of head, and its settings.
      clicks: Statistics of the training impressions.
    """
    return registries.HEADS.made(config.kind, Head, config, clicks)


def measure(parts: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Clicks:
    """Returns the means over impressions.

    Counts are smoothed by one click and one impression without, so that logits are
    finite.

    Args:
      parts: Parts of the impressions: whether they were clicked `[n] bool`, `[n]
        float32` seconds, 0 where not clicked or unknown, and `[n] float32` seconds of
        the videos, 0 where unknown.
    """
    number = clicks = timed = 0
    seconds = 0.0
    sample = watch_statistics.Sample()
    for clicked, watched, durations in parts:
        number, clicks = number + len(clicked), clicks + int(clicked.sum())
        is_timed = clicked & (watched > 0.0)
        of_clicks = watched[is_timed]
        timed += len(of_clicks)
        seconds += float(of_clicks.sum(dtype=np.float64))
        sample.add(of_clicks, durations[is_timed])
    mean = seconds / timed if timed else 0.0
    return Clicks(
        probability=(clicks + 1.0) / (number + 2.0),
        seconds=mean,
        observed=sample.observed(mean),
    )


def cross_entropy(clicked: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy of a click, by its log odds."""
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(clicked, tf.float32), logits)


def logit(probability: float) -> float:
    """Returns the log odds of a probability."""
    return math.log(probability / (1.0 - probability))
