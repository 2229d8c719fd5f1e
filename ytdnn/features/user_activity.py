"""How much the user watches and clicks, over all videos (beyond the paper)."""

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, past, past_sums
from ytdnn.log import catalogues, fields


class _OfUser(past.OfPast):
    """Base class of numbers from all of the user's events before the request."""

    scope = base_feature.Scope.REQUEST
    table = schema.WATCHES
    columns = ("watches.time",)


class NumUserWatches(_OfUser):
    """Number of watches of the user before the request."""

    name = "user_watches"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_user(past_sums.EVENTS)


class NumWatchesOfLastDay(_OfUser):
    """Number of the user's watches of the last 24 hours, -1 where time is unknown."""

    name = "user_watches_of_last_day"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return past.where_known(sums.times != 0, sums.of_user("last_day"))


class MeanWatchSeconds(_OfUser):
    """Mean seconds of the user's watches, -1 without a watch that has seconds."""

    name = "user_mean_watch_seconds"
    columns = ("watches.watch_seconds",)

    def fields(self, catalogue: catalogues.Catalogue) -> fields.Fields:
        """Returns the field of watch seconds."""
        del catalogue
        return (fields.watched_seconds(),)

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the sum by the number of watches with watch seconds."""
        return past.ratio(
            sums.of_user(past_sums.SECONDS), sums.of_user(past_sums.WITH_SECONDS)
        )


class UserClickRate(_OfUser):
    """Smoothed share of the impressions shown to the user that were clicked.

    `(clicks + 1) / (impressions + 10)` of impressions with a recorded click; -1 without
    any.
    """

    name = "user_click_rate"
    table = schema.IMPRESSIONS
    columns = ("impressions.time",)

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Divides the smoothed clicks by the impressions with a recorded click."""
        shown = sums.of_user(past_sums.WITH_CLICK)
        rate = past.smoothed_rate(sums.of_user(past_sums.CLICKS), shown)
        return past.where_known(shown > 0.0, rate)


FEATURES = (
    NumUserWatches(),
    NumWatchesOfLastDay(),
    MeanWatchSeconds(),
    UserClickRate(),
)
