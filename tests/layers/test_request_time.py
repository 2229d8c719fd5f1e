import datetime

import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies

from tests.layers import contract
from ytdnn.layers import request_time


class TestRequestTime(contract.LayerContract):
    def make(self):
        return request_time.RequestTime(dim=3, name="request_time")

    def inputs(self):
        return tf.constant([[0, 86_400]], tf.int64), tf.constant([[-1.0, 60.0]])


@hypothesis.given(strategies.integers(-(10**9), 4 * 10**9).filter(bool))
@hypothesis.settings(deadline=None, max_examples=50)
def test_hours_and_weekdays_are_those_of_the_calendar(seconds):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    date = epoch + datetime.timedelta(seconds=seconds)
    time = tf.constant([seconds], tf.int64)
    assert request_time.hour_indices(time).numpy() == [1 + date.hour]
    assert request_time.weekday_indices(time).numpy() == [1 + date.weekday()]


def test_the_pause_doubles_from_bucket_to_bucket():
    seconds = tf.constant([-1.0, 0.0, 1.0, 2.0, 3.0, 6.0, 7.0, 2.0**20 - 1, 1e30])
    expected = [0, 1, 2, 2, 3, 3, 4, 21, 32]
    assert request_time.pause_indices(seconds).numpy().tolist() == expected


def test_what_is_unknown_is_the_zero_vector():
    layer = request_time.RequestTime(dim=3)
    unknown = layer(tf.constant([0], tf.int64), tf.constant([-1.0]))
    np.testing.assert_array_equal(unknown, np.zeros([1, 9]))
    known = layer(tf.constant([7], tf.int64), tf.constant([2.0])).numpy()
    assert np.all(known != 0)


def test_seconds_since_by_hand():
    times = tf.constant([100, 100, 0, 100, 100], tf.int64)
    earlier = tf.constant([40, 0, 40, 100, 130], tf.int64)
    since = request_time.seconds_since(times, earlier)
    assert since.numpy().tolist() == [60.0, -1.0, -1.0, 0.0, 0.0]
