import numpy as np

from tests.features import statistics_contract
from ytdnn.features import corpus
from ytdnn.log import prepared


class TestVideoImpressions(statistics_contract.StatisticContract):
    name = "video_impressions"

    def by_hand(
        self, data: prepared.PreparedData, is_in: np.ndarray, now: int
    ) -> float:
        shown = data.impressions
        return float((is_in[shown.videos] & (shown.times < now)).sum())


class TestChannelImpressions(TestVideoImpressions):
    name = "channel_impressions"
    group = "channel"


class TestTopicImpressions(TestVideoImpressions):
    name = "topic_impressions"
    group = "topic"


class TestVideoWatches(statistics_contract.StatisticContract):
    name = "video_watches"
    days = 1_000_000

    def by_hand(
        self, data: prepared.PreparedData, is_in: np.ndarray, now: int
    ) -> float:
        watches = data.watches
        since = now - self.days * statistics_contract.DAY
        is_before = (watches.times >= since) & (watches.times < now)
        return float((is_in[watches.videos] & is_before).sum())


class TestChannelWatches(TestVideoWatches):
    name = "channel_watches"
    group = "channel"


class TestTopicWatches(TestVideoWatches):
    name = "topic_watches"
    group = "topic"


class TestVideoRecentWatches(TestVideoWatches):
    name = "video_recent_watches"
    days = 7


class TestChannelRecentWatches(TestVideoRecentWatches):
    name = "channel_recent_watches"
    group = "channel"


class TestTopicRecentWatches(TestVideoRecentWatches):
    name = "topic_recent_watches"
    group = "topic"


def test_the_moment_of_a_span_is_that_of_each_of_its_events(
    data: prepared.PreparedData,
) -> None:
    end = corpus.serving_moment(data)
    week, day = corpus.RECENT_SECONDS, statistics_contract.DAY
    edges = np.array([end, end - week, end - end % day, end - week - end % day])
    near = (edges[:, np.newaxis] + [-day, -1, 0, 1, day]).ravel()
    times = np.concatenate([near, data.impressions.times])
    found = corpus._moments_of_spans(data, corpus.spans(data, times))
    np.testing.assert_array_equal(found, corpus.moments(data, times))
