import numpy as np
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import target_attention

SHOWN = tf.reshape(tf.range(12.0), [2, 2, 3]) / 6.0 - 1.0
WATCHED = tf.reshape(tf.range(24.0), [2, 4, 3]) / 12.0 - 1.0
KNOWN = tf.constant([[True, False, True, True], [False] * 4])


class TestTargetAttention(contract.LayerContract):
    def make(self):
        return target_attention.TargetAttention(5)

    def inputs(self):
        return ((SHOWN, WATCHED, KNOWN),)


def test_it_is_the_sum_of_known_watches_weighed_by_a_network_on_each_pair():
    layer = target_attention.TargetAttention(5)
    found = layer((SHOWN, WATCHED, KNOWN)).numpy()
    shown_kernel, bias, watched_kernel, product_kernel, out, out_bias = (
        layer.get_weights()
    )
    expected = np.zeros(3)
    for place in (0, 2, 3):
        one, other = SHOWN[0, 1].numpy(), WATCHED[0, place].numpy()
        pair = one @ shown_kernel + other @ watched_kernel
        hidden = np.maximum(pair + (one * other) @ product_kernel + bias, 0.0)
        expected += (hidden @ out + out_bias) * other
    np.testing.assert_allclose(found[0, 1], expected, rtol=1e-4)
    assert np.any(found[0, 0] != found[0, 1])


def test_a_history_of_nothing_known_is_zero():
    layer = target_attention.TargetAttention(5)
    assert not layer((SHOWN, WATCHED, KNOWN)).numpy()[1].any()


def test_the_attention_of_one_video_does_not_see_the_others():
    layer = target_attention.TargetAttention(5)
    together = layer((SHOWN, WATCHED, KNOWN)).numpy()
    alone = layer((SHOWN[:, :1], WATCHED, KNOWN)).numpy()
    np.testing.assert_allclose(together[:, :1], alone, rtol=1e-6)
