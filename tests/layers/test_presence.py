import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import continuous


class TestPresence(contract.LayerContract):
    def make(self):
        return continuous.Presence(name="age")

    def inputs(self):
        return (tf.constant([[0.5, -1.0], [0.0, 1.0]]),)


class TestAlwaysKnown(contract.LayerContract):
    def make(self):
        return continuous.AlwaysKnown(name="example_age")

    def inputs(self):
        return (tf.constant([[0.5, 0.0], [0.25, 1.0]]),)


def test_a_number_stands_beside_whether_it_is_known():
    found = continuous.Presence()(tf.constant([[0.25, 0.0], [-1.0, 1.0]]))
    # 0 that is known and a number that is not differ in the second coordinate.
    assert found.numpy().tolist() == [[[0.25, 1], [0, 1]], [[0, 0], [1, 1]]]


def test_a_number_that_is_always_known_is_one_coordinate():
    found = continuous.AlwaysKnown()(tf.constant([[0.25, 0.0]]))
    assert found.numpy().tolist() == [[[0.25], [0.0]]]
