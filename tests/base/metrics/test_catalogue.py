import numpy as np
import pytest

from ytdnn.base.metrics import catalogue


def test_coverage_counts_each_video_once_and_no_padding() -> None:
    lists = np.array([[1, 2, 9], [2, 3, 0], [2, 1, 0]], np.int32)
    assert catalogue.coverage(lists, num_videos=10, k=2)[0] == pytest.approx(3 / 10)
    assert catalogue.coverage(lists, num_videos=10, k=3)[0] == pytest.approx(4 / 10)


def test_interval_of_coverage_is_that_of_leaving_each_user_out() -> None:
    rng = np.random.default_rng(0)
    lists = rng.integers(0, 300, (40, 5)).astype(np.int32)
    share, low, high = catalogue.coverage(lists, 300, 5)
    left_out = [
        len(set(np.delete(lists, user, axis=0).ravel().tolist()) - {0}) / 300
        for user in range(40)
    ]
    # Of a list that holds a video twice and alone, both count as lost.
    error = np.sqrt(39 / 40 * np.sum((left_out - np.mean(left_out)) ** 2))
    assert high - share == pytest.approx(1.96 * error, rel=0.05)
    assert share - low == pytest.approx(1.96 * error, rel=0.05)


def test_mean_of_listed_leaves_out_what_is_not_known() -> None:
    values = np.array([np.nan, 4.0, 8.0, np.nan])
    lists = np.array([[1, 2, 3], [3, 3, 3], [2, 0, 0], [2, 3, 1]], np.int32)
    found = catalogue.mean_of_listed(lists, values, 2)
    np.testing.assert_array_equal(found, [6.0, np.nan, 8.0, 8.0])


def test_deciles_are_of_equal_size_whatever_the_ties() -> None:
    assert np.bincount(catalogue.deciles(np.zeros(30))).tolist() == [3] * 10
    assert catalogue.deciles(np.array([5.0, 1.0])).tolist() == [5, 0]
