"""Earlier impressions of the video to this user: how many, how long ago (PAPER §4.1).

Shown and not watched, a video should be demoted at the next request ("churn").
"""

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import past, past_sums


class _OfVideo(past.OfPast):
    """Base class of numbers from the video's earlier impressions to the user."""

    columns = ("impressions.time",)
    table = schema.IMPRESSIONS


class NumEarlierImpressions(_OfVideo):
    """How often the video was shown to the user strictly before the request."""

    name = "num_earlier_impressions"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key(past_sums.EVENTS)


class NumUnclickedImpressions(_OfVideo):
    """Number of earlier impressions of the video to the user without a click."""

    name = "num_unclicked_impressions"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key(past_sums.WITH_CLICK) - sums.of_key(past_sums.CLICKS)


class NumRecentImpressions(_OfVideo):
    """Number of the user's last 96 impressions that are of the video."""

    name = "num_impressions_of_last_96"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key("last_96")


class SecondsSinceImpression(_OfVideo):
    """Seconds since the video was last shown to the user, -1 = never or unknown."""

    name = "seconds_since_impression"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Finds the latest."""
        return sums.seconds_since_latest()


FEATURES = (
    SecondsSinceImpression(),
    NumEarlierImpressions(),
    NumUnclickedImpressions(),
    NumRecentImpressions(),
)
