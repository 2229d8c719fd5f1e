"""How often video, channel and topic were clicked when shown (PAPER §4.1)."""

from ytdnn.features import corpus, quantities, statistics


class ClickRate(statistics.StatisticRatio):
    """Clicks over impressions of the video (channel, topic) to all users, smoothed."""

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group."""
        super().__init__(
            "click_rate",
            group,
            quantities.CLICKS,
            quantities.IMPRESSIONS,
            "impressions.time",
        )


FEATURES = tuple(ClickRate(group) for group in corpus.GROUPS)
