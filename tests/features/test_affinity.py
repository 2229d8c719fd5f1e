"""Affinity to channels, topics and languages, by hand and as every feature."""

import numpy as np
import pytest

from tests.features import pasts


class _OfColumn(pasts.PastContract):
    """The number where the video has a value in the column, -1 elsewhere."""

    column: str

    def by_hand(self, past: pasts.Past) -> float:
        if past.value_of(self.column, past.video) is None:
            return -1.0
        watched = past.same(self.column, past.watched)
        return self.of_known(past, watched, past.same(self.column, past.shown))

    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        raise NotImplementedError


class _Watches(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return int(watched.sum())


class _WatchesOfLast10(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return int(watched[-10:].sum())


class _WatchesOfLast50(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return int(watched[-50:].sum())


class _WatchesOfLastDays(_OfColumn):
    days: int

    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        if not past.now:
            return -1.0
        is_recent = past.watch_times >= past.now - 86_400 * self.days
        return int((watched & is_recent).sum())


class _WatchShare(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return pasts.mean(watched)


class _SecondsSinceWatch(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return pasts.since(past, past.watch_times[watched])


class _MeanWatchSeconds(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return pasts.mean(past.watch_seconds[watched])


class _MeanWatchedFraction(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        durations = [past.value_of("duration_seconds", v) for v in past.watched]
        found = [
            min(seconds / duration, 1.0)
            for seconds, duration in zip(past.watch_seconds, durations, strict=True)
        ]
        return pasts.mean(np.array(found)[watched])


class _Impressions(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return int(shown.sum())


class _Clicks(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return int(past.clicked[shown].sum())


class _ClickRate(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return float((past.clicked[shown].sum() + 1) / (shown.sum() + 10))


class _SecondsSinceImpression(_OfColumn):
    def of_known(
        self, past: pasts.Past, watched: np.ndarray, shown: np.ndarray
    ) -> float:
        return pasts.since(past, past.shown_times[shown])


class TestChannelWatches(_Watches):
    name = "user_channel_watches"
    column = "channel_id"


class TestChannelWatchesOfLast10(_WatchesOfLast10):
    name = "user_channel_watches_of_last_10"
    column = "channel_id"


@pytest.mark.thorough
class TestChannelWatchesOfLast50(_WatchesOfLast50):
    name = "user_channel_watches_of_last_50"
    column = "channel_id"


class TestChannelWatchShare(_WatchShare):
    name = "user_channel_watch_share"
    column = "channel_id"


class TestChannelSecondsSinceWatch(_SecondsSinceWatch):
    name = "seconds_since_channel_watch"
    column = "channel_id"


class TestChannelMeanWatchSeconds(_MeanWatchSeconds):
    name = "user_channel_mean_watch_seconds"
    column = "channel_id"


class TestChannelMeanWatchedFraction(_MeanWatchedFraction):
    name = "user_channel_mean_watched_fraction"
    column = "channel_id"


class TestChannelImpressions(_Impressions):
    name = "user_channel_impressions"
    column = "channel_id"


class TestChannelClicks(_Clicks):
    name = "user_channel_clicks"
    column = "channel_id"


class TestChannelClickRate(_ClickRate):
    name = "user_channel_click_rate"
    column = "channel_id"


class TestChannelSecondsSinceImpression(_SecondsSinceImpression):
    name = "seconds_since_channel_impression"
    column = "channel_id"


@pytest.mark.thorough
class TestTopicWatches(_Watches):
    name = "user_topic_watches"
    column = "topic"


@pytest.mark.thorough
class TestTopicWatchesOfLast10(_WatchesOfLast10):
    name = "user_topic_watches_of_last_10"
    column = "topic"


@pytest.mark.thorough
class TestTopicWatchesOfLast50(_WatchesOfLast50):
    name = "user_topic_watches_of_last_50"
    column = "topic"


@pytest.mark.thorough
class TestTopicWatchShare(_WatchShare):
    name = "user_topic_watch_share"
    column = "topic"


@pytest.mark.thorough
class TestTopicSecondsSinceWatch(_SecondsSinceWatch):
    name = "seconds_since_topic_watch"
    column = "topic"


@pytest.mark.thorough
class TestTopicMeanWatchSeconds(_MeanWatchSeconds):
    name = "user_topic_mean_watch_seconds"
    column = "topic"


@pytest.mark.thorough
class TestTopicMeanWatchedFraction(_MeanWatchedFraction):
    name = "user_topic_mean_watched_fraction"
    column = "topic"


@pytest.mark.thorough
class TestTopicImpressions(_Impressions):
    name = "user_topic_impressions"
    column = "topic"


@pytest.mark.thorough
class TestTopicClicks(_Clicks):
    name = "user_topic_clicks"
    column = "topic"


@pytest.mark.thorough
class TestTopicClickRate(_ClickRate):
    name = "user_topic_click_rate"
    column = "topic"


@pytest.mark.thorough
class TestTopicSecondsSinceImpression(_SecondsSinceImpression):
    name = "seconds_since_topic_impression"
    column = "topic"


class TestLanguageWatchShare(_WatchShare):
    name = "user_language_watch_share"
    column = "language"


@pytest.mark.thorough
class TestChannelWatchesOfLastDay(_WatchesOfLastDays):
    name, column = "user_channel_watches_of_last_day", "channel_id"
    days = 1


class TestChannelWatchesOfLast3Days(_WatchesOfLastDays):
    name, column = "user_channel_watches_of_last_3_days", "channel_id"
    days = 3


@pytest.mark.thorough
class TestChannelWatchesOfLast7Days(_WatchesOfLastDays):
    name, column = "user_channel_watches_of_last_7_days", "channel_id"
    days = 7


@pytest.mark.thorough
class TestChannelWatchesOfLast21Days(_WatchesOfLastDays):
    name, column = "user_channel_watches_of_last_21_days", "channel_id"
    days = 21


@pytest.mark.thorough
class TestTopicWatchesOfLastDay(_WatchesOfLastDays):
    name, column = "user_topic_watches_of_last_day", "topic"
    days = 1


@pytest.mark.thorough
class TestTopicWatchesOfLast3Days(_WatchesOfLastDays):
    name, column = "user_topic_watches_of_last_3_days", "topic"
    days = 3


@pytest.mark.thorough
class TestTopicWatchesOfLast7Days(_WatchesOfLastDays):
    name, column = "user_topic_watches_of_last_7_days", "topic"
    days = 7


@pytest.mark.thorough
class TestTopicWatchesOfLast21Days(_WatchesOfLastDays):
    name, column = "user_topic_watches_of_last_21_days", "topic"
    days = 21
