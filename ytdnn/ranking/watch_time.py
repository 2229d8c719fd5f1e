"""Targets of the watch time of a click, robust for real logs.

On real logs a third of the clicks may be watched for longer than the video lasts, some
for sixty times as long, and durations may be unknown or wrong. A squared error, or a
ratio without bound, then follows a few clicks. Each target here except the last is
bounded, and is converted to the mean seconds of a click:

* `Fraction`: the share of the video, cut at 1, by a logistic regression; the mean over
  all clicks that the cut takes away is put back as a factor.
* `Seconds`: the log of the mean seconds by gamma regression, a click of at most ten
  times the mean; for logs in which durations say little of watch times.
* `LogSeconds`: log seconds under Huber's loss; calibration on the validation window
  brings it to the mean.
* `Quantiles`: the quantile among clicks on videos of about the same duration (D2Q: Zhan
  and others, Deconfounding Duration Bias in Watch-time Prediction, KDD 2022).
* `Bins`: the chance of each of several watch times being reached, in parts of the
  duration; the mean is their sum (CREAD: Sun and others, A Classification-Restoration
  Framework with Error Adaptive Discretization, AAAI 2024).
* `DurationRatio`: the part of the duration, without bound; its mean, on clean logs.

An unknown duration is replaced by the mean watch time of a click.
"""

import abc
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ytdnn.ranking import click_times

_MAX_LOG_RATIO = 5.0  # of a watch time to its video's duration, or to the mean
_LEAST_RATE = 1e-4  # of clicks, so that its log odds are finite
_HUBER = 2.0  # standard deviations
_MOST_SPREAD_OF_OLDER = 0.6  # of parts of the duration, in spreads of seconds


class Target(abc.ABC):
    """From outputs `[..., n]` of a tower to a loss and to the seconds of a click.

    Attributes:
      biases: Initial values of the n outputs.
      keeps_mean: Whether the loss is least where the seconds of all clicks together
        are those observed; else calibration must bring them there.
    """

    biases: tuple[float, ...]
    keeps_mean = True

    def __init__(self, mean: float, observed: click_times.Observed) -> None:
        """Takes the statistics of the training impressions.

        Args:
          mean: Mean watch seconds of a click, in place of unknown durations.
          observed: See `click_times.Observed`.
        """
        self.mean = mean
        self.observed = observed

    @abc.abstractmethod
    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of each click, `[...] float32`.

        Args:
          outputs: `[..., n] float32`.
          seconds: `[...] float32` watched.
          durations: `[...] float32` durations of the videos, 0 where unknown.
        """

    @abc.abstractmethod
    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns the log of the expected seconds of a click, `[...] float32`."""

    def scales(self, durations: tf.Tensor) -> tf.Tensor:
        """Returns durations, with unknown ones replaced by the mean watch time."""
        return tf.where(durations > 0.0, durations, self.mean)


class DurationRatio(Target):
    """The log of the part of the duration, fitted to the mean part.

    The gradient of its loss `exp(r) - r · T / D` is the predicted minus the observed
    part, as in logistic regression.
    """

    def __init__(
        self, mean: float, observed: click_times.Observed, ratio: float
    ) -> None:
        """Starts at the mean part of the duration.

        Args:
          mean: See `Target`.
          observed: See `Target`.
          ratio: Mean part of the duration.
        """
        super().__init__(mean, observed)
        self.biases = (math.log(ratio),)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns `exp(r) - r · T / D`."""
        log_ratios = _bounded(outputs)
        return tf.exp(log_ratios) - seconds / self.scales(durations) * log_ratios

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns `r + log D`."""
        return _bounded(outputs) + tf.math.log(self.scales(durations))


class Fraction(Target):
    """The share of the video that is watched, at most 1."""

    def __init__(self, mean: float, observed: click_times.Observed) -> None:
        """Starts at the mean share."""
        super().__init__(mean, observed)
        self.biases = (_logit(observed.fraction),)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns the cross-entropy of the share."""
        shares = tf.minimum(seconds / self.scales(durations), 1.0)
        return _cross_entropy(shares, outputs[..., 0])

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns the log of the share of the duration, brought to the mean."""
        restored = tf.math.log(self.observed.restored * self.scales(durations))
        return _log_sigmoid(outputs[..., 0]) + restored


class Seconds(Target):
    """Log of the mean seconds, by gamma regression."""

    keeps_mean = False

    def __init__(self, mean: float, observed: click_times.Observed) -> None:
        """Starts at the mean of bounded clicks."""
        super().__init__(mean, observed)
        self.biases = (-math.log(observed.seconds_restored),)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns `T / μ · exp(-r) + r`, μ the mean: half the gamma deviance."""
        del durations
        parts = tf.minimum(seconds / self.mean, click_times.MOST_OF_MEAN)
        log_ratios = _both_bounded(outputs)
        return parts * tf.exp(-log_ratios) + log_ratios

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns `r + log μ`, brought to the mean of unbounded clicks."""
        del durations
        restored = math.log(self.mean * self.observed.seconds_restored)
        return _both_bounded(outputs) + restored


