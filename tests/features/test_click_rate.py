import pathlib

import numpy as np

from tests import full_log
from tests.features import statistics_contract
from ytdnn.features import click_rate, corpus
from ytdnn.log import prepared


class TestVideoClickRate(statistics_contract.RatioContract):
    name = "video_click_rate"

    def sums(
        self, data: prepared.PreparedData, is_in: np.ndarray, now: int
    ) -> tuple[float, float]:
        shown = data.impressions
        counts = (shown.times < now) & is_in[shown.videos]
        return float(shown.clicked[counts].sum()), float(counts.sum())


class TestChannelClickRate(TestVideoClickRate):
    name = "channel_click_rate"
    group = "channel"


class TestTopicClickRate(TestVideoClickRate):
    name = "topic_click_rate"
    group = "topic"


def test_without_channels_the_corpus_smooths_the_video(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    log["videos"] = log["videos"].drop("channel_id")
    data = full_log.prepared_data(tmp_path, log)
    rates = click_rate.ClickRate(corpus.VIDEO).values(corpus.served(data))
    shown = data.impressions
    before = shown.times < corpus.serving_moment(data)
    ids = data.videos["video_id"].to_list()
    never = ids.index(f"v{full_log.NUM_VIDEOS}") + 1  # not in any impression
    assert not (shown.videos == never).any()
    np.testing.assert_allclose(rates[never], shown.clicked[before].mean())
    assert rates[0] == -1.0
