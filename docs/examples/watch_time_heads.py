"""Heads of the ranker with other targets of the watch time of a click.

    ytdnn train --workdir=RUN --config.extensions=watch_time_heads.py \
        --config.ranking.head=tpm

The first three predict the click and the watch time of one, as the default does, and
order by the odds of the click times the seconds. experiments/kuairand_pure.py compares
them.

* `d2q`: the quantile among clicks on videos of about the same duration (Zhan and
  others, Deconfounding Duration Bias in Watch-time Prediction, KDD 2022).
* `tpm`: a tree of binary classifications, each halves a range of watch times (Lin and
  others, Tree based Progressive Regression Model for Watch-Time Prediction, KDD 2023).
* `cread`: whether each of some thresholds is reached, and the mean restored from them
  (Sun and others, CREAD: A Classification-Restoration Framework with Error Adaptive
  Discretization for Watch Time Prediction, AAAI 2024); here ranges hold equal counts.
* `exact_odds`: the weighted logistic of PAPER §4.2 with every impression, a clicked one
  too, a negative of weight 1 besides: its odds are ΣT / N = E[T]. A click without watch
  time is a negative.
"""

import math
import typing

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn import configs, registries
from ytdnn.ranking import click_times_watch_time, heads, watch_statistics

_DEPTH = 5  # of the tree
_NUM_THRESHOLDS = 31
_RESTORATION, _ORDER = 0.1, 0.1  # weights of CREAD's two other losses
_CLASSIFICATION = 5.0  # times the mean loss of a threshold

Floats = npt.NDArray[np.floating]


@configs.validated
class D2QConfig(configs.Extension):
    """Duration-debiased quantiles."""

    kind: typing.Literal["d2q"] = "d2q"


@configs.validated
class TPMConfig(configs.Extension):
    """A tree of ranges of watch time."""

    kind: typing.Literal["tpm"] = "tpm"


@configs.validated
class CREADConfig(configs.Extension):
    """Classification at thresholds, and restoration."""

    kind: typing.Literal["cread"] = "cread"


@configs.validated
class ExactOddsConfig(configs.Extension):
    """Weighted logistic regression with odds equal to the expected watch seconds."""

    kind: typing.Literal["exact_odds"] = "exact_odds"


class DurationQuantiles(click_times_watch_time.Target):
    """The quantile among clicks on videos of about the same duration."""

    biases = (0.0,)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns the cross-entropy of the quantile, in [0, 1]."""
        reached = seconds[..., tf.newaxis] >= self._group_quantiles(durations)
        quantiles = tf.reduce_mean(tf.cast(reached, tf.float32), axis=-1)
        return _cross_entropy(quantiles, outputs[..., 0])

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns the log of the group's watch time at the quantile."""
        places = tf.sigmoid(outputs[..., 0]) * (watch_statistics.NUM_QUANTILES - 1)
        # Hat functions: 1 at the place of a quantile, 0 at its neighbours.
        steps = tf.range(watch_statistics.NUM_QUANTILES, dtype=tf.float32)
        weights = tf.nn.relu(1.0 - tf.abs(places[..., tf.newaxis] - steps))
        return _log(tf.reduce_sum(weights * self._group_quantiles(durations), axis=-1))

    def _group_quantiles(self, durations: tf.Tensor) -> tf.Tensor:
        """Returns the quantiles of each video's group, `[..., quantiles]`."""
        edges = tf.constant(self.observed.group_edges, tf.float32)
        scales = self.scales(durations)[..., tf.newaxis]
        groups = tf.reduce_sum(tf.cast(scales >= edges, tf.int32), axis=-1)
        return tf.gather(tf.constant(self.observed.group_quantiles), groups)


class Tree(click_times_watch_time.Target):
    """Ranges of equal counts at the leaves of a binary tree."""

    keeps_mean = False
    biases = (0.0,) * (2**_DEPTH - 1)

    def __init__(
        self, mean: float, observed: watch_statistics.WatchTimeStatistics
    ) -> None:
        """Starts at equal leaves."""
        super().__init__(mean, observed)
        self._edges, self._means = _ranges(mean, observed, 2**_DEPTH)

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns the cross-entropy of the nodes on the way to the leaf, added up."""
        leaves = tf.reduce_sum(_at_least(seconds, self._edges, tf.int32), axis=-1)
        total = tf.zeros_like(seconds)
        for level in range(_DEPTH):
            below = 2 ** (_DEPTH - level)  # leaves of a node
            level_outputs = outputs[..., 2**level - 1 : 2 ** (level + 1) - 1]
            places = (leaves // below)[..., tf.newaxis]
            chosen = tf.gather(level_outputs, places, batch_dims=leaves.shape.rank)
            goes_right = tf.cast(leaves % below >= below // 2, tf.float32)
            total += _cross_entropy(goes_right, chosen[..., 0])
        return total

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns the log of the leaves' means, weighted by their probabilities."""
        probabilities = tf.ones_like(outputs[..., :1])
        for level in range(_DEPTH):
            right = tf.sigmoid(outputs[..., 2**level - 1 : 2 ** (level + 1) - 1])
            both = tf.stack([1.0 - right, right], axis=-1)
            both *= probabilities[..., tf.newaxis]
            shape = tf.concat([tf.shape(outputs)[:-1], [2 ** (level + 1)]], axis=0)
            probabilities = tf.reshape(both, shape)
        return _log(tf.reduce_sum(probabilities * self._means, axis=-1))


