"""How long video, channel and topic were watched when shown (PAPER §4.1)."""

from ytdnn.features import corpus, quantities, statistics
from ytdnn.log import prepared

_SECONDS = "impressions.watch_seconds"


class _OfSeconds(statistics.StatisticRatio):
    """A ratio of watch seconds of impressions."""

    def exists(self, data: prepared.PreparedData) -> bool:
        """Whether the log has watch seconds."""
        return super().exists(data) and data.log.has_watch_seconds


class SecondsOdds(_OfSeconds):
    """Watch seconds over unclicked impressions of the video (channel, topic), smoothed.

    The target of the weighted logistic head (PAPER §4.2), averaged over users.
    """

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group."""
        super().__init__(
            "seconds_odds", group, quantities.SECONDS, quantities.UNCLICKED, _SECONDS
        )


class SecondsPerClick(_OfSeconds):
    """Mean watch seconds of a click on the video (channel, topic), smoothed."""

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group."""
        super().__init__(
            "seconds_per_click", group, quantities.SECONDS, quantities.CLICKS, _SECONDS
        )


class WatchedFraction(_OfSeconds):
    """Mean share of the video watched after a click on it (channel, topic), smoothed.

    At most 1 for each click; clicks on videos of unknown duration do not count.
    """

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group."""
        super().__init__(
            "watched_fraction",
            group,
            quantities.FRACTIONS,
            quantities.CLICKS_OF_KNOWN_DURATION,
            _SECONDS,
            "videos.duration_seconds",
        )


FEATURES = tuple(
    feature(group)
    for feature in (SecondsOdds, SecondsPerClick, WatchedFraction)
    for group in corpus.GROUPS
)
