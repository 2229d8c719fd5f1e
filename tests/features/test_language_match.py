import numpy as np

from tests.features import contract
from ytdnn.base import schema
from ytdnn.log import prepared


class TestLanguageMatch(contract.FeatureContract):
    name = "language_match"

    def test_it_compares_both_languages(self, data: prepared.PreparedData) -> None:
        rows = np.arange(0, len(data.impressions), 11)
        found = contract._at_impressions(self.feature(data), data, rows).numpy()
        users, videos = data.users[schema.LANGUAGE], data.videos[schema.LANGUAGE]
        expected = []
        for row in rows:
            mine = users[int(data.impressions.users[row])]
            its = videos[int(data.impressions.videos[row]) - 1]
            expected.append(0 if None in (mine, its) else 2 if mine == its else 1)
        assert found[:, 0].tolist() == expected
        assert set(expected) == {0, 1, 2}
