"""What is read at positions of a log: earlier times, and the request's own event."""

import numpy as np
import pytest
import tensorflow as tf

from tests import full_log
from ytdnn.log import log_tensors


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return full_log.prepared_data(tmp_path_factory.mktemp("full"), full_log.tables())


def _at(data, users, ends, is_event=True):
    ends = tf.constant(ends, tf.int64)
    last = tf.constant(len(data.watches) - 1, tf.int64)
    return log_tensors.Positions(
        users=tf.constant(users, tf.int32),
        times=tf.gather(tf.constant(data.watches.times), tf.minimum(ends, last)),
        ends=ends,
        event="watches",
        rows=ends,
        is_event=tf.fill(tf.shape(ends), is_event),
    )


def test_seconds_since_by_hand():
    times = tf.constant([100, 100, 0, 100, 100], tf.int64)
    earlier = tf.constant([40, 0, 40, 100, 130], tf.int64)
    since = log_tensors.seconds_since(times, earlier)
    assert since.numpy().tolist() == [60.0, -1.0, -1.0, 0.0, 0.0]


def test_the_last_watch_is_the_users_own_and_before_the_position(data):
    log = log_tensors.LogTensors(data)
    offsets, times = data.watches.offsets, data.watches.times
    for user in range(data.num_users):
        ends = np.arange(offsets[user], offsets[user + 1] + 1)
        at = _at(data, np.full(len(ends), user), ends)
        found = log_tensors.last_watch_times(log, at).numpy()
        assert found[0] == 0
        np.testing.assert_array_equal(found[1:], times[ends[1:] - 1])


def test_what_a_request_brings_is_missing_where_the_log_has_no_event(data):
    log = log_tensors.LogTensors(data)
    rows = np.arange(20)
    users = data.watches.users[rows]
    found = log.event_field("devices", _at(data, users, rows), 0)
    np.testing.assert_array_equal(found, data.watches.devices[rows])
    without = log.event_field("logged_in", _at(data, users, rows, is_event=False), -1)
    assert without.numpy().tolist() == [-1] * 20
    # A row behind the log is asked for where a user has no later watch.
    behind = _at(data, users[:1], [len(data.watches)], is_event=False)
    assert log.event_field("devices", behind, 0).numpy().tolist() == [0]
