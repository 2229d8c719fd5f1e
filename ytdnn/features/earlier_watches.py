"""Earlier watches of the video by this user: how many, how long ago (PAPER §4.1)."""

import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import past, past_sums


class _OfVideo(past.OfPast):
    """Base class of numbers from the user's earlier watches of the video."""

    columns = ("watches.time",)
    table = schema.WATCHES


class NumEarlierWatches(_OfVideo):
    """How often the user watched the video before the request."""

    name = "num_earlier_watches"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Counts."""
        return sums.of_key(past_sums.EVENTS)


class SecondsSinceWatch(_OfVideo):
    """Seconds since the user last watched the video, -1 = never or unknown."""

    name = "seconds_since_video_watch"

    def value(self, sums: past_sums.PastSums) -> tf.Tensor:
        """Finds the latest."""
        return sums.seconds_since_latest()


FEATURES = (NumEarlierWatches(), SecondsSinceWatch())
