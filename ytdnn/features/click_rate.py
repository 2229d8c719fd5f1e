"""How often the video was clicked where it was shown (PAPER §4.1)."""

import numpy as np
import numpy.typing as npt

from ytdnn import ragged
from ytdnn.data import positions, prepared
from ytdnn.features import encodings, interface

# A video that was never shown has the rate of one click in ten impressions.
_CLICKS, _IMPRESSIONS = 1.0, 10.0


class ClickRate(encodings.Continuous, interface.CorpusStatistic):
    """Smoothed clicks over impressions of the video to all users, in [0, 1].

    `(clicks + 1) / (impressions + 10)`; -1 of a video that is not in the catalogue.
    """

    name = "click_rate"
    columns = ("impressions.time",)
    networks = default_in = frozenset({interface.RANKING})

    def statistic(self, data: prepared.PreparedData) -> interface.Statistic:
        """Returns the rate by video and moment."""
        shown = data.impressions
        rows = np.flatnonzero(interface.countable(data))
        join = ragged.Earlier(shown.videos[rows], shown.times[rows])
        clicked = np.asarray(shown.clicked)[rows]

        def rates(
            videos: npt.NDArray[np.integer], moments: npt.NDArray[np.int64]
        ) -> npt.NDArray[np.float32]:
            impressions = join.count(videos, moments)
            clicks = join.sum(clicked, videos, moments)
            found = (clicks + _CLICKS) / (impressions + _IMPRESSIONS)
            return np.where(videos > 0, found, positions.MISSING).astype(np.float32)

        return rates


FEATURES = (ClickRate(),)
