import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import mixture

SEED = tf.constant([1, 2])


def _values() -> tf.Tensor:
    return tf.reshape(tf.range(30.0), [2, 3, 5]) / 10.0 - 1.0


class TestMixtureOfExperts(contract.LayerContract):
    def make(self):
        return mixture.MixtureOfExperts(
            3, 4, (0.5, -1.0, 2.0), (1, 2), dropout=0.5, name="experts"
        )

    def inputs(self):
        return (_values(),)


def test_each_task_reads_its_own_combination_of_experts():
    layer = mixture.MixtureOfExperts(3, 4, (0.5, -1.0, 2.0), (1, 2))
    found = layer(_values()).numpy()
    experts, experts_bias = (v.numpy() for v in layer._experts.weights)
    gates, gates_bias = (v.numpy() for v in layer._gates.weights)
    kernels = [[v.numpy() for v in one.weights] for one in layer._outputs]
    for place in np.ndindex(2, 3):
        x = _values().numpy()[place]
        of_experts = np.maximum(x @ experts + experts_bias, 0.0).reshape(3, 4)
        logits = (x @ gates + gates_bias).reshape(2, 3)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected = [
            mixed @ kernel + bias
            for mixed, (kernel, bias) in zip(shares @ of_experts, kernels, strict=True)
        ]
        np.testing.assert_allclose(
            found[place], np.concatenate(expected), rtol=1e-5, atol=1e-6
        )


def test_outputs_begin_at_their_biases():
    layer = mixture.MixtureOfExperts(2, 4, (0.5, -1.0), (1, 1))
    nothing = layer(tf.zeros([1, 1, 3]))
    np.testing.assert_allclose(nothing, [[[0.5, -1.0]]])


def test_dropout_acts_only_with_a_seed():
    layer = mixture.MixtureOfExperts(2, 64, (0.0,), (1,), dropout=0.5)
    plain, dropped = layer(_values()), layer(_values(), seed=SEED)
    assert np.any(plain != dropped)
    np.testing.assert_array_equal(dropped, layer(_values(), seed=SEED))


def test_parameter_count():
    layer = mixture.MixtureOfExperts(3, 4, (0.0, 0.0, 0.0), (1, 2))
    layer(_values())
    of_experts, of_gates = 3 * 4 * (5 + 1), 2 * 3 * (5 + 1)
    assert layer.count_params() == of_experts + of_gates + (4 + 1) + 2 * (4 + 1)


def test_groups_add_up_to_the_outputs():
    with pytest.raises(ValueError, match="expected groups of 2 outputs"):
        mixture.MixtureOfExperts(3, 4, (0.0, 0.0), (1,))
