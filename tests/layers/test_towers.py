import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import split_dense, towers

SEED = tf.constant([1, 2])
QUERY_AND_ITEMS = (
    tf.reshape(tf.range(10.0), [2, 5]) / 10.0,
    tf.reshape(tf.range(12.0), [2, 3, 2]) - 6.0,
)


class TestTower(contract.LayerContract):
    def make(self):
        return towers.Tower((4, 3), dropout=0.5, name="tower")

    def inputs(self):
        return (tf.reshape(tf.range(10.0), [2, 5]),)


class TestSplitTower(contract.LayerContract):
    def make(self):
        return towers.Tower((4, 3), split=True, name="tower")

    def inputs(self):
        return (QUERY_AND_ITEMS,)


class TestSplitDense(contract.LayerContract):
    def make(self):
        return split_dense.SplitDense(4, "float32", name="relu")

    def inputs(self):
        return (QUERY_AND_ITEMS,)


def test_split_dense_is_a_dense_layer_on_the_query_beside_each_item():
    layer = split_dense.SplitDense(4, "float32")
    found = layer(QUERY_AND_ITEMS)
    of_query, of_items, bias = (v.numpy() for v in layer.trainable_variables)
    query, items = (values.numpy() for values in QUERY_AND_ITEMS)
    for row in range(2):
        for item in range(3):
            inputs = np.concatenate([query[row], items[row, item]])
            products = inputs @ np.concatenate([of_query, of_items]) + bias
            expected = np.maximum(products, 0.0)
            np.testing.assert_allclose(found[row, item], expected, rtol=1e-5)


def test_parameter_count():
    tower = towers.Tower((4, 3))
    tower(tf.zeros([1, 5]))
    assert tower.count_params() == (5 * 4 + 4) + (4 * 3 + 3)


def test_no_layers_is_the_identity():
    values = tf.constant([[-1.0, 2.0]])
    np.testing.assert_array_equal(towers.Tower(())(values), values)


def test_dropout_acts_only_with_a_seed_and_repeats_with_the_same():
    tower = towers.Tower((256,), dropout=0.5)
    inputs = tf.random.stateless_normal([8, 16], [3, 4])
    plain, first, second = tower(inputs), tower(inputs, SEED), tower(inputs, SEED)
    other = tower(inputs, tf.constant([1, 3]))
    np.testing.assert_array_equal(first, second)
    assert np.any(first != plain)
    assert np.any(first != other)
    positive = plain.numpy() > 0
    dropped = (first.numpy() == 0) & positive
    assert dropped.sum() / positive.sum() == pytest.approx(0.5, abs=0.05)


def test_bfloat16_is_close_to_float32_and_keeps_float32_variables():
    tower = towers.Tower((32,), precision="bfloat16")
    exact = towers.Tower((32,))
    inputs = tf.random.stateless_normal([8, 16], [3, 4])
    exact(inputs)
    tower(inputs)
    tower.set_weights(exact.get_weights())
    assert tower(inputs).dtype == tf.float32
    assert all(v.dtype == tf.float32 for v in tower.trainable_variables)
    np.testing.assert_allclose(tower(inputs), exact(inputs), atol=0.05, rtol=0.02)


def test_a_dense_layer_is_keras_own_on_any_number_of_axes():
    layer = tf.keras.layers.Dense(5, activation="relu")
    inputs = tf.random.stateless_normal([2, 3, 4, 6], [3, 4])
    for values in (inputs, inputs[0], inputs[0, 0], inputs[:0]):
        found = towers.dense(layer, values, None)
        assert found.shape == [*values.shape[:-1], 5]
        np.testing.assert_allclose(found, layer(values), atol=1e-6)
        np.testing.assert_array_equal(towers.dense(layer, values, SEED), layer(values))


def test_few_operations_apply_a_tower_outside_training():
    """Keras' own product of three axes alone has some twenty."""
    tower = towers.Tower((4, 4))
    tower(tf.zeros([1, 1, 6]))
    answer = tf.function(tower, autograph=False)
    graph = answer.get_concrete_function(tf.TensorSpec([None, None, 6])).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert "Prod" not in kinds
    assert len([kind for kind in kinds if kind not in ("Const", "Identity")]) < 40
