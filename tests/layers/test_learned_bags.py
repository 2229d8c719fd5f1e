import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import bags, learned_bags

LENGTH, POSITIONS, DIM = 4, 3, 2
ROWS = LENGTH + POSITIONS - 1


def _slice(seed=0):
    rng = np.random.default_rng(seed)
    rows = tf.constant(rng.normal(size=[2, ROWS, DIM]), tf.float32)
    known = tf.constant(rng.random([2, ROWS]) < 0.8)
    first_rows = tf.constant([[0, 0, 0], [2, 2, 5]], tf.int32)
    return rows, known, first_rows


class TestLearnedBags(contract.LayerContract):
    def make(self):
        return learned_bags.LearnedBags(2, LENGTH, dropout=0.3, name="learned")

    def inputs(self):
        return _slice()


def test_the_logits_of_decay_rates_give_their_bags():
    layer = learned_bags.LearnedBags(3, LENGTH)
    rates = np.array([1.0, 0.5, 0.9])
    layer.logits.assign(np.log(rates)[:, np.newaxis] * np.arange(LENGTH) + 7.0)
    expected = bags.HistoryBags(("mean",), (0.5, 0.9))(*_slice())
    np.testing.assert_allclose(layer(*_slice()), expected, atol=1e-6)


def test_weights_by_hand():
    # One request of two watches, 1 then 4; the last but one weighs twice the last:
    # (2 · 1 + 1 · 4) / 3 = 2.
    layer = learned_bags.LearnedBags(1, 4)
    layer.logits.assign(np.log([[1.0, 2.0, 50.0, 50.0]]))
    rows = tf.constant([[[9.0], [9.0], [1.0], [4.0]]])
    actual = layer(rows, tf.constant([[True] * 4]), tf.constant([[2]]))
    np.testing.assert_allclose(actual, [[[2.0]]], rtol=1e-6)


def test_an_empty_history_is_the_zero_vector():
    rows, known, _ = _slice()
    layer = learned_bags.LearnedBags(2, LENGTH)
    actual = layer(rows, known, tf.fill([2, POSITIONS], ROWS))
    np.testing.assert_array_equal(actual, np.zeros([2, POSITIONS, 2 * DIM]))


def test_rows_at_and_after_the_label_change_nothing():
    rows, known, first_rows = _slice()
    layer = learned_bags.LearnedBags(2, LENGTH)
    before = layer(rows, known, first_rows).numpy()
    changed = tf.concat([rows[:, :LENGTH], rows[:, LENGTH:] + 77.0], axis=1)
    after = layer(changed, known, first_rows).numpy()
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.any(before[:, 1] != after[:, 1])


def test_dropout_drops_its_share():
    rows = tf.repeat(tf.eye(50)[tf.newaxis], 40, axis=0)
    layer = learned_bags.LearnedBags(1, 50, dropout=0.5)
    known, first_rows = tf.ones([40, 50], tf.bool), tf.zeros([40, 1], tf.int32)
    bag = layer(rows, known, first_rows, seed=tf.constant([1, 1])).numpy()[:, 0]
    assert np.mean(bag == 0) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(bag.sum(axis=1), 1.0, atol=1e-5)


def test_the_position_that_matters_is_found():
    rng = np.random.default_rng(0)
    rows = tf.constant(rng.normal(size=[256, 6, 1]), tf.float32)
    target = rows[:, 2]  # three watches before the last
    layer = learned_bags.LearnedBags(1, 6)
    optimizer = tf.keras.optimizers.legacy.Adam(0.3)
    known, first_rows = tf.ones([256, 6], tf.bool), tf.zeros([256, 1], tf.int32)
    for _ in range(60):
        with tf.GradientTape() as tape:
            error = layer(rows, known, first_rows)[:, 0] - target
            loss = tf.reduce_mean(tf.square(error))
        gradients = tape.gradient(loss, layer.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, layer.trainable_variables, strict=True)
        )
    assert int(tf.argmax(layer.logits[0])) == 3
    assert float(loss) < 0.05
