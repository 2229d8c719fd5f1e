import numpy as np

from tests.features import contract
from ytdnn.features import interface, title


class TestTitle(contract.FeatureContract):
    network = interface.CONTENT
    name = "title"


def test_known_tokens_are_of_two_titles_of_the_vocabulary(data):
    """The log's titles are "Title i"."""
    feature = title.Title()
    assert title._vocabulary(data) == ["title"]
    assert feature.num_values(data) == 1
    rows = title._rows(data)
    assert rows.shape == (data.num_videos + 1, title.MAX_TOKENS)
    np.testing.assert_array_equal(rows[0], 0)
    np.testing.assert_array_equal(rows[1:, 0], 1)
    np.testing.assert_array_equal(rows[1:, 1:], 0)
