"""Heads of the ranker: their targets, losses and scores (PAPER §4.2).

Over N impressions with k clicks of watch times T_i, E[T] = ΣT / N is the expected watch
time of an impression and P = k / N its click probability. Of one impression each is a
function of its features.

* `WeightedLogistic`, the paper's: clicks weigh T_i, the others 1. Its odds are
  ΣT / (N - k) = E[T] / (1 - P): near E[T] where clicks are rare, above it elsewhere.
* `ExactOdds`: every impression, a clicked one too, is a negative of weight 1 besides.
  Its odds are ΣT / N = E[T].
* `Click`: P alone.
* `ClickTimesWatchTime` (`ytdnn.ranking.click_times_watch_time`): P and
  E[T | click], each on a tower of its own; E[T] is their product.

A click without watch time (0 or unknown) is no example of watch time: it weighs 1 in
`WeightedLogistic`, is a negative in `ExactOdds`, and is no example of E[T | click].
"""

import abc
import dataclasses
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.base.metrics import recalibration
from ytdnn.ranking import click_times
from ytdnn.ranking import outcomes as outcomes_room

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
      ratio: Mean ratio of that to the video's duration, or to `seconds` where it is
        unknown.
      observed: Statistics for the targets of watch time.
    """

    probability: float
    seconds: float
    ratio: float
    observed: click_times.Observed = click_times.UNKNOWN

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
    """

    clicks: recalibration.Line = recalibration.IDENTITY
    seconds: recalibration.Line = recalibration.IDENTITY
    outcomes: tuple[recalibration.Line, ...] = ()


NOT_CALIBRATED = Calibration()


class Predicted(NamedTuple):
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
      own_tower: Widths of the ReLU layers of a second tower; none: there is one tower.
      num_own: Number of outputs, the last ones, that the second tower makes.
      keeps_mean: Whether training makes the mean of the expected seconds that of
      the watched seconds; see `watch_time.Target`.
      outcomes: Outcomes that it predicts, in order.
    """

    biases: tuple[float, ...]
    meaning: str
    seconds_meaning: str = SECONDS
    own_tower: tuple[int, ...] = ()
    num_own: int = 0
    keeps_mean: bool = True
    outcomes: tuple[outcomes_room.Learned, ...] = ()

    @property
    def groups(self) -> tuple[int, ...]:
        """Number of outputs of each task that the shared tower makes, in order."""
        return (len(self.biases) - self.num_own,)

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the score of each value of `Predicted.order`, `[...] float32`.

        It never falls where the order rises: worked out in float64, rounding cannot
        swap two of them.
        """
        wide = tf.cast(tf.minimum(order, MAX_LOGIT), tf.float64)
        return tf.cast(tf.exp(wide), tf.float32)

    @property
    def predicts(self) -> tuple[bool, bool]:
        """Whether the head predicts seconds, and whether a click probability."""
        found = self.predict(tf.zeros([1, len(self.biases)]), tf.ones([1]))
        return found.seconds is not None, found.click_probability is not None

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
    ) -> Predicted:
        """Returns predictions.

        Args:
          outputs: `[..., n] float32`.
          durations: `[...] float32` seconds of the videos, 0 where unknown.
          calibration: Calibration of the predictions.
        """


class _Odds(Head):
    """A head of one logit; its odds are served."""

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> Predicted:
        """Orders by the logit of training, without calibration."""
        del durations, calibration
        logits = outputs[..., 0]
        odds = tf.exp(tf.minimum(logits, MAX_LOGIT))
        return Predicted(order=logits, seconds=odds)


@registries.HEADS.register("weighted_logistic", configs.WeightedLogisticConfig)
class WeightedLogistic(_Odds):
    """Logistic regression in which a click weighs its watch time (PAPER §4.2)."""

    def __init__(self, config: configs.WeightedLogisticConfig, clicks: Clicks) -> None:
        """Starts at the odds of all impressions."""
        self._is_weighted = config.weights == "seconds" and clicks.have_watch_time
        self.meaning = ODDS if self._is_weighted else PROBABILITY
        self.seconds_meaning = ODDS
        watched = clicks.seconds if self._is_weighted else 1.0
        rate = clicks.probability
        self.biases = (math.log(rate * watched / (1.0 - rate)),)

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the odds; of equal weights the probability of a click."""
        return super().score(order) if self._is_weighted else _probability(order)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns `w · (log(1 + exp(z)) - y · z)`."""
        losses = cross_entropy(labels.clicked, outputs[..., 0])
        return self.weights(labels) * losses

    def weights(self, labels: Labels) -> tf.Tensor:
        """Returns the weight of each impression, `[...] float32`."""
        ones = tf.ones_like(labels.seconds)
        if not self._is_weighted:
            return ones
        return tf.where(labels.clicked & (labels.seconds > 0.0), labels.seconds, ones)

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> Predicted:
        """Orders by the logit; of equal weights it is that of a click."""
        found = super().predict(outputs, durations, calibration)
        found = found._replace(logits=found.order)
        if self._is_weighted:
            return found
        return found._replace(seconds=None, click_probability=tf.sigmoid(found.order))


