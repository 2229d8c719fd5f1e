import numpy as np
import pytest

from ytdnn.base.metrics import catalogue

LISTS = np.array([[1, 2, 3, 4], [2, 1, 0, 0], [0, 0, 0, 0]], np.int32)


def test_coverage_counts_each_video_once_and_no_padding() -> None:
    lists = np.array([[1, 2, 9], [2, 3, 0], [2, 1, 0]], np.int32)
    assert catalogue.coverage(lists, num_videos=10, k=2)[0] == pytest.approx(3 / 10)
    assert catalogue.coverage(lists, num_videos=10, k=3)[0] == pytest.approx(4 / 10)


def test_interval_of_coverage_is_that_of_leaving_each_user_out() -> None:
    lists = np.random.default_rng(0).integers(0, 300, (40, 5)).astype(np.int32)
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


def test_similarity_of_vectors_is_the_mean_over_all_pairs() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[[0, 3]] = 0.0  # video 3 has none
    cosines = vectors @ vectors.T
    expected = [np.mean([cosines[1, 2], cosines[1, 4], cosines[2, 4]]), cosines[1, 2]]
    found = catalogue.similarity_of_vectors(LISTS, vectors.astype(np.float32), 4)
    np.testing.assert_allclose(found[:2], expected, atol=1e-6)
    assert np.isnan(found[2])


def test_similarity_of_values_is_the_share_of_equal_pairs() -> None:
    found = catalogue.similarity_of_values(LISTS, np.array([0, 5, 6, 5, 0]), 4)
    # Of 5, 6, 5 one pair of three is equal; the unknown value of 4 makes none.
    np.testing.assert_allclose(found, [1 / 3, 0.0, np.nan])
    np.testing.assert_allclose(
        catalogue.similarity_of_values(LISTS, np.array([0, 5, 5, 1, 1]), 2),
        [1, 1, np.nan],
    )


@pytest.mark.parametrize("num_videos", [4, 10])
def test_gini_is_half_the_relative_mean_difference(num_videos: int) -> None:
    """G = Σᵢⱼ |cᵢ - cⱼ| / (2 n² mean c)."""
    counts = np.zeros(num_videos)
    counts[:4] = [2, 2, 1, 1]
    differences = np.abs(counts[:, np.newaxis] - counts).sum()
    expected = differences / (2 * num_videos**2 * counts.mean())
    found, low, high = catalogue.gini(LISTS, num_videos, 4)
    assert found == pytest.approx(expected)
    assert low < found < high
    assert np.isnan(catalogue.gini(LISTS[2:], num_videos, 4)[0])


def test_the_interval_of_gini_is_as_wide_as_draws_of_users_differ() -> None:
    rng = np.random.default_rng(0)
    chances = 1.0 / np.arange(1, 51)
    chances /= chances.sum()

    def draw() -> np.ndarray:
        return rng.choice(np.arange(1, 51), (400, 5), p=chances).astype(np.int32)

    drawn = np.array([catalogue.gini(draw(), 50, 5)[0] for _ in range(200)])
    _, low, high = catalogue.gini(draw(), 50, 5)
    assert 0.6 < (high - low) / (2 * 1.96 * drawn.std()) < 1.6


def test_novelty_is_the_mean_self_information() -> None:
    watches = np.array([np.nan, 7.0, 3.0, 1.0, 0.0])
    # Shares of 8, 4, 2 and 1 of 15: bits log2(15/8) … log2(15).
    bits = np.log2(15.0 / np.array([8.0, 4.0, 2.0, 1.0]))
    found = catalogue.novelty(LISTS, watches, 4)
    np.testing.assert_allclose(found, [bits.mean(), bits[:2].mean(), np.nan])


def test_values_stand_once_in_a_list() -> None:
    values = np.array([0, 5, 6, 5, 0])
    found = catalogue.replace_by_values(
        np.array([[1, 2, 3, 4], [3, 3, 1, 0]], np.int32), values
    )
    assert [sorted(row) for row in found.tolist()] == [[0, 0, 5, 6], [0, 0, 0, 5]]
