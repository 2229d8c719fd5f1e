import numpy as np
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import tower_ensemble

QUERY_AND_ITEMS = (
    tf.reshape(tf.range(10.0), [2, 5]) / 10.0,
    tf.reshape(tf.range(12.0), [2, 3, 2]) - 6.0,
)


def _ensemble(size: int = 3, **settings: float | str) -> tower_ensemble.TowerEnsemble:
    return tower_ensemble.TowerEnsemble(size, (4, 3), (0.5, -1.0), **settings)


class TestTowerEnsemble(contract.LayerContract):
    def make(self):
        return _ensemble(dropout=0.5)

    def inputs(self):
        return (QUERY_AND_ITEMS,)


def test_each_tower_is_a_network_of_its_own_weights():
    layer = _ensemble()
    found = layer(QUERY_AND_ITEMS).numpy()
    assert found.shape == (2, 3, 3, 2)
    weights = {v.name.split(":")[0]: v.numpy() for v in layer.trainable_variables}
    kernels = np.concatenate(
        [next(w for n, w in weights.items() if f"of_{part}/kernel" in n)
         for part in ("query", "items")]
    )  # fmt: skip
    query, items = (values.numpy() for values in QUERY_AND_ITEMS)
    for member in range(3):
        own = kernels[:, 4 * member : 4 * member + 4]
        hidden = np.maximum(np.append(query[1], items[1, 2]) @ own, 0.0)
        hidden = np.maximum(hidden @ weights["relu_1/kernel"][member], 0.0)
        outputs = hidden @ weights["outputs/kernel"][member] + [0.5, -1.0]
        np.testing.assert_allclose(found[1, 2, member], outputs, rtol=1e-4)
    assert np.unique(found, axis=2).shape[2] == 3


def test_dropout_acts_only_with_a_seed_and_differs_between_towers():
    layer = _ensemble(size=2, dropout=0.5)
    for variable in layer.trainable_variables:
        if len(variable.shape) == 3:  # equal towers above the first layer
            variable.assign(tf.repeat(variable[:1], 2, axis=0))
    seed = tf.constant([1, 2])
    first, second = layer(QUERY_AND_ITEMS, seed), layer(QUERY_AND_ITEMS, seed)
    np.testing.assert_array_equal(first, second)
    assert np.any(first != layer(QUERY_AND_ITEMS))
    assert np.any(first != layer(QUERY_AND_ITEMS, tf.constant([1, 3])))


def test_the_gradient_of_one_tower_reaches_only_its_own_kernels():
    layer = _ensemble()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(QUERY_AND_ITEMS)[:, :, 1])
    kernel = next(v for v in layer.trainable_variables if "outputs/kernel" in v.name)
    gradient = tape.gradient(total, kernel).numpy()
    assert gradient[1].any()
    assert not gradient[[0, 2]].any()


def test_bfloat16_is_close_to_float32():
    exact, rounded = _ensemble(), _ensemble(precision="bfloat16")
    exact(QUERY_AND_ITEMS), rounded(QUERY_AND_ITEMS)
    rounded.set_weights(exact.get_weights())
    assert all(v.dtype == tf.float32 for v in rounded.trainable_variables)
    found = rounded(QUERY_AND_ITEMS)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, exact(QUERY_AND_ITEMS), rtol=0.05, atol=0.1)
