"""What every counter of a video, a channel or a topic must do."""

from typing import ClassVar

import numpy as np
import polars as pl

from tests import changed_log
from tests.features import contract
from ytdnn.features import counter_sums, counters
from ytdnn.log import events, prepared

PreparedData = prepared.PreparedData

DAY = 86_400
GROUPS = {"video": None, "channel": "channel_id", "topic": "topic"}


class StatisticContract(contract.FeatureContract):
    """Subclass, name the feature, and count by hand."""

    group: ClassVar[str] = "video"
    least_values: ClassVar[int] = 10  # that differ, on these logs

    def by_hand(self, data: PreparedData, is_in: np.ndarray, now: int) -> float:
        """Returns the number as of a moment.

        Args:
          data: The prepared set.
          is_in: `[catalogue + 1] bool`, the videos that are taken together.
          now: The moment.
        """
        raise NotImplementedError

    def test_it_is_that_of_the_slates_first_second(self, data: PreparedData) -> None:
        shown = data.impressions
        rows = np.arange(0, len(shown), 29)
        found = contract._at_impressions(self.feature(data), data, rows)[:, 0].numpy()
        assert (shown.request_times[rows] < shown.times[rows]).any()
        assert (shown.request_times[rows] > counter_sums.serving_moment(data)).any()
        for row, value in zip(rows, found, strict=True):
            now, video = int(shown.request_times[row]), int(shown.videos[row])
            expected = self.at(data, self.group, video, now)
            np.testing.assert_allclose(value, expected, rtol=2e-4)
        assert len(set(found.tolist())) > self.least_values

    def test_without_windows_held_out_events_are_not_counted(
        self, data_without_windows: PreparedData
    ) -> None:
        """Of one user they lie before the training events of another."""
        data = data_without_windows
        feature, shown, watches = self.feature(data), data.impressions, data.watches
        assert isinstance(feature, counters.Counter)
        is_held_out, is_watch_held_out = (
            np.isin(t.splits, [events.Split.VALIDATION, events.Split.TEST])
            for t in (shown, watches)
        )
        assert is_held_out.any()
        assert is_watch_held_out.any()
        other = changed_log.with_tables(
            data,
            impressions=shown.replace(
                videos=np.where(is_held_out, 1, shown.videos),
                clicked=np.where(is_held_out, ~shown.clicked, shown.clicked),
            ),
            watches=watches.replace(
                videos=np.where(is_watch_held_out, 1, watches.videos)
            ),
        )
        before, after = (feature.values(counter_sums.served(d)) for d in (data, other))
        np.testing.assert_array_equal(before, after)
        assert len(np.unique(before)) > min(3, self.least_values)

    def at(self, data: PreparedData, group: str, video: int, moment: int) -> float:
        """Returns the expected number of a video, -1 without a group."""
        is_in = together(data, group, video)
        return -1.0 if is_in is None else self.by_hand(data, is_in, moment)


class RatioContract(StatisticContract):
    """Subclass, and give numerator and denominator."""

    def sums(
        self, data: PreparedData, is_in: np.ndarray, now: int
    ) -> tuple[float, float]:
        """Returns both sums over the events of some videos before a moment."""
        raise NotImplementedError

    def at(self, data: PreparedData, group: str, video: int, moment: int) -> float:
        """Returns the ratio, ten events of the parent's ratio added."""
        is_in = together(data, group, video)
        if group == "corpus":
            above, below = self.sums(data, is_in, moment)
            return above / below if below else 0.0
        if is_in is None and group == self.group:
            return -1.0
        parent = "channel" if group == "video" else "corpus"
        prior = self.at(data, parent, video, moment)
        if is_in is None:
            return prior
        above, below = self.sums(data, is_in, moment)
        return (above + 10 * prior) / (below + 10)


def together(data: PreparedData, group: str, video: int) -> np.ndarray | None:
    """Returns the videos of one's group, `[catalogue + 1] bool`; None: it has none."""
    every = np.arange(data.num_videos + 1)
    if group == "corpus":
        return every > 0
    if group == "video":
        return every == video
    values: list = [None, *data.videos[GROUPS[group]].to_list()]
    if values[video] is None:
        return None
    return np.array([value == values[video] for value in values])


def durations(data: PreparedData) -> np.ndarray:
    """Returns seconds of each catalogue index, 0 where not known."""
    known = data.videos["duration_seconds"].cast(pl.Float64).fill_null(0.0)
    return np.append(0.0, known.to_numpy())
