import numpy as np
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import embeddings


class TestTable(contract.LayerContract):
    def make(self):
        return embeddings.Table(5, 3, name="table")

    def inputs(self):
        return (tf.constant([[1, 5], [0, 2]]),)


def test_index_zero_is_the_zero_vector_even_after_training():
    table = embeddings.Table(4, 2)
    table.table.assign(tf.ones_like(table.table))
    np.testing.assert_array_equal(table(tf.constant([0, 3])), [[0, 0], [1, 1]])


def test_index_zero_gets_no_gradient():
    table = embeddings.Table(4, 2)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(table(tf.constant([0, 3])))
    gradient = tf.convert_to_tensor(tape.gradient(total, table.table))
    np.testing.assert_array_equal(gradient[0], [0.0, 0.0])
    np.testing.assert_array_equal(gradient[3], [1.0, 1.0])


def test_parameter_count():
    table = embeddings.Table(4, 2)
    table(tf.constant([1]))
    assert table.count_params() == (4 + 1) * 2
