import numpy as np

from tests.features import contract
from ytdnn.log import prepared


class TestVideoAge(contract.FeatureContract):
    name = "video_age_seconds"

    def test_it_is_counted_from_the_upload(self, data: prepared.PreparedData) -> None:
        rows = np.arange(0, len(data.impressions), 50)
        ages = contract._at_impressions(self.feature(data), data, rows)[:, 0].numpy()
        uploads = data.videos["upload_time"].to_list()
        for row, age in zip(rows, ages, strict=True):
            upload = uploads[int(data.impressions.videos[row]) - 1]
            now = int(data.impressions.times[row])
            assert age == (-1.0 if upload is None else np.float32(now - upload))
        assert (ages > 0).any()
        assert (ages == -1.0).any()
