"""The click and the watch time of a click, and targets of the watch time (PAPER §4.2).

On real logs a third of the clicks may be watched for longer than the video lasts, some
for sixty times as long, and durations may be unknown or wrong. A squared error, or a
ratio without bound, then follows a few clicks. So each target is bounded, and is
converted to the mean seconds of a click:

* `Fraction`: the share of the video, cut at 1, by a logistic regression; the mean over
  all clicks that the cut takes away is put back as a factor.
* `Seconds`: the log of the mean seconds by gamma regression, a click of at most ten
  times the mean; for logs in which durations say little of watch times.

Others are in docs/examples/watch_time_heads.py.

An unknown duration is replaced by the mean watch time of a click.
"""

import abc
import math
from typing import TypeAlias

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.ranking import heads, watch_statistics

Tensor: TypeAlias = tf.Tensor

Config = configs.ClickTimesWatchTimeConfig

Statistics = watch_statistics.WatchTimeStatistics

_MAX_LOG_RATIO = 5.0  # of a watch time to the mean
_LEAST_RATE = 1e-4  # of clicks, so that its log odds are finite


class Target(abc.ABC):
    """From outputs `[..., n]` of a tower to a loss and to the seconds of a click.

    Attributes:
      biases: Initial values of the n outputs.
      keeps_mean: Whether the loss is least where the seconds of all clicks together
        are those observed; else calibration must bring them there.
    """

    biases: tuple[float, ...]
    keeps_mean = True

    def __init__(self, mean: float, observed: Statistics) -> None:
        """Takes the statistics of the training impressions.

        Args:
          mean: Mean watch seconds of a click, in place of unknown durations.
          observed: See `Statistics`.
        """
        self.mean = mean
        self.observed = observed

    @abc.abstractmethod
    def losses(self, outputs: Tensor, seconds: Tensor, durations: Tensor) -> Tensor:
        """Returns the loss of each click, `[...] float32`.

        Args:
          outputs: `[..., n] float32`.
          seconds: `[...] float32` watched.
          durations: `[...] float32` durations of the videos, 0 where unknown.
        """

    @abc.abstractmethod
    def log_seconds(self, outputs: Tensor, durations: Tensor) -> Tensor:
        """Returns the log of the expected seconds of a click, `[...] float32`."""

    def scales(self, durations: Tensor) -> Tensor:
        """Returns durations, with unknown ones replaced by the mean watch time."""
        return tf.where(durations > 0.0, durations, self.mean)


class Fraction(Target):
    """The share of the video that is watched, at most 1."""

    def __init__(self, mean: float, observed: Statistics) -> None:
        """Starts at the mean share."""
        super().__init__(mean, observed)
        self.biases = (_logit(observed.fraction),)

    def losses(self, outputs: Tensor, seconds: Tensor, durations: Tensor) -> Tensor:
        """Returns the cross-entropy of the share."""
        shares = tf.minimum(seconds / self.scales(durations), 1.0)
        return tf.nn.sigmoid_cross_entropy_with_logits(shares, outputs[..., 0])

    def log_seconds(self, outputs: Tensor, durations: Tensor) -> Tensor:
        """Returns the log of the share of the duration, brought to the mean."""
        restored = tf.math.log(self.observed.restored * self.scales(durations))
        shares = tf.math.log_sigmoid(outputs[..., 0])
        return tf.maximum(shares, -20.0) + restored  # finite: a share of 10⁻⁹ or more


class Seconds(Target):
    """Log of the mean seconds, by gamma regression."""

    keeps_mean = False

    def __init__(self, mean: float, observed: Statistics) -> None:
        """Starts at the mean of bounded clicks."""
        super().__init__(mean, observed)
        self.biases = (-math.log(observed.seconds_restored),)

    def losses(self, outputs: Tensor, seconds: Tensor, durations: Tensor) -> Tensor:
        """Returns `T / μ · exp(-r) + r`, μ the mean: half the gamma deviance."""
        parts = tf.minimum(seconds / self.mean, watch_statistics.MOST_OF_MEAN)
        log_ratios = _bounded(outputs)
        return parts * tf.exp(-log_ratios) + log_ratios

    def log_seconds(self, outputs: Tensor, durations: Tensor) -> Tensor:
        """Returns `r + log μ`, brought to the mean of unbounded clicks."""
        return _bounded(outputs) + math.log(self.mean * self.observed.seconds_restored)


