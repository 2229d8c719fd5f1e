import pathlib

import numpy as np

from tests import full_log
from tests.features import contract
from ytdnn.data import prepared
from ytdnn.features import interface

DAY = 86_400


class TestClickRate(contract.FeatureContract):
    name = "click_rate"

    def test_it_is_that_of_the_days_before_and_of_training(
        self, data: prepared.PreparedData
    ) -> None:
        shown = data.impressions
        rows = np.arange(0, len(shown), 29)
        found = contract._at_impressions(self.feature(data), data, rows)[:, 0].numpy()
        end = interface.serving_moment(data)
        assert (shown.times[rows] > end).any()
        for row, rate in zip(rows, found, strict=True):
            now = int(shown.times[row])
            before = shown.times < (now - now % DAY if now < end else end)
            before &= shown.videos == shown.videos[row]
            expected = (shown.clicked[before].sum() + 1) / (before.sum() + 10)
            assert rate == np.float32(expected)
        assert len(set(found.tolist())) > 10


def test_without_windows_held_out_impressions_are_not_counted(
    tmp_path: pathlib.Path,
) -> None:
    """Of one user they lie before the training impressions of another."""
    data = full_log.prepared_data(tmp_path, full_log.tables(), protocol="leave_one_out")
    feature = TestClickRate().feature(data)
    assert isinstance(feature, interface.CorpusStatistic)
    shown = data.impressions
    held_out = np.isin(shown.splits, [prepared.Split.VALIDATION, prepared.Split.TEST])
    assert held_out.any()
    other = shown.replace(clicked=np.where(held_out, ~shown.clicked, shown.clicked))
    every = np.arange(data.num_videos + 1)
    moments = np.full(len(every), interface.serving_moment(data))
    before, after = (
        feature.statistic(d)(every, moments)
        for d in (data, data.with_events(impressions=other))
    )
    np.testing.assert_array_equal(before, after)
    assert len(np.unique(before)) > 3
