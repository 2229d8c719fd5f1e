"""The user's own past: with the video, its channel, topic or language, and with all.

"The most important signals are those that describe a user's previous interaction with
the item itself and other similar items" (PAPER §4.1). Each feature is a formula of sums
over the user's earlier watches or impressions. Where the video has no value in the
column that groups videos, features of it are missing.
"""

from typing import ClassVar

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, past_formulas, past_sums

_NOUNS = {
    schema.CHANNEL_ID: "channel",
    schema.TOPIC: "topic",
    schema.LANGUAGE: "language",
}


class _Affinity(past_formulas.PastFeature):
    """Base class of numbers from earlier watches with the same value in a column."""

    pattern: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("watches.time",)
    of_known_key = True

    def __init__(self, column: str) -> None:
        """Declares the feature of a column of `videos`."""
        self.name = self.pattern.format(_NOUNS[column])
        self.column = f"{schema.VIDEOS}.{column}"
        self.columns = (self.column, *self.needs)


class AffinityWatches(_Affinity):
    """Number of the user's watches of the video's channel, topic or language."""

    pattern, value = "user_{}_watches", past_formulas.key(past_sums.EVENTS)


class WatchesOfLast10(_Affinity):
    """Number of the user's last ten watches of the video's channel or topic."""

    pattern, value = "user_{}_watches_of_last_10", past_formulas.key("last_10")


class WatchesOfLast50(_Affinity):
    """Number of the user's last fifty watches of the video's channel or topic."""

    pattern, value = "user_{}_watches_of_last_50", past_formulas.key("last_50")


class WatchesOfLastDay(_Affinity):
    """Number of the user's watches of the last day that are of its channel or topic."""

    pattern = "user_{}_watches_of_last_day"
    value = past_formulas.key_of_days("last_day")


class WatchesOfLast3Days(_Affinity):
    """Number of the user's watches of the last 3 days, of its channel or topic."""

    pattern = "user_{}_watches_of_last_3_days"
    value = past_formulas.key_of_days("last_3_days")


class WatchesOfLast7Days(_Affinity):
    """Number of the user's watches of the last 7 days, of its channel or topic."""

    pattern = "user_{}_watches_of_last_7_days"
    value = past_formulas.key_of_days("last_7_days")


class WatchesOfLast21Days(_Affinity):
    """Number of watches of the last 21 days that are of its channel or topic."""

    pattern = "user_{}_watches_of_last_21_days"
    value = past_formulas.key_of_days("last_21_days")


class WatchShare(_Affinity):
    """Share of the user's watches that are of the video's channel, topic or language.

    Missing without watches.
    """

    pattern = "user_{}_watch_share"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides by all watches."""
        events = past_sums.EVENTS
        return past_formulas.ratio(sums.key_sum(events), sums.user_sum(events))


class SecondsSinceAffinityWatch(_Affinity):
    """Seconds since the user watched its channel or topic, -1 = never or unknown."""

    pattern = "seconds_since_{}_watch"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Finds the latest."""
        return tf.cast(sums.seconds_since_latest(), tf.float64)


class AffinityMeanWatchSeconds(_Affinity):
    """Mean seconds of the user's watches of its channel or topic, -1 without any."""

    pattern, needs = "user_{}_mean_watch_seconds", ("watches.watch_seconds",)
    value = past_formulas.mean_of_key(past_sums.SECONDS, past_sums.WITH_SECONDS)


class MeanWatchedFraction(_Affinity):
    """Mean fraction of a video that the user watched, of its channel or topic.

    Each fraction is at most 1; -1 without watches that have seconds and a duration.
    """

    pattern = "user_{}_mean_watched_fraction"
    needs = ("watches.watch_seconds", "videos.duration_seconds")
    value = past_formulas.mean_of_key(past_sums.FRACTIONS, past_sums.WITH_FRACTION)


class _OfImpressions(_Affinity):
    """Base class of numbers from the user's earlier impressions."""

    needs = ("impressions.time",)
    table = schema.IMPRESSIONS


class AffinityImpressions(_OfImpressions):
    """Number of earlier impressions of its channel or topic shown to the user."""

    pattern, value = "user_{}_impressions", past_formulas.key(past_sums.EVENTS)


class AffinityClicks(_OfImpressions):
    """Number of earlier impressions of its channel or topic that the user clicked."""

    pattern, value = "user_{}_clicks", past_formulas.key(past_sums.CLICKS)


