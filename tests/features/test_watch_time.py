import numpy as np

from tests.features import statistics_contract
from ytdnn.log import prepared


class _OfClicks(statistics_contract.RatioContract):
    def sums(
        self, data: prepared.PreparedData, is_in: np.ndarray, now: int
    ) -> tuple[float, float]:
        shown = data.impressions
        rows = np.flatnonzero((shown.times < now) & is_in[shown.videos])
        clicks = rows[shown.clicked[rows]]
        return self.of_clicks(data, clicks, len(rows) - len(clicks))

    def of_clicks(
        self, data: prepared.PreparedData, clicks: np.ndarray, others: int
    ) -> tuple[float, float]:
        """Returns both sums, given the rows of clicks and the number of others."""
        raise NotImplementedError


class TestVideoSecondsOdds(_OfClicks):
    name = "video_seconds_odds"

    def of_clicks(
        self, data: prepared.PreparedData, clicks: np.ndarray, others: int
    ) -> tuple[float, float]:
        return float(data.impressions.seconds[clicks].sum()), others


class TestChannelSecondsOdds(TestVideoSecondsOdds):
    name = "channel_seconds_odds"
    group = "channel"


class TestTopicSecondsOdds(TestVideoSecondsOdds):
    name = "topic_seconds_odds"
    group = "topic"


class TestVideoSecondsPerClick(_OfClicks):
    name = "video_seconds_per_click"

    def of_clicks(
        self, data: prepared.PreparedData, clicks: np.ndarray, others: int
    ) -> tuple[float, float]:
        return float(data.impressions.seconds[clicks].sum()), len(clicks)


class TestChannelSecondsPerClick(TestVideoSecondsPerClick):
    name = "channel_seconds_per_click"
    group = "channel"


class TestTopicSecondsPerClick(TestVideoSecondsPerClick):
    name = "topic_seconds_per_click"
    group = "topic"


class TestVideoWatchedFraction(_OfClicks):
    name = "video_watched_fraction"

    def of_clicks(
        self, data: prepared.PreparedData, clicks: np.ndarray, others: int
    ) -> tuple[float, float]:
        of_videos = statistics_contract.durations(data)
        fractions = [
            min(1.0, float(data.impressions.seconds[row]) / of_videos[video])
            for row in clicks
            if of_videos[video := data.impressions.videos[row]]
        ]
        return sum(fractions), len(fractions)


class TestChannelWatchedFraction(TestVideoWatchedFraction):
    name = "channel_watched_fraction"
    group = "channel"


class TestTopicWatchedFraction(TestVideoWatchedFraction):
    name = "topic_watched_fraction"
    group = "topic"
