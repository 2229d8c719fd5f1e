import numpy as np
import pytest
import tensorflow as tf

from ytdnn.layers import randomness

SEED = tf.constant([5, 6])


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.9])
def test_keep_mask_drops_at_the_rate(rate):
    keep = randomness.keep_mask(tf.constant([101, 99]), rate, SEED)
    assert keep.shape == (101, 99)
    assert 1 - np.mean(keep) == pytest.approx(rate, abs=0.02)


def test_dropout_keeps_the_mean_and_is_the_identity_without_a_seed():
    values = tf.ones([200, 100])
    assert np.mean(randomness.dropout(values, 0.3, SEED)) == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(randomness.dropout(values, 0.3, None), values)
    np.testing.assert_array_equal(randomness.dropout(values, 0.0, SEED), values)


def test_steps_and_salts_draw_differently():
    first = randomness.step_seed(1, tf.constant(7))
    second = randomness.step_seed(1, tf.constant(8))
    shape = tf.constant([64])
    draws = [
        randomness.keep_mask(shape, 0.5, seed).numpy().tobytes()
        for seed in (first, second, randomness.fold(first, 1))
    ]
    assert len(set(draws)) == 3


def test_streams_differ_and_are_functions_of_the_seed():
    streams = list(randomness.RandomStream)
    assert len({stream.value for stream in streams}) == len(streams) >= 6
    seeds = [randomness.substream(SEED, stream).numpy() for stream in streams]
    again = [randomness.substream(SEED, stream).numpy() for stream in streams]
    np.testing.assert_array_equal(seeds, again)
    assert len({seed.tobytes() for seed in seeds}) == len(streams)
    other = randomness.substream(SEED + 1, streams[0]).numpy()
    assert other.tobytes() != seeds[0].tobytes()
    assert randomness.substream(None, streams[0]) is None


def test_dropped_indices_are_those_of_nothing():
    indices = tf.range(1, 4_001)
    found = randomness.drop_indices(indices, 0.25, tf.constant([1, 2])).numpy()
    assert 0.2 < (found == 0).mean() < 0.3
    np.testing.assert_array_equal(found[found > 0], indices.numpy()[found > 0])
    np.testing.assert_array_equal(randomness.drop_indices(indices, 0.25, None), indices)