class AffinityClickRate(_OfImpressions):
    """Smoothed share of the user's impressions of its channel or topic with a click.

    `(clicks + 1) / (impressions + 10)`, over impressions with a recorded click.
    """

    pattern = "user_{}_click_rate"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the smoothed clicks by the impressions with a recorded click."""
        clicks = sums.key_sum(past_sums.CLICKS)
        return past_formulas.smoothed_rate(clicks, sums.key_sum(past_sums.WITH_CLICK))


class SecondsSinceAffinityImpression(_OfImpressions, SecondsSinceAffinityWatch):
    """Seconds since its channel or topic was shown, -1 = never or unknown."""

    pattern = "seconds_since_{}_impression"


class SecondsSinceImpression(past_formulas.PastFeature):
    """Seconds since the video was last shown to the user, -1 = never or unknown."""

    name, value = "seconds_since_impression", past_formulas.since_latest()
    table, columns = schema.IMPRESSIONS, ("impressions.time",)


class NumEarlierImpressions(SecondsSinceImpression):
    """How often the video was shown to the user strictly before the request."""

    name, value = "num_earlier_impressions", past_formulas.key(past_sums.EVENTS)


class NumUnclickedImpressions(SecondsSinceImpression):
    """Number of earlier impressions of the video to the user without a click."""

    name = "num_unclicked_impressions"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.key_sum(past_sums.WITH_CLICK) - sums.key_sum(past_sums.CLICKS)


class NumRecentImpressions(SecondsSinceImpression):
    """Number of the user's last 96 impressions that are of the video."""

    name, value = "num_impressions_of_last_96", past_formulas.key("last_96")


class NumEarlierWatches(past_formulas.PastFeature):
    """How often the user watched the video before the request."""

    name, value = "num_earlier_watches", past_formulas.key(past_sums.EVENTS)


class SecondsSinceWatch(past_formulas.PastFeature):
    """Seconds since the user last watched the video, -1 = never or unknown."""

    name, value = "seconds_since_video_watch", past_formulas.since_latest()


class NumUserWatches(past_formulas.PastFeature):
    """Number of watches of the user before the request."""

    name, scope = "user_watches", base_feature.Scope.REQUEST

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.user_sum(past_sums.EVENTS)


class NumWatchesOfLastDay(past_formulas.PastFeature):
    """Number of the user's watches of the last 24 hours, -1 where time is unknown."""

    name, scope = "user_watches_of_last_day", base_feature.Scope.REQUEST

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return past_formulas.where_known(sums.times != 0, sums.user_sum("last_day"))


class MeanWatchSeconds(past_formulas.PastFeature):
    """Mean seconds of the user's watches, -1 without a watch that has seconds."""

    name, scope = "user_mean_watch_seconds", base_feature.Scope.REQUEST
    columns = ("watches.watch_seconds",)

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the sum by the number of watches with watch seconds."""
        seconds = sums.user_sum(past_sums.SECONDS)
        return past_formulas.ratio(seconds, sums.user_sum(past_sums.WITH_SECONDS))


class UserClickRate(past_formulas.PastFeature):
    """Smoothed share of the impressions shown to the user that were clicked.

    `(clicks + 1) / (impressions + 10)` of impressions with a recorded click; -1 without
    any.
    """

    name, scope = "user_click_rate", base_feature.Scope.REQUEST
    table, columns = schema.IMPRESSIONS, ("impressions.time",)

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the smoothed clicks by the impressions with a recorded click."""
        shown = sums.user_sum(past_sums.WITH_CLICK)
        rate = past_formulas.smoothed_rate(sums.user_sum(past_sums.CLICKS), shown)
        return past_formulas.where_known(shown > 0.0, rate)


_AFFINITIES = (
    AffinityWatches,
    WatchesOfLast10,
    WatchesOfLast50,
    WatchesOfLastDay,
    WatchesOfLast3Days,
    WatchesOfLast7Days,
    WatchesOfLast21Days,
    WatchShare,
    SecondsSinceAffinityWatch,
    AffinityMeanWatchSeconds,
    MeanWatchedFraction,
    AffinityImpressions,
    AffinityClicks,
    AffinityClickRate,
    SecondsSinceAffinityImpression,
)
OF_USER = (
    NumUserWatches(),
    NumWatchesOfLastDay(),
    MeanWatchSeconds(),
    UserClickRate(),
)
OF_GROUPS = (
    *(kind(schema.CHANNEL_ID) for kind in _AFFINITIES),
    *(kind(schema.TOPIC) for kind in _AFFINITIES),
    WatchShare(schema.LANGUAGE),
)
OF_VIDEO = (
    SecondsSinceImpression(),
    NumEarlierImpressions(),
    NumUnclickedImpressions(),
    NumRecentImpressions(),
    NumEarlierWatches(),
    SecondsSinceWatch(),
)