def make(kind: str, mean: float, observed: Statistics) -> Target:
    """Returns a target by its name in `Config.watch_time`.

    Args:
      kind: The name; `auto`: `fraction` where one share of the duration is nearer to
        clicks than one mean, else `seconds`. The share's deviance is .46 of the mean's
        in the synthetic worlds, .94 with a fifth of all impressions clicked by
        accident, and 1.2 on KuaiRand-Pure.
      mean: Watch seconds of a click.
      observed: See `Statistics`.
    """
    if kind == "auto":
        follow_durations = observed.share_deviance < observed.seconds_spread
        kind = "fraction" if follow_durations else "seconds"
    return (Fraction if kind == "fraction" else Seconds)(mean, observed)


class ClickTimesWatchTime(heads.Head):
    """The click, and the watch time given one (PAPER §4.2)."""

    meaning = heads.SECONDS

    def __init__(
        self, watch_time: Target, clicks: heads.Clicks, by_odds: bool = True
    ) -> None:
        """Starts at the means of all impressions.

        Args:
          watch_time: Target of the watch time of a click.
          clicks: Statistics of the training impressions.
          by_odds: Whether the order is by the odds of the click times the watch time;
            else by the expected seconds.
        """
        self._by_odds = by_odds
        self._watch_time = watch_time
        if self._by_odds:
            self.meaning = heads.SECONDS_AT_ODDS
        self.biases = (heads.logit(clicks.probability), *self._watch_time.biases)
        self.keeps_mean = self._watch_time.keeps_mean

    def losses(self, outputs: Tensor, labels: heads.Labels) -> Tensor:
        """Returns the cross-entropy of the click + the loss of the watch time."""
        clicks = heads.cross_entropy(labels.clicked, outputs[..., 0])
        of_clicks = self._watch_time.losses(
            outputs[..., 1:], labels.seconds, labels.durations
        )
        is_example = labels.clicked & (labels.seconds > 0.0)
        return clicks + tf.where(is_example, of_clicks, tf.zeros_like(of_clicks))

    def predict(
        self,
        outputs: Tensor,
        durations: Tensor,
        calibration: heads.Calibration = heads.NOT_CALIBRATED,
    ) -> heads.HeadPredictions:
        """Orders by the expected seconds, or by these over the chance of no click."""
        clicks = calibration.clicks.moved(outputs[..., 0])
        log_watched = self._watch_time.log_seconds(outputs[..., 1:], durations)
        # log(P · T) = log P + log T, log P = z - softplus(z).
        log_no_click = -tf.nn.softplus(clicks)
        log_seconds = clicks + log_no_click + log_watched
        log_seconds = calibration.seconds.moved(log_seconds)
        return heads.HeadPredictions(
            order=log_seconds - log_no_click if self._by_odds else log_seconds,
            seconds=tf.exp(tf.minimum(log_seconds, heads.MAX_LOGIT)),
            click_probability=tf.sigmoid(clicks),
        )


@registries.HEADS.register("click_times_watch_time", Config)
def click_times_watch_time(config: Config, clicks: heads.Clicks) -> heads.Head:
    """Returns `ClickTimesWatchTime`, or `Click` for a log without watch times."""
    if not clicks.have_watch_time:
        return heads.Click(configs.ClickConfig(), clicks)
    watch_time = make(config.watch_time, clicks.seconds, clicks.observed)
    return ClickTimesWatchTime(watch_time, clicks, by_odds=config.order_by == "odds")


def _bounded(outputs: Tensor) -> Tensor:
    return tf.clip_by_value(outputs[..., 0], -_MAX_LOG_RATIO, _MAX_LOG_RATIO)


def _logit(rate: float) -> float:
    return heads.logit(min(max(rate, _LEAST_RATE), 1.0 - _LEAST_RATE))
