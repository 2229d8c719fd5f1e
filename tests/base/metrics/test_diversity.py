"""Metrics of varied lists: hand-derived values, and brute force."""

import numpy as np
import pytest

from ytdnn.base.metrics import diversity

LISTS = np.array([[1, 2, 3, 4], [2, 1, 0, 0], [0, 0, 0, 0]], np.int32)


def test_similarity_of_vectors_is_the_mean_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[[0, 3]] = 0.0  # video 3 has none
    cosines = vectors @ vectors.T
    expected = [np.mean([cosines[1, 2], cosines[1, 4], cosines[2, 4]]), cosines[1, 2]]
    found = diversity.similarity_of_vectors(LISTS, vectors.astype(np.float32), 4)
    np.testing.assert_allclose(found[:2], expected, atol=1e-6)
    assert np.isnan(found[2])


def test_similarity_of_values_is_the_share_of_equal_pairs() -> None:
    values = np.array([0, 5, 6, 5, 0])
    found = diversity.similarity_of_values(LISTS, values, 4)
    # Of 5, 6, 5 one pair of three is equal; the unknown value of 4 makes none.
    np.testing.assert_allclose(found, [1 / 3, 0.0, np.nan])
    np.testing.assert_allclose(
        diversity.similarity_of_values(LISTS, np.array([0, 5, 5, 1, 1]), 2),
        [1, 1, np.nan],
    )


@pytest.mark.parametrize("num_videos", [4, 10])
def test_gini_is_half_the_relative_mean_difference(num_videos: int) -> None:
    """G = Σᵢⱼ |cᵢ - cⱼ| / (2 n² mean c)."""
    counts = np.zeros(num_videos)
    counts[:4] = [2, 2, 1, 1]
    differences = np.abs(counts[:, np.newaxis] - counts).sum()
    expected = differences / (2 * num_videos**2 * counts.mean())
    found, low, high = diversity.gini(LISTS, num_videos, 4)
    assert found == pytest.approx(expected)
    assert low < found < high
    assert np.isnan(diversity.gini(LISTS[2:], num_videos, 4)[0])


def test_the_interval_of_gini_is_as_wide_as_draws_of_users_differ() -> None:
    rng = np.random.default_rng(0)
    chances = 1.0 / np.arange(1, 51)
    chances /= chances.sum()

    def draw() -> np.ndarray:
        return rng.choice(np.arange(1, 51), (400, 5), p=chances).astype(np.int32)

    drawn = np.array([diversity.gini(draw(), 50, 5)[0] for _ in range(200)])
    _, low, high = diversity.gini(draw(), 50, 5)
    assert 0.6 < (high - low) / (2 * 1.96 * drawn.std()) < 1.6


def test_novelty_is_the_mean_self_information() -> None:
    watches = np.array([np.nan, 7.0, 3.0, 1.0, 0.0])
    # Shares of 8, 4, 2 and 1 of 15: bits log2(15/8) … log2(15).
    bits = np.log2(15.0 / np.array([8.0, 4.0, 2.0, 1.0]))
    found = diversity.novelty(LISTS, watches, 4)
    np.testing.assert_allclose(found, [bits.mean(), bits[:2].mean(), np.nan])


def test_values_stand_once_in_a_list() -> None:
    values = np.array([0, 5, 6, 5, 0])
    found = diversity.of_values(
        np.array([[1, 2, 3, 4], [3, 3, 1, 0]], np.int32), values
    )
    assert [sorted(row) for row in found.tolist()] == [[0, 0, 5, 6], [0, 0, 0, 5]]
