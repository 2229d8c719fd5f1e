"""Heads of the ranker: what is learned of impressions and orders them (PAPER §4.2).

Over N impressions with k clicks of watch times T_i, E[T] = ΣT / N is the expected watch
time of an impression and P = k / N its click probability. Of one impression each is a
function of its features.

* `WeightedLogistic`, the paper's: clicks weigh T_i, the others 1. Its odds are
  ΣT / (N - k) = E[T] / (1 - P): near E[T] where clicks are rare, above it elsewhere.
* `ExactOdds`: every impression, a clicked one too, is a negative of weight 1 besides.
  Its odds are ΣT / N = E[T].
* `Click`: P alone.
* `ClickTimesWatchTime`: P and E[T | click], each on a tower of its own; E[T] is their
  product. `ytdnn.ranking.watch_time` has what the second is fitted to.

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
from ytdnn.metrics import recalibration
from ytdnn.ranking import watch_time

_MAX_LOGIT = 80.0  # exp(80) is finite in float32
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
      observed: What targets of watch time are made with.
    """

    probability: float
    seconds: float
    ratio: float
    observed: watch_time.Observed = watch_time.UNKNOWN

    @property
    def have_watch_time(self) -> bool:
        """Whether there is a watch time to learn."""
        return self.seconds > 0.0


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What predictions were brought to on the validation window.

    Attributes:
      clicks: Of the log odds of a click.
      seconds: Of the log of the expected seconds that calibrated clicks make.
    """

    clicks: recalibration.Line = recalibration.IDENTITY
    seconds: recalibration.Line = recalibration.IDENTITY


NOT_CALIBRATED = Calibration()


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
      own_tower: Widths of the ReLU layers of a second tower; none: there is one tower.
      num_own: How many of the outputs, the last ones, are made by the second tower.
      keeps_mean: Whether its expected seconds, over all, are learned to be those
        watched; see `watch_time.Target`.
    """

    biases: tuple[float, ...]
    meaning: str
    own_tower: tuple[int, ...] = ()
    num_own: int = 0
    keeps_mean: bool = True

    @abc.abstractmethod
    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the loss of each impression, `[...] float32`."""

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
          durations: `[...] float32` seconds of the videos, 0 where not known.
          calibration: What they are brought to.
        """


class _Odds(Head):
    """One logit; its odds are what is served."""

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> Predicted:
        """Orders by the logit, which is what training says, not calibrated."""
        del durations, calibration
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


class Click(Head):
    """Logistic regression of the click."""

    meaning = PROBABILITY

    def __init__(self, clicks: Clicks) -> None:
        """Starts at the click rate of all impressions."""
        self.biases = (_logit(clicks.probability),)

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns the cross-entropy."""
        return _cross_entropy(labels.clicked, outputs[..., 0])

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> Predicted:
        """Orders by the logit."""
        del durations
        logits = _moved(outputs[..., 0], calibration.clicks)
        return Predicted(order=logits, click_probability=tf.sigmoid(logits))


class ClickTimesWatchTime(Head):
    """The click, and the watch time given one."""

    meaning = SECONDS

    def __init__(self, config: configs.ClickTimesWatchTime, clicks: Clicks) -> None:
        """Starts at the means of all impressions."""
        self._config = config
        # Models that know nothing but the means are older than the other targets.
        is_old = clicks.observed == watch_time.UNKNOWN
        kind = "ratio" if is_old else config.watch_time
        self._watch_time = watch_time.make(
            kind, clicks.seconds, clicks.ratio, clicks.observed
        )
        if config.order_by == "odds":
            self.meaning = f"{SECONDS}, best first by odds × seconds"
        self.biases = (_logit(clicks.probability), *self._watch_time.biases)
        self.keeps_mean = self._watch_time.keeps_mean
        self.own_tower = config.own_tower
        self.num_own = len(self._watch_time.biases) if config.own_tower else 0

    def losses(self, outputs: tf.Tensor, labels: Labels) -> tf.Tensor:
        """Returns cross-entropy of the click + weight · loss of the watch time."""
        clicks = _cross_entropy(labels.clicked, outputs[..., 0])
        of_clicks = self._watch_time.losses(
            outputs[..., 1:], labels.seconds, labels.durations
        )
        is_example = labels.clicked & (labels.seconds > 0.0)
        kept = tf.where(is_example, of_clicks, tf.zeros_like(of_clicks))
        return clicks + self._config.watch_time_weight * kept

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: Calibration = NOT_CALIBRATED,
    ) -> Predicted:
        """Orders by the expected seconds, or by these over the chance of no click."""
        clicks = _moved(outputs[..., 0], calibration.clicks)
        log_watched = self._watch_time.log_seconds(outputs[..., 1:], durations)
        # log(P · T) = log P + log T, log P = z - softplus(z).
        log_no_click = -tf.nn.softplus(clicks)
        log_seconds = _moved(clicks + log_no_click + log_watched, calibration.seconds)
        by_odds = self._config.order_by == "odds"
        return Predicted(
            order=log_seconds - log_no_click if by_odds else log_seconds,
            seconds=tf.exp(tf.minimum(log_seconds, _MAX_LOGIT)),
            click_probability=tf.sigmoid(clicks),
        )


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
    sample = watch_time.Sample()
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


def _moved(values: tf.Tensor, line: recalibration.Line) -> tf.Tensor:
    """Returns calibrated values; they are untouched where nothing was off."""
    if line == recalibration.IDENTITY:
        return values
    return line.shift + line.slope * values


def _cross_entropy(clicked: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    targets = tf.cast(clicked, tf.float32)
    return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))
