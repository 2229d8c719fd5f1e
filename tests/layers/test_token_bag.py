import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import token_bag


def _rows():
    return tf.constant([[[1.0], [2.0], [4.0], [8.0]]])


class TestTokenBag(contract.LayerContract):
    def make(self):
        return token_bag.TokenBag(dropout=0.3, name="token_bag")

    def inputs(self):
        known = tf.constant([[True, False, True, True]])
        return _rows(), known, tf.constant([[0, 1]]), tf.constant([[2, 4]])


def test_means_of_ranges_by_hand():
    # Rows 1, 2, 4, 8, of which 2 is unknown. [0, 2): 1. [1, 4): (4 + 8) / 2 = 6.
    # [0, 4): (1 + 4 + 8) / 3 = 13/3. [1, 2), unknown alone, and [3, 3), empty: 0.
    known = tf.constant([[True, False, True, True]])
    first, end = tf.constant([[0, 1, 0, 1, 3]]), tf.constant([[2, 4, 4, 2, 3]])
    bag = token_bag.TokenBag()(_rows(), known, first, end)
    np.testing.assert_allclose(bag[0, :, 0], [1, 6, 13 / 3, 0, 0])


def test_order_is_left_out():
    known = tf.ones([1, 4], tf.bool)
    first, end = tf.constant([[0]]), tf.constant([[4]])
    layer = token_bag.TokenBag()
    forwards = layer(_rows(), known, first, end)
    backwards = layer(_rows()[:, ::-1], known, first, end)
    np.testing.assert_allclose(forwards, backwards)


def test_no_rows_at_all():
    none = tf.zeros([2, 0, 3])
    zeros = tf.zeros([2, 1], tf.int32)
    bag = token_bag.TokenBag()(none, tf.zeros([2, 0], tf.bool), zeros, zeros)
    np.testing.assert_array_equal(bag, np.zeros([2, 1, 3]))


def test_dropout_drops_rows_of_each_position_on_its_own():
    rows = tf.eye(50)[tf.newaxis]
    known = tf.ones([1, 50], tf.bool)
    first, end = tf.zeros([1, 40], tf.int32), tf.fill([1, 40], 50)
    layer = token_bag.TokenBag(dropout=0.5)
    bag = layer(rows, known, first, end, seed=tf.constant([1, 1])).numpy()[0]
    assert np.mean(bag == 0) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(bag.sum(axis=1), 1.0, atol=1e-5)
    assert not np.array_equal(bag[0], bag[1])
