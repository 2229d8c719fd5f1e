import numpy as np
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import bags

RNG = np.random.default_rng(0)
BAGS = tf.constant(RNG.normal(size=[2, 3, 4]), tf.float32)  # two bags of two
TOP = tf.constant(RNG.normal(size=[2, 3, 5]), tf.float32)


def _filled(gated):
    layer = bags.GatedBags(2, 3, gated=gated)
    layer(BAGS, TOP)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.get_weights()])
    return layer


class TestGatedBags(contract.LayerContract):
    def make(self):
        return bags.GatedBags(2, 3, name="gated")

    def inputs(self):
        return BAGS, TOP


def test_it_is_zero_at_first():
    np.testing.assert_array_equal(bags.GatedBags(2, 3)(BAGS, TOP), np.zeros([2, 3, 3]))


def test_values_by_hand():
    layer = _filled(gated=True)
    weights = {
        v.name.split("/")[-2] + v.name.split("/")[-1]: v.numpy() for v in layer.weights
    }
    gates = 1.0 + TOP.numpy() @ weights["gateskernel:0"] + weights["gatesbias:0"]
    kernel = weights["linearkernel:0"]
    expected = sum(
        gates[..., bag : bag + 1]
        * (BAGS.numpy()[..., 2 * bag : 2 * bag + 2] @ kernel[2 * bag : 2 * bag + 2])
        for bag in range(2)
    )
    np.testing.assert_allclose(layer(BAGS, TOP), expected, atol=1e-5)


def test_without_gates_the_top_does_not_matter():
    layer = _filled(gated=False)
    np.testing.assert_array_equal(layer(BAGS, TOP), layer(BAGS, 2.0 * TOP))
    assert len(layer.weights) == 1


def test_a_seed_drops_coordinates_and_keeps_the_mean():
    vectors = tf.ones([4_000, 4])
    layer = bags.GatedBags(2, 3, gated=False, dropout=0.25)
    layer(vectors, vectors)
    layer.set_weights([np.ones([4, 3])])
    np.testing.assert_array_equal(layer(vectors, vectors), np.full([4_000, 3], 4.0))
    dropped = layer(vectors, vectors, tf.constant([1, 2])).numpy()
    np.testing.assert_allclose(dropped.mean(), 4.0, atol=0.1)
    kept = np.arange(5) / 0.75  # of four coordinates
    np.testing.assert_allclose(np.unique(dropped), kept, rtol=1e-6)
    np.testing.assert_array_equal(dropped, layer(vectors, vectors, tf.constant([1, 2])))
    assert np.any(dropped != layer(vectors, vectors, tf.constant([1, 3])).numpy())
