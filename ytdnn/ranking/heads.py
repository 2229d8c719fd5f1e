"""Heads of the ranker: what is learned of impressions and orders them (PAPER §4.2).

Over N impressions with k clicks of watch times T_i, E[T] = ΣT / N is the expected watch
time of an impression and P = k / N its click probability. Of one impression each is a
function of its features.

* `WeightedLogistic`, the paper's: clicks weigh T_i, the others 1. Its odds are
  ΣT / (N - k) = E[T] / (1 - P): near E[T] where clicks are rare, above it elsewhere.
* `ExactOdds`: every impression, a clicked one too, is a negative of weight 1 besides.
  Its odds are ΣT / N = E[T].
* `Click`: P alone.
* `ClickTimesWatchTime`: P and E[T | click] on one tower; E[T] is their product.

A click whose watch time is 0 or not known tells nothing of watch time: it weighs 1 in
`WeightedLogistic`, is a negative in `ExactOdds`, and is no example of E[T | click].
"""

import abc
import dataclasses
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ytdnn import configs

_MAX_LOGIT = 80.0  # exp(80) is finite in float32
_MAX_LOG_RATIO = 5.0  # of a watch time to its video's duration, or to the mean
SECONDS = "expected watch seconds"
ODDS = "odds by watch seconds, near the expected seconds where clicks are rare"
PROBABILITY = "probability of a click"


@dataclasses.dataclass(frozen=True)
class Labels:
    """What became of impressions; all fields are `[...]`.

    Attributes:
      clicked: bool.
      seconds: float32 watched, 0 where not clicked or not known.
      durations: float32 seconds of the videos, 0 where not known.
    """

    clicked: tf.Tensor
    seconds: tf.Tensor
    durations: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Clicks:
    """Means over the training impressions, where outputs start.

    Attributes:
      probability: Clicks over impressions.
      seconds: Watch time of a click that has one, 0 where no click has.
      ratio: Of that to the video's duration, or to `seconds` where it is not known.
    """

    probability: float
    seconds: float
    ratio: float

    @property
    def have_watch_time(self) -> bool:
        """Whether there is a watch time to learn."""
        return self.seconds > 0.0


class Predicted(NamedTuple):
    """What a head makes of the network's outputs; fields as of `Predictions`.

    Attributes:
      order: `[...] float32`, finite.
      seconds: `[...] float32` or None.
      click_probability: `[...] float32` or None.
      logits: `[...] float32` or None.
    """

    order: tf.Tensor
    seconds: tf.Tensor | None = None
    click_probability: tf.Tensor | None = None
    logits: tf.Tensor | None = None

    @property
    def served(self) -> tf.Tensor:
        """What a request is answered with: seconds, else the probability of a click."""
        found = self.click_probability if self.seconds is None else self.seconds
        return tf.zeros_like(self.order) if found is None else found


class Head(abc.ABC):
    """From the tower's outputs `[..., n]` to a loss and to predictions.

    Attributes:
      biases: Initial values of the n outputs.
      meaning: Of the score that is served.
    """

    biases: tuple[float, ...]
    meaning: str

    @abc.abstractmethod
    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the loss of each impression, `[...] float32`."""

    @abc.abstractmethod
    def predict(self, outputs: tf.Tensor, durations: tf.Tensor) -> Predicted:
        """Returns predictions.

        Args:
          outputs: `[..., n] float32`.
          durations: `[...] float32` seconds of the videos, 0 where not known.
        """


class _Odds(Head):
    """One logit; its odds are what is served."""

    def predict(self, outputs: tf.Tensor, durations: tf.Tensor) -> Predicted:
        """Orders by the logit."""
        del durations
        logits = outputs[..., 0]
        odds = tf.exp(tf.minimum(logits, _MAX_LOGIT))
        return Predicted(order=logits, seconds=odds)


class WeightedLogistic(_Odds):
    """Logistic regression in which a click weighs its watch time (PAPER §4.2)."""

    def __init__(self, config: configs.WeightedLogistic, clicks: Clicks) -> None:
        """Starts at the odds of all impressions."""
        self._is_weighted = config.weights == "seconds" and clicks.have_watch_time
        self.meaning = ODDS if self._is_weighted else PROBABILITY
        watched = clicks.seconds if self._is_weighted else 1.0
        rate = clicks.probability
        self.biases = (math.log(rate * watched / (1.0 - rate)),)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns `w · (log(1 + exp(z)) - y · z)`."""
        losses = _cross_entropy(labels.clicked, outputs[..., 0])
        return self.weights(labels) * losses

    def weights(self, labels: Labels) -> tf.Tensor:
        """Returns the weight of each impression, `[...] float32`."""
        ones = tf.ones_like(labels.seconds)
        if not self._is_weighted:
            return ones
        return tf.where(labels.clicked & (labels.seconds > 0.0), labels.seconds, ones)

    def predict(self, outputs: tf.Tensor, durations: tf.Tensor) -> Predicted:
        """Orders by the logit; of equal weights it is that of a click."""
        found = super().predict(outputs, durations)
        found = found._replace(logits=found.order)
        if self._is_weighted:
            return found
        return found._replace(seconds=None, click_probability=tf.sigmoid(found.order))