class Restored(click_times_watch_time.Target):
    """Whether thresholds are reached, and the seconds that this adds up to."""

    keeps_mean = False

    def __init__(
        self, mean: float, observed: watch_statistics.WatchTimeStatistics
    ) -> None:
        """Starts at the share of clicks that reach each threshold."""
        super().__init__(mean, observed)
        self._edges, means = _ranges(mean, observed, _NUM_THRESHOLDS + 1)
        self._first, self._steps = means[0], np.diff(means)
        reached = 1.0 - np.arange(1, _NUM_THRESHOLDS + 1) / (_NUM_THRESHOLDS + 1)
        self.biases = tuple(map(heads.logit, reached.tolist()))

    def losses(
        self, outputs: tf.Tensor, seconds: tf.Tensor, durations: tf.Tensor
    ) -> tf.Tensor:
        """Returns classification + restoration + disorder of the thresholds."""
        reached = _at_least(seconds, self._edges, tf.float32)
        of_thresholds = tf.reduce_mean(_cross_entropy(reached, outputs), axis=-1)
        most = watch_statistics.MOST_OF_MEAN * self.mean
        errors = tf.abs(tf.minimum(seconds, most) - self._seconds(outputs)) / self.mean
        huber = tf.where(errors < 1.0, 0.5 * errors * errors, errors - 0.5)
        chances = tf.sigmoid(outputs)
        rises = tf.nn.relu(chances[..., 1:] - chances[..., :-1])
        disorder = tf.reduce_sum(rises, axis=-1)
        others = _RESTORATION * huber + _ORDER * disorder
        return _CLASSIFICATION * of_thresholds + others

    def log_seconds(self, outputs: tf.Tensor, durations: tf.Tensor) -> tf.Tensor:
        """Returns the log of the restored seconds."""
        return _log(self._seconds(outputs))

    def _seconds(self, outputs: tf.Tensor) -> tf.Tensor:
        above = tf.reduce_sum(tf.sigmoid(outputs) * self._steps, axis=-1)
        return self._first + above


def _register(
    name: str,
    config: type[configs.Extension],
    target: type[click_times_watch_time.Target],
) -> None:
    """Registers a head of the click and a target of the watch time."""

    @registries.HEADS.register(name, config)
    def make(config: configs.Extension, clicks: heads.Clicks) -> heads.Head:
        del config
        if not clicks.have_watch_time:
            return heads.Click(configs.ClickConfig(), clicks)
        watch_time = target(clicks.seconds, clicks.observed)
        return click_times_watch_time.ClickTimesWatchTime(watch_time, clicks)


_register("d2q", D2QConfig, DurationQuantiles)
_register("tpm", TPMConfig, Tree)
_register("cread", CREADConfig, Restored)


class ExactOdds(heads.Head):
    """Weighted logistic regression with every impression a negative as well."""

    meaning = heads.SECONDS

    def __init__(self, clicks: heads.Clicks) -> None:
        """Starts at the seconds of all impressions."""
        self.biases = (math.log(clicks.probability * clicks.seconds),)

    def losses(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns `log(1 + exp(z)) + T · (log(1 + exp(z)) - z)`, T = 0 unclicked."""
        logits = outputs[..., 0]
        watched = tf.cast(labels.clicked, tf.float32) * labels.seconds
        return tf.nn.softplus(logits) + watched * tf.nn.softplus(-logits)

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: heads.Calibration = heads.NOT_CALIBRATED,
    ) -> heads.HeadPredictions:
        """Orders by the logit."""
        logits = outputs[..., 0]
        odds = tf.exp(tf.minimum(logits, heads.MAX_LOGIT))
        return heads.HeadPredictions(order=logits, seconds=odds)


@registries.HEADS.register("exact_odds", ExactOddsConfig)
def make_exact_odds(config: ExactOddsConfig, clicks: heads.Clicks) -> heads.Head:
    """Returns the head; without any watch time in the log that of the click."""
    if clicks.have_watch_time:
        return ExactOdds(clicks)
    return heads.Click(configs.ClickConfig(), clicks)


def _ranges(
    mean: float, observed: watch_statistics.WatchTimeStatistics, number: int
) -> tuple[Floats, Floats]:
    """Returns the edges between ranges of equal counts, and the mean of each.

    The last one's mean is such that the mean of all is that of the clicks.
    """
    quantiles = np.sort(np.concatenate(observed.group_quantiles))
    parts = np.array_split(quantiles, number)
    means = np.array([part.mean() for part in parts])
    edges = np.array([part[0] for part in parts[1:]])
    means[-1] = max(edges[-1], mean * number - means[:-1].sum())
    return edges.astype(np.float32), means.astype(np.float32)


def _at_least(seconds: tf.Tensor, edges: Floats, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(seconds[..., tf.newaxis] >= edges, dtype)


def _cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)


def _log(seconds: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(seconds, watch_statistics.LEAST_SECONDS))