class LogSeconds(Target):
    """Log seconds, standardised, under Huber's loss."""

    keeps_mean = False
    biases = (0.0,)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns half the squared error, linear beyond two standard deviations."""
        del durations
        logs = tf.math.log(tf.maximum(seconds, click_times.LEAST_SECONDS))
        targets = (logs - self.observed.log_mean) / self.observed.log_deviation
        errors = tf.abs(outputs[..., 0] - targets)
        linear = _HUBER * (errors - _HUBER / 2.0)
        return tf.where(errors <= _HUBER, tf.square(errors) / 2.0, linear)

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns log seconds that are the mean's where the output is 0."""
        del durations
        spread = self.observed.log_deviation * tf.clip_by_value(outputs, -10.0, 10.0)
        return spread[..., 0] + math.log(self.mean)


class Quantiles(Target):
    """The quantile among clicks on videos of about the same duration (D2Q)."""

    biases = (0.0,)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns the cross-entropy of the quantile, in [0, 1]."""
        reached = seconds[..., tf.newaxis] >= self._of_group(durations)
        quantiles = tf.reduce_mean(tf.cast(reached, tf.float32), axis=-1)
        return _cross_entropy(quantiles, outputs[..., 0])

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns the log of the group's watch time at the quantile."""
        places = tf.sigmoid(outputs[..., 0]) * (click_times.NUM_QUANTILES - 1)
        # Hat functions: 1 at the place of a quantile, 0 at its neighbours.
        steps = tf.range(click_times.NUM_QUANTILES, dtype=tf.float32)
        weights = tf.nn.relu(1.0 - tf.abs(places[..., tf.newaxis] - steps))
        seconds = tf.reduce_sum(weights * self._of_group(durations), axis=-1)
        return tf.math.log(tf.maximum(seconds, click_times.LEAST_SECONDS))

    def _of_group(self, durations: tf.Tensor) -> tf.Tensor:
        """Returns the quantiles of each video's group, `[..., quantiles]`."""
        edges = tf.constant(self.observed.group_edges, tf.float32)
        scales = self.scales(durations)[..., tf.newaxis]
        groups = tf.reduce_sum(tf.cast(scales >= edges, tf.int32), axis=-1)
        return tf.gather(tf.constant(self.observed.group_quantiles), groups)


class Bins(Target):
    """The chance that each of several parts of the duration is reached (CREAD)."""

    def __init__(self, mean: float, observed: click_times.Observed) -> None:
        """Starts at the shares of clicks that reach each edge."""
        super().__init__(mean, observed)
        self.biases = tuple(map(_logit, observed.rates)) or (0.0,)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns the mean cross-entropy of the edges."""
        if not self.observed.edges:
            return tf.zeros_like(seconds)
        parts = (seconds / self.scales(durations))[..., tf.newaxis]
        reached = tf.cast(parts >= tf.constant(self.observed.edges), tf.float32)
        return tf.reduce_mean(_cross_entropy(reached, outputs), axis=-1)

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns the log of `(m_0 + Σ P(edge i) · (m_i - m_{i-1})) · D`."""
        first, *others = self.observed.means
        parts = tf.fill(tf.shape(durations), first)
        if others:
            steps = tf.constant(np.diff(self.observed.means), tf.float32)
            parts += tf.reduce_sum(tf.sigmoid(outputs) * steps, axis=-1)
        least = click_times.LEAST_SECONDS / self.mean
        return tf.math.log(tf.maximum(parts, least) * self.scales(durations))


def make(
    kind: str, mean: float, ratio: float, observed: click_times.Observed
) -> Target:
    """Returns a target by its name in `configs.ClickTimesWatchTimeConfig.watch_time`.

    Args:
      kind: The name.
      mean: Watch seconds of a click.
      ratio: Mean part of the duration that is watched.
      observed: See `click_times.Observed`.
    """
    if kind == "auto":
        kind = "fraction" if _follow_durations(observed) else "seconds"
    if kind == "ratio":
        return DurationRatio(mean, observed, ratio)
    kinds: dict[str, Callable[[float, click_times.Observed], Target]] = {
        "fraction": Fraction,
        "seconds": Seconds,
        "log_seconds": LogSeconds,
        "quantiles": Quantiles,
        "bins": Bins,
    }
    return kinds[kind](mean, observed)


def _follow_durations(observed: click_times.Observed) -> bool:
    """Returns whether one share of the duration is nearer to clicks than one mean.

    Its deviance is .46 of the mean's in the synthetic worlds, .94 with a fifth of all
    impressions clicked by accident, and 1.2 on KuaiRand-Pure.
    """
    if not observed.share_deviance:
        most = _MOST_SPREAD_OF_OLDER * observed.seconds_spread
        return observed.parts_spread < most
    return observed.share_deviance < observed.seconds_spread


def _bounded(outputs: tf.Tensor) -> tf.Tensor:
    return tf.minimum(outputs[..., 0], _MAX_LOG_RATIO)


def _both_bounded(outputs: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(outputs[..., 0], -_MAX_LOG_RATIO, _MAX_LOG_RATIO)


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)


def _log_sigmoid(logits: tf.Tensor) -> tf.Tensor:
    """Returns the log of the sigmoid, at least that of 10⁻⁹ so that it is finite."""
    return tf.maximum(tf.math.log_sigmoid(logits), -20.0)


def _logit(rate: float) -> float:
    bounded = min(max(rate, _LEAST_RATE), 1.0 - _LEAST_RATE)
    return math.log(bounded / (1.0 - bounded))
