import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import numbers


class TestNumberOfIndex(contract.LayerContract):
    def make(self):
        return numbers.NumberOfIndex([0.5, -2.0])

    def inputs(self):
        return (tf.constant([[0.0, 1.0], [-1.0, 7.0]]),)


def test_an_index_without_a_number_is_zero():
    found = numbers.NumberOfIndex([0.5, -2.0])(tf.constant([1, 0, -1, 2]))
    assert found.numpy().tolist() == [[-2.0], [0.5], [0.0], [0.0]]
    nothing = numbers.NumberOfIndex([])(tf.constant([0, -1]))
    assert nothing.numpy().tolist() == [[0.0], [0.0]]
