"""The user's earlier events with the video's channel, topic or language (PAPER §4.1).

"The most important signals are those that describe a user's previous interaction with
the item itself and other similar items." The code is the same for every column of
`videos` that groups similar videos. Where the video has no value in the column, all
features are missing.
"""

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import past, past_sums
from ytdnn.log import catalogues, fields

_NOUNS = {
    schema.CHANNEL_ID: "channel",
    schema.TOPIC: "topic",
    schema.LANGUAGE: "language",
}


class _Affinity(past.OfPast):
    """Base class of numbers from earlier events with the same value in a column."""

    needs: tuple[str, ...] = ("watches.time",)
    table = schema.WATCHES
    of_known_key = True
    pattern: str

    def __init__(self, column: str) -> None:
        """Declares the feature.

        Args:
          column: Column of `videos`.
        """
        self.name = self.pattern.format(_NOUNS[column])
        self.column = f"{schema.VIDEOS}.{column}"
        self.columns = (self.column, *self.needs)


class AffinityWatches(_Affinity):
    """Number of the user's watches of the video's channel, topic or language."""

    pattern = "user_{}_watches"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key(past_sums.EVENTS)


class WatchesOfLast10(_Affinity):
    """Number of the user's last ten watches of the video's channel or topic."""

    pattern = "user_{}_watches_of_last_10"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key("last_10")


class WatchesOfLast50(_Affinity):
    """Number of the user's last fifty watches of the video's channel or topic."""

    pattern = "user_{}_watches_of_last_50"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key("last_50")


class _WatchesOfLastDays(_Affinity):
    """Number of watches of the last days that are of its channel or topic.

    -1 where the time of the request is unknown.
    """

    window: str

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return past.where_known(sums.times != 0, sums.of_key(self.window))


class WatchesOfLastDay(_WatchesOfLastDays):
    """Number of the user's watches of the last day that are of its channel or topic."""

    pattern, window = "user_{}_watches_of_last_day", "last_day"


class WatchesOfLast3Days(_WatchesOfLastDays):
    """Number of the user's watches of the last 3 days, of its channel or topic."""

    pattern, window = "user_{}_watches_of_last_3_days", "last_3_days"


class WatchesOfLast7Days(_WatchesOfLastDays):
    """Number of the user's watches of the last 7 days, of its channel or topic."""

    pattern, window = "user_{}_watches_of_last_7_days", "last_7_days"


class WatchesOfLast21Days(_WatchesOfLastDays):
    """Number of watches of the last 21 days that are of its channel or topic."""

    pattern, window = "user_{}_watches_of_last_21_days", "last_21_days"


class WatchShare(_Affinity):
    """Share of the user's watches that are of the video's channel, topic or language.

    Missing without watches.
    """

    pattern = "user_{}_watch_share"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides by all watches."""
        events = past_sums.EVENTS
        return past.ratio(sums.of_key(events), sums.of_user(events))


class SecondsSinceAffinityWatch(_Affinity):
    """Seconds since the user watched its channel or topic, -1 = never or unknown."""

    pattern = "seconds_since_{}_watch"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Finds the latest."""
        return tf.cast(sums.seconds_since_latest(), tf.float64)


class _WatchTime(_Affinity):
    """Base class of numbers from watch times."""

    needs: tuple[str, ...] = ("watches.watch_seconds",)

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns how long each watch lasted."""
        del catalogue
        return (fields.watched_seconds(),)


class AffinityMeanWatchSeconds(_WatchTime):
    """Mean seconds of the user's watches of its channel or topic, -1 without any."""

    pattern = "user_{}_mean_watch_seconds"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the sum by the number of watches with watch seconds."""
        return past.ratio(
            sums.of_key(past_sums.SECONDS), sums.of_key(past_sums.WITH_SECONDS)
        )


class MeanWatchedFraction(_WatchTime):
    """Mean fraction of a video that the user watched, of its channel or topic.

    Each fraction is at most 1; -1 without watches that have seconds and a duration.
    """

    pattern = "user_{}_mean_watched_fraction"
    needs = ("watches.watch_seconds", "videos.duration_seconds")

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the sum by the number of watches with a fraction."""
        return past.ratio(
            sums.of_key(past_sums.FRACTIONS), sums.of_key(past_sums.WITH_FRACTION)
        )


class _OfImpressions(_Affinity):
    """Base class of numbers from the user's earlier impressions."""

    needs = ("impressions.time",)
    table = schema.IMPRESSIONS


class AffinityImpressions(_OfImpressions):
    """Number of earlier impressions of its channel or topic shown to the user."""

    pattern = "user_{}_impressions"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key(past_sums.EVENTS)


class AffinityClicks(_OfImpressions):
    """Number of earlier impressions of its channel or topic that the user clicked."""

    pattern = "user_{}_clicks"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key(past_sums.CLICKS)


class AffinityClickRate(_OfImpressions):
    """Smoothed share of the user's impressions of its channel or topic with a click.

    `(clicks + 1) / (impressions + 10)`, over impressions with a recorded click.
    """

    pattern = "user_{}_click_rate"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the smoothed clicks by the impressions with a recorded click."""
        return past.smoothed_rate(
            sums.of_key(past_sums.CLICKS), sums.of_key(past_sums.WITH_CLICK)
        )


class SecondsSinceAffinityImpression(_OfImpressions, SecondsSinceAffinityWatch):
    """Seconds since its channel or topic was shown, -1 = never or unknown."""

    pattern = "seconds_since_{}_impression"


_EVERY = (
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
FEATURES = (
    *(feature(schema.CHANNEL_ID) for feature in _EVERY),
    *(feature(schema.TOPIC) for feature in _EVERY),
    WatchShare(schema.LANGUAGE),
)