class ExactOdds(_Odds):
    """Weighted logistic regression with every impression a negative as well."""

    meaning = SECONDS

    def __init__(self, clicks: Clicks) -> None:
        """Starts at the seconds of all impressions."""
        watched = clicks.seconds if clicks.have_watch_time else 1.0
        self.biases = (math.log(clicks.probability * watched),)
        self._have_watch_time = clicks.have_watch_time
        if not clicks.have_watch_time:
            self.meaning = PROBABILITY

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns `log(1 + exp(z)) + T · (log(1 + exp(z)) - z)`, T = 0 unclicked."""
        logits = outputs[..., 0]
        watched = tf.cast(labels.clicked, tf.float32)
        if self._have_watch_time:
            watched *= labels.seconds
        return tf.nn.softplus(logits) + watched * tf.nn.softplus(-logits)

    def predict(self, outputs: tf.Tensor, durations: tf.Tensor) -> Predicted:
        """Orders by the logit; without watch time its odds are the click's chance."""
        found = super().predict(outputs, durations)
        if self._have_watch_time:
            return found
        chance = tf.minimum(found.seconds, 1.0)
        return Predicted(order=found.order, click_probability=chance)


class Click(Head):
    """Logistic regression of the click."""

    meaning = PROBABILITY

    def __init__(self, clicks: Clicks) -> None:
        """Starts at the click rate of all impressions."""
        self.biases = (_logit(clicks.probability),)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the cross-entropy."""
        return _cross_entropy(labels.clicked, outputs[..., 0])

    def predict(self, outputs: tf.Tensor, durations: tf.Tensor) -> Predicted:
        """Orders by the logit."""
        del durations
        logits = outputs[..., 0]
        return Predicted(order=logits, click_probability=tf.sigmoid(logits))


class ClickTimesWatchTime(Head):
    """The click, and the watch time given one as a part of the video's duration.

    The second output is the log of that part, fitted to the mean: the gradient of its
    loss is the predicted less the observed part, as of a logistic regression.
    """

    meaning = SECONDS

    def __init__(self, config: configs.ClickTimesWatchTime, clicks: Clicks) -> None:
        """Starts at the means of all impressions."""
        self._config = config
        self._mean = clicks.seconds
        if config.order_by == "odds":
            self.meaning = f"{SECONDS}, best first by odds × seconds"
        self.biases = (_logit(clicks.probability), math.log(clicks.ratio))

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns cross-entropy of the click + weight · `exp(r) - r · T / scale`."""
        clicks = _cross_entropy(labels.clicked, outputs[..., 0])
        log_ratios = _log_ratios(outputs)
        observed = labels.seconds / self._scales(labels.durations)
        parts = tf.exp(log_ratios) - observed * log_ratios
        is_example = tf.cast(labels.clicked & (labels.seconds > 0.0), tf.float32)
        return clicks + self._config.watch_time_weight * is_example * parts

    def predict(self, outputs: tf.Tensor, durations: tf.Tensor) -> Predicted:
        """Orders by the product."""
        clicks = outputs[..., 0]
        log_watched = _log_ratios(outputs) + tf.math.log(self._scales(durations))
        probability = tf.sigmoid(clicks)
        seconds = probability * tf.exp(log_watched)
        by_odds = clicks + log_watched
        by_seconds = by_odds - tf.nn.softplus(clicks)
        return Predicted(
            order=by_odds if self._config.order_by == "odds" else by_seconds,
            seconds=seconds,
            click_probability=probability,
        )

    def _scales(self, durations: tf.Tensor) -> tf.Tensor:
        """Returns durations, the mean watch time of a click where not known."""
        return tf.where(durations > 0.0, durations, self._mean)


def make(config: configs.Head, clicks: Clicks) -> Head:
    """Returns the configured head.

    Without any watch time in the log `ClickTimesWatchTime` is the click alone.

    Args:
      config: Which, and its settings.
      clicks: Of the training impressions.
    """
    match config:
        case configs.WeightedLogistic():
            return WeightedLogistic(config, clicks)
        case configs.ExactOdds():
            return ExactOdds(clicks)
        case configs.ClickTimesWatchTime() if clicks.have_watch_time:
            return ClickTimesWatchTime(config, clicks)
        case _:
            return Click(clicks)


def measure(parts: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Clicks:
    """Returns the means over impressions.

    Counts are smoothed by one click and one impression without, so that logits are
    finite.

    Args:
      parts: Of some impressions each whether they were clicked `[n] bool`, `[n]
        float32` seconds, 0 where not clicked or not known, and `[n] float32` seconds of
        the videos, 0 where not known.
    """
    number = clicks = timed = 0
    seconds = of_unknown = ratios = 0.0
    for clicked, watched, durations in parts:
        number, clicks = number + len(clicked), clicks + int(clicked.sum())
        is_timed = clicked & (watched > 0.0)
        found, of_videos = watched[is_timed], durations[is_timed]
        known = of_videos > 0.0
        timed, seconds = timed + len(found), seconds + _total(found)
        of_unknown += _total(found[~known])
        ratios += _total(found[known] / of_videos[known])
    mean = seconds / timed if timed else 0.0
    return Clicks(
        probability=(clicks + 1.0) / (number + 2.0),
        seconds=mean,
        ratio=(ratios + of_unknown / mean) / timed if timed else 1.0,
    )


def _total(values: np.ndarray) -> float:
    return float(values.sum(dtype=np.float64))


def _cross_entropy(clicked: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    targets = tf.cast(clicked, tf.float32)
    return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)


def _log_ratios(outputs: tf.Tensor) -> tf.Tensor:
    return tf.minimum(outputs[..., 1], _MAX_LOG_RATIO)


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))
