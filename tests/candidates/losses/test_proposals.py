import numpy as np
import pytest
import tensorflow as tf

from ytdnn.candidates.losses import drawn_negatives
from ytdnn.layers import randomness

COUNTS = np.array([9.0, 0.0, 81.0, 1.0])


def test_unigram_to_a_power_by_hand():
    # Square roots 3, 1 (a count of 0 counts 1), 9, 1: together 14.
    expected = np.array([3, 1, 9, 1]) / 14
    np.testing.assert_allclose(drawn_negatives.powers(COUNTS, 0.5), expected)


def test_draws_are_as_frequent_as_said():
    probabilities = drawn_negatives.powers(COUNTS, 0.75)
    proposal = drawn_negatives.NegativeSampler(probabilities)
    drawn = proposal.sample(100_000, tf.constant([1, 2])).numpy()
    assert set(drawn) == {1, 2, 3, 4}
    frequency = np.bincount(drawn, minlength=5)[1:] / len(drawn)
    np.testing.assert_allclose(frequency, probabilities, atol=0.01)
    said = proposal.probability(tf.constant([1, 2, 3, 4]))
    np.testing.assert_allclose(said, probabilities, rtol=1e-6)


@pytest.mark.parametrize("num_videos", [5, 300])
def test_distinct_draws_are_those_of_sample_counted(num_videos):
    """Of 40 draws of 5 videos most repeat; of 300 few."""
    proposal = drawn_negatives.NegativeSampler(np.full(num_videos, 1 / num_videos))
    seed = tf.constant([0, 3])
    drawn = proposal.sample(40, seed).numpy()
    found, counts = (values.numpy() for values in proposal.distinct(40, seed))
    videos, expected = np.unique(drawn, return_counts=True)
    np.testing.assert_array_equal(found[counts > 0], videos)
    np.testing.assert_array_equal(counts[counts > 0], expected)
    assert expected.max() > 1
    assert len(found) == 40


def test_draws_that_repeat_much_are_merged_into_few_lengths():
    proposal = drawn_negatives.NegativeSampler(np.full(90, 1 / 90))
    videos, counts = proposal.distinct(500, tf.constant([0, 3]))
    assert len(videos) == 128  # the next multiple of 64
    assert np.sum(counts) == 500
    np.testing.assert_array_equal(videos, np.sort(videos))


def test_static_shapes_keep_repeats_that_count_nothing():
    proposal = drawn_negatives.NegativeSampler(np.full(90, 1 / 90))
    seed = tf.constant([0, 3])
    videos, counts = (values.numpy() for values in proposal.distinct(500, seed))
    assert len(videos) < 500
    with randomness.static_shapes():
        all_videos, all_counts = proposal.distinct(500, seed)
    np.testing.assert_array_equal(all_videos, proposal.sample(500, seed))
    np.testing.assert_array_equal(all_videos[all_counts > 0], videos[counts > 0])
    np.testing.assert_array_equal(all_counts[all_counts > 0], counts[counts > 0])


@pytest.mark.parametrize("exponent", [0.0, 0.75, 1.0])
def test_a_million_videos_over_six_decades_keep_their_odds(exponent):
    of_videos = drawn_negatives.powers(10.0 ** np.linspace(0, 6, 1_000_000), exponent)
    assert of_videos.sum() == pytest.approx(1.0)
    assert of_videos[-1] / of_videos[0] == pytest.approx(10.0 ** (6 * exponent))
    said = drawn_negatives.NegativeSampler(of_videos).probability(
        tf.constant([1, 1_000_000])
    )
    np.testing.assert_allclose(said, of_videos[[0, -1]], rtol=1e-5)
