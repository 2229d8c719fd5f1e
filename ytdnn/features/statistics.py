"""The base of statistics of videos, channels and topics (PAPER §4.1).

A ratio is smoothed by ten events with the ratio of the larger group: the channel's for
a video (the corpus's if the log has no channels), and the corpus's for a channel or
topic.
"""

import abc

import numpy as np

from ytdnn.features import base_feature, corpus, encodings
from ytdnn.log import positions

SMOOTHING_EVENTS = 10.0  # average ones, added to each group's


class OfGroup(encodings.Continuous, base_feature.CorpusStatistic):
    """A number of the video's group at a moment; -1 without a group."""

    networks = default_in = frozenset({base_feature.RANKING})

    def __init__(self, name: str, group: corpus.VideoGroup, *columns: str) -> None:
        """Declares the feature.

        Args:
          name: Name of the statistic, without its group.
          group: Group of videos that it is computed for.
          *columns: Columns that it needs in addition to the group's, as "table.column".
        """
        self.name = group.name_of(name)
        self.group = group
        self.columns = columns + group.columns

    def values(self, requests: corpus.StatisticRequests) -> corpus.Floats:
        """Returns the number by video and moment."""
        groups = self.group.of_videos(requests.data)[requests.videos]
        return np.where(
            groups > 0, self.of_group(requests, self.group), positions.MISSING
        )

    @abc.abstractmethod
    def of_group(
        self, requests: corpus.StatisticRequests, group: corpus.VideoGroup
    ) -> corpus.Floats:
        """Returns the number of each video's group at each moment, `[n]`."""


class StatisticRatio(OfGroup):
    """A smoothed ratio of two sums.

    Attributes:
      numerator: Quantity of the numerator.
      denominator: Quantity of the denominator.
    """

    def __init__(
        self,
        name: str,
        group: corpus.VideoGroup,
        numerator: corpus.Quantity,
        denominator: corpus.Quantity,
        *columns: str,
    ) -> None:
        """Declares the feature; see `OfGroup`."""
        super().__init__(name, group, *columns)
        self.numerator = numerator
        self.denominator = denominator

    def of_group(
        self, requests: corpus.StatisticRequests, group: corpus.VideoGroup
    ) -> corpus.Floats:
        """Returns `(numerator + 10 · ratio of the parent) / (denominator + 10)`.

        The ratio of the corpus itself is not smoothed, and 0 before the first event.
        The parent of a video without a channel is the corpus.
        """
        above = requests.total(self.numerator, group)
        below = requests.total(self.denominator, group)
        if group == corpus.CORPUS:
            return above / np.where(below > 0, below, 1.0)
        prior = self.of_group(requests, group.parent(requests.data))
        return (above + SMOOTHING_EVENTS * prior) / (below + SMOOTHING_EVENTS)
