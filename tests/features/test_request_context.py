import tensorflow as tf

from tests.features import contract
from ytdnn.features import base_feature, open_features
from ytdnn.log import log_tensors, prepared, slice_batches


class TestDevice(contract.FeatureContract):
    name = "device"
    network = base_feature.CANDIDATES


class TestDeviceOfImpressions(contract.FeatureContract):
    name = "device"


class TestLoggedIn(contract.FeatureContract):
    name = "logged_in"
    network = base_feature.CANDIDATES


class TestSecondsSinceLastWatch(contract.FeatureContract):
    name = "seconds_since_last_watch"


class TestRequestTime(contract.FeatureContract):
    name = "request_time"
    network = base_feature.CANDIDATES

    def test_numbers_that_see_it_are_marked(self, data: prepared.PreparedData) -> None:
        assert self.feature(data).sees_request_time
        assert self.network not in self.feature(data).default_in


class TestExampleAge(contract.FeatureContract):
    name = "example_age"
    network = base_feature.CANDIDATES
    always_known = True

    def test_it_is_the_share_of_the_window_that_lies_behind(
        self, data: prepared.PreparedData
    ) -> None:
        def opener(log: log_tensors.LogTensors) -> dict[str, log_tensors.Reader]:
            return open_features.open_log([self.feature(data)], log)

        log = log_tensors.load_watches(slice_batches.training_set(data), opener)
        rows = tf.range(log.num_watches, dtype=tf.int64)[:, tf.newaxis]
        ages = slice_batches.labels(log, rows, tf.ones_like(rows, tf.bool))[self.name][
            :, 0
        ]
        first, last = data.windows.training_window
        expected = (last - log.times.numpy()) / (last - first)
        tf.debugging.assert_near(ages, tf.constant(expected, tf.float32), atol=1e-6)
        assert tf.reduce_max(ages) == 1.0
