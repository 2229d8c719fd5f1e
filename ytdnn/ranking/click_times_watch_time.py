"""The head of the click, and of the watch time of a click (PAPER §4.2).

`heads` has the formulas, and `watch_time` the targets of the watch time.
"""

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.ranking import click_times, heads, watch_time


class ClickTimesWatchTime(heads.Head):
    """The click, and the watch time given one."""

    meaning = heads.SECONDS

    def __init__(
        self, config: configs.ClickTimesWatchTimeConfig, clicks: heads.Clicks
    ) -> None:
        """Starts at the means of all impressions."""
        self._config = config
        # Models that know nothing but the means are older than the other targets.
        is_old = clicks.observed == click_times.UNKNOWN
        kind = "ratio" if is_old else config.watch_time
        self._watch_time = watch_time.make(
            kind, clicks.seconds, clicks.ratio, clicks.observed
        )
        if config.order_by == "odds":
            self.meaning = heads.SECONDS_AT_ODDS
        self.biases = (heads.logit(clicks.probability), *self._watch_time.biases)
        self.keeps_mean = self._watch_time.keeps_mean
        self.own_tower = config.own_tower
        self.num_own = len(self._watch_time.biases) if config.own_tower else 0

    @property
    def groups(self) -> tuple[int, ...]:
        """The click, and the watch time unless it has its own tower."""
        return (1,) if self.num_own else (1, len(self.biases) - 1)

    def losses(self, outputs: tf.Tensor, labels: heads.Labels) -> tf.Tensor:
        """Returns the cross-entropy of the click + the loss of the watch time."""
        clicks = heads.cross_entropy(labels.clicked, outputs[..., 0])
        of_clicks = self._watch_time.losses(
            outputs[..., 1:], labels.seconds, labels.durations
        )
        is_example = labels.clicked & (labels.seconds > 0.0)
        kept = tf.where(is_example, of_clicks, tf.zeros_like(of_clicks))
        return clicks + kept

    def predict(
        self,
        outputs: tf.Tensor,
        durations: tf.Tensor,
        calibration: heads.Calibration = heads.NOT_CALIBRATED,
    ) -> heads.Predicted:
        """Orders by the expected seconds, or by these over the chance of no click."""
        clicks = calibration.clicks.moved(outputs[..., 0])
        log_watched = self._watch_time.log_seconds(outputs[..., 1:], durations)
        # log(P · T) = log P + log T, log P = z - softplus(z).
        log_no_click = -tf.nn.softplus(clicks)
        log_seconds = clicks + log_no_click + log_watched
        log_seconds = calibration.seconds.moved(log_seconds)
        by_odds = self._config.order_by == "odds"
        return heads.Predicted(
            order=log_seconds - log_no_click if by_odds else log_seconds,
            seconds=tf.exp(tf.minimum(log_seconds, heads.MAX_LOGIT)),
            click_probability=tf.sigmoid(clicks),
        )


@registries.HEADS.register("click_times_watch_time", configs.ClickTimesWatchTimeConfig)
def click_times_watch_time(
    config: configs.ClickTimesWatchTimeConfig, clicks: heads.Clicks
) -> heads.Head:
    """Returns `ClickTimesWatchTime`, or `Click` for a log without watch times."""
    if clicks.have_watch_time:
        return ClickTimesWatchTime(config, clicks)
    return heads.Click(configs.ClickConfig(), clicks)
