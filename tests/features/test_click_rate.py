import numpy as np

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
