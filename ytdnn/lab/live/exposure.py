"""Exposure of the catalogue in each arm's slates, and uploads that find an audience."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ytdnn.lab.world import corpus, event_recorder, generate

AUDIENCE_CLICKS = 3  # by which an upload has found its audience
_AUDIENCE_DAYS = 7
_GOOD_QUANTILE = 0.75  # of quality, from which an upload is good

_DAY = corpus.SECONDS_PER_DAY

Array = npt.NDArray[np.float64]


class CatalogueExposure:
    """Impressions and clicks of each arm by video.

    Attributes:
      audience_days: Days after its upload in which a video can find its audience.
      good: `[n]` numbers of the good videos with all of those days within the test.
    """

    def __init__(
        self,
        world: generate.World,
        arm_of: npt.NDArray[np.int64],
        num_arms: int,
        num_days: int,
    ) -> None:
        """Starts counting for a test.

        Args:
          world: The world.
          arm_of: `[users]`, the arm of each user.
          num_arms: Number of arms.
          num_days: Length of the test, days.
        """
        self.audience_days = min(_AUDIENCE_DAYS, max(1, num_days // 2))
        self._world, self._arm_of = world, arm_of
        shape = (num_arms, len(world.shared.videos))
        self._shown, self._clicked, self._early = (np.zeros(shape) for _ in range(3))
        uploads = world.shared.videos.upload_times
        last = world.end_of_log + (num_days - self.audience_days) * _DAY
        quality = world.shared.videos.quality
        is_new = (uploads >= world.end_of_log) & (uploads < last)
        is_good = quality >= np.quantile(quality, _GOOD_QUANTILE)
        self.good = np.flatnonzero(is_new & is_good)

    def add(self, happened: Sequence[event_recorder.Events]) -> None:
        """Adds the impressions and clicks of slates."""
        for one in happened:
            shown = one.impressions.columns()
            arm, videos = self._arm_of[shown["users"]], shown["videos"]
            np.add.at(self._shown, (arm, videos), 1.0)
            clicked = shown["clicked"]
            np.add.at(self._clicked, (arm[clicked], videos[clicked]), 1.0)
            age = shown["times"] - self._world.shared.videos.upload_times[videos]
            early = clicked & (age < self.audience_days * _DAY)
            np.add.at(self._early, (arm[early], videos[early]), 1.0)

    def found_audience(self, arm: int) -> npt.NDArray[np.bool_]:
        """Returns whether each good upload has found its audience in an arm."""
        return self._early[arm, self.good] >= AUDIENCE_CLICKS

    def num_shown(self, arm: int) -> int:
        """Returns the number of videos that an arm's slates showed."""
        return int((self._shown[arm] > 0).sum())

    def effective_videos(self, arm: int) -> float:
        """Returns the effective number of clicked videos.

        It is the exponential of the entropy of the clicks: that many videos with equal
        clicks have the same entropy.
        """
        return effective_number(self._clicked[arm])


def effective_number(counts: Array) -> float:
    """Returns exp(entropy) of shares in proportion to counts; 0 without counts.

    >>> effective_number(np.array([2.0, 2.0, 0.0]))
    2.0
    """
    total = counts.sum()
    if not total:
        return 0.0
    shares = counts[counts > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))
