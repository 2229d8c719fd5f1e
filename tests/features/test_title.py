import numpy as np
import polars as pl

from tests import uploads
from tests.features import contract
from ytdnn.features import base_feature, title


class TestTitle(contract.FeatureContract):
    network = base_feature.CONTENT
    name = "title"


def test_known_tokens_are_of_two_titles_of_the_vocabulary(data):
    """The log's titles are "Title i"."""
    feature = title.Title()
    assert title.vocabulary(data) == ["title"]
    assert feature.num_values(data) == 1
    rows = title._rows(data)
    assert rows.shape == (data.num_videos + 1, title.MAX_TOKENS)
    np.testing.assert_array_equal(rows[0], 0)
    np.testing.assert_array_equal(rows[1:, 0], 1)
    np.testing.assert_array_equal(rows[1:, 1:], 0)


def test_tokens_are_in_order_and_those_of_one_title_are_unknown(tmp_path):
    log = uploads.tables()
    titles = ["Jazz live", "jazz piano live", "once"] + [None] * 50
    log["videos"] = log["videos"].with_columns(pl.Series("title", titles))
    data = uploads.prepared_data(tmp_path, log)
    assert title.vocabulary(data) == ["jazz", "live"]
    assert title._rows(data)[1:4, :3].tolist() == [[1, 2, 0], [1, 2, 0], [0, 0, 0]]
