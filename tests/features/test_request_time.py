import datetime

import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies

from tests.layers import contract
from ytdnn.features import request_context


class TestRequestTime(contract.LayerContract):
    def make(self):
        return request_context.RequestTimeEmbedding(dim=3, name="request_time")

    def inputs(self):
        return (tf.constant([[[0, 0, 0], [1, 2, 7]]]),)


@hypothesis.given(strategies.integers(-(10**9), 4 * 10**9).filter(bool))
@hypothesis.settings(deadline=None, max_examples=50)
def test_hours_and_weekdays_are_those_of_the_calendar(seconds):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    date = epoch + datetime.timedelta(seconds=seconds)
    time = tf.constant([seconds], tf.int64)
    assert request_context.hour_indices(time).numpy() == [1 + date.hour]
    assert request_context.weekday_indices(time).numpy() == [1 + date.weekday()]


def test_the_pause_doubles_from_bucket_to_bucket():
    seconds = tf.constant([-1.0, 0.0, 1.0, 2.0, 3.0, 6.0, 7.0, 2.0**20 - 1, 1e30])
    expected = [0, 1, 2, 2, 3, 3, 4, 21, 32]
    assert request_context.pause_indices(seconds).numpy().tolist() == expected


def test_what_is_unknown_is_the_zero_vector():
    layer = request_context.RequestTimeEmbedding(dim=3)
    indices = _indices([0, 7], [-1.0, 2.0])
    assert indices.numpy().tolist() == [[0, 0, 0], [1, 4, 2]]  # a Thursday
    unknown, known = layer(indices).numpy()
    np.testing.assert_array_equal(unknown, np.zeros(9))
    assert np.all(known != 0)


def test_each_part_has_its_own_table_as_large_as_its_values():
    layer = request_context.RequestTimeEmbedding(dim=3)
    last = tf.constant([[24, 7, 32]])
    assert np.all(layer(last).numpy() != 0)
    np.testing.assert_array_equal(layer(last + 1), np.zeros([1, 9]))
    parts = np.split(layer(tf.constant([[1, 1, 1]])).numpy()[0], 3)
    assert len({part.tobytes() for part in parts}) == 3
    for place in range(3):
        alone = np.zeros([1, 3], np.int32)
        alone[0, place] = 1
        found = np.split(layer(tf.constant(alone)).numpy()[0], 3)
        assert [bool(part.any()) for part in found] == [i == place for i in range(3)]
    assert layer.count_params() == (25 + 8 + 33) * 3


def _indices(times, pauses):
    times = tf.constant(times, tf.int64)
    parts = (
        request_context.hour_indices(times),
        request_context.weekday_indices(times),
        request_context.pause_indices(tf.constant(pauses)),
    )
    return tf.stack(parts, axis=-1)
