import numpy as np
import polars as pl

from tests import uploads
from tests.features import contract
from ytdnn.base import schema
from ytdnn.features import base_feature, video_attributes
from ytdnn.log import prepared


class TestChannel(contract.FeatureContract):
    """Its ids are integers in this log."""

    name = "channel_id"


class TestDuration(contract.FeatureContract):
    name = "duration_seconds"


class TestTopic(contract.FeatureContract):
    name = "topic"


class TestVideoLanguage(contract.FeatureContract):
    name = "video_language"


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


class TestTitle(contract.FeatureContract):
    network = base_feature.CONTENT
    name = "title"


def test_known_tokens_are_of_two_titles_of_the_vocabulary(data):
    """The log's titles are "Title i"."""
    assert video_attributes.TITLE.known_values(data) == ["title"]
    assert video_attributes.TITLE.num_values(data) == 1
    rows = video_attributes._title_tokens(data)[1]
    assert rows.shape == (data.num_videos + 1, video_attributes.MAX_TOKENS)
    np.testing.assert_array_equal(rows[0], 0)
    np.testing.assert_array_equal(rows[1:, 0], 1)
    np.testing.assert_array_equal(rows[1:, 1:], 0)


def test_tokens_are_in_order_and_those_of_one_title_are_unknown(tmp_path):
    log = uploads.tables()
    titles = ["Jazz live", "jazz piano live", "once"] + [None] * 50
    log["videos"] = log["videos"].with_columns(pl.Series("title", titles))
    known, rows = video_attributes._title_tokens(uploads.prepared_data(tmp_path, log))
    assert known == ["jazz", "live"]
    assert rows[1:4, :3].tolist() == [[1, 2, 0], [1, 2, 0], [0, 0, 0]]