@registries.HEADS.register("exact_odds", configs.ExactOddsConfig)
class ExactOdds(_Odds):
    """Weighted logistic regression with every impression a negative as well."""

    meaning = SECONDS

    def __init__(self, config: configs.ExactOddsConfig, clicks: Clicks) -> None:
        """Starts at the seconds of all impressions."""
        del config
        watched = clicks.seconds if clicks.have_watch_time else 1.0
        self.biases = (math.log(clicks.probability * watched),)
        self._have_watch_time = clicks.have_watch_time
        if not clicks.have_watch_time:
            self.meaning = PROBABILITY

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the odds; without watch time they are a probability, at most 1."""
        found = super().score(order)
        return found if self._have_watch_time else tf.minimum(found, 1.0)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns `log(1 + exp(z)) + T · (log(1 + exp(z)) - z)`, T = 0 unclicked."""
        logits = outputs[..., 0]
        watched = tf.cast(labels.clicked, tf.float32)
        if self._have_watch_time:
            watched *= labels.seconds
        return tf.nn.softplus(logits) + watched * tf.nn.softplus(-logits)

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> Predicted:
        """Orders by the logit; without watch time its odds are the click's chance."""
        found = super().predict(outputs, durations, calibration)
        if self._have_watch_time:
            return found
        chance = tf.minimum(found.seconds, 1.0)
        return Predicted(order=found.order, click_probability=chance)


@registries.HEADS.register("click", configs.ClickConfig)
class Click(Head):
    """Logistic regression of the click."""

    meaning = PROBABILITY

    def __init__(self, config: configs.ClickConfig, clicks: Clicks) -> None:
        """Starts at the click rate of all impressions."""
        del config
        self.biases = (logit(clicks.probability),)

    def score(self, order: tf.Tensor) -> tf.Tensor:
        """Returns the probability of a click."""
        return _probability(order)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the cross-entropy."""
        return cross_entropy(labels.clicked, outputs[..., 0])

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> Predicted:
        """Orders by the logit."""
        del durations
        logits = calibration.clicks.moved(outputs[..., 0])
        return Predicted(order=logits, click_probability=tf.sigmoid(logits))


def make(config: configs.Head, clicks: Clicks) -> Head:
    """Returns the configured head.

    Args:
      config: Kind of head, and its settings.
      clicks: Statistics of the training impressions.
    """
    found: Head = registries.HEADS[config.kind].make(config, clicks)
    return found


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
    seconds = of_unknown = ratios = 0.0
    sample = click_times.Sample()
    for clicked, watched, durations in parts:
        number, clicks = number + len(clicked), clicks + int(clicked.sum())
        is_timed = clicked & (watched > 0.0)
        found, of_videos = watched[is_timed], durations[is_timed]
        known = of_videos > 0.0
        timed, seconds = timed + len(found), seconds + _total(found)
        of_unknown += _total(found[~known])
        ratios += _total(found[known] / of_videos[known])
        sample.add(found, of_videos)
    mean = seconds / timed if timed else 0.0
    return Clicks(
        probability=(clicks + 1.0) / (number + 2.0),
        seconds=mean,
        ratio=(ratios + of_unknown / mean) / timed if timed else 1.0,
        observed=sample.observed(mean),
    )


def _total(values: np.ndarray) -> float:
    return float(values.sum(dtype=np.float64))


def cross_entropy(clicked: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy of a click, by its log odds."""
    targets = tf.cast(clicked, tf.float32)
    return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)


def _probability(logits: tf.Tensor) -> tf.Tensor:
    """Returns the sigmoid, worked out in float64 as `Head.score` says."""
    return tf.cast(tf.sigmoid(tf.cast(logits, tf.float64)), tf.float32)


def logit(probability: float) -> float:
    """Returns the log odds of a probability."""
    return math.log(probability / (1.0 - probability))
