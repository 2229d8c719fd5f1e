"""How often video, channel and topic were shown and watched (PAPER §4.1)."""

from ytdnn.features import corpus, quantities, statistics


class _Count(statistics.OfGroup):
    """Events of the group before the moment, of all or of recent days.

    Attributes:
      quantity: Quantity that is counted.
      is_recent: Whether only the seven days before the moment count.
    """

    quantity: corpus.Quantity
    is_recent: bool = False

    def of_group(
        self, requests: corpus.StatisticRequests, group: corpus.VideoGroup
    ) -> corpus.Floats:
        """Counts."""
        count = requests.recent if self.is_recent else requests.total
        return count(self.quantity, group)


class NumImpressions(_Count):
    """How often the video (channel, topic) was shown to all users."""

    quantity = quantities.IMPRESSIONS

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group."""
        super().__init__("impressions", group, "impressions.time")


class NumWatches(_Count):
    """How often the video (channel, topic) was watched, on a page or elsewhere."""

    quantity = quantities.WATCHES

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group."""
        super().__init__("watches", group, "watches.time")


class NumRecentWatches(_Count):
    """Watches of the video (channel, topic) in the seven days before the moment."""

    quantity = quantities.WATCHES
    is_recent = True

    def __init__(self, group: corpus.VideoGroup) -> None:
        """Declares the feature of a group."""
        super().__init__("recent_watches", group, "watches.time")


FEATURES = tuple(
    feature(group)
    for feature in (NumImpressions, NumWatches, NumRecentWatches)
    for group in corpus.GROUPS
)
