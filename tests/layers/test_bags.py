import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import bags

LENGTH, POSITIONS, DIM = 4, 3, 2
ROWS = LENGTH + POSITIONS - 1


def _slice(seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=[2, ROWS, DIM]).astype(np.float32)
    known = rng.random([2, ROWS]) < 0.8
    first_rows = np.array([[0, 0, 0], [2, 2, 5]], np.int32)
    return rows, known, first_rows


class TestHistoryBags(contract.LayerContract):
    def make(self):
        return bags.HistoryBags((1.0, 0.5), dropout=0.3, name="bags")

    def inputs(self):
        return tuple(tf.constant(values) for values in _slice())


def _oracle(rows, known, first_rows, rates):
    """Each position by itself, watch by watch."""
    result = np.zeros([2, POSITIONS, len(rates) * DIM], np.float32)
    for s in range(2):
        for t in range(POSITIONS):
            end = LENGTH + t
            inside = [
                j
                for j in range(max(end - LENGTH, first_rows[s, t]), end)
                if known[s, j]
            ]
            for b, rate in enumerate(rates):
                weights = [rate ** (end - 1 - j) for j in inside]
                if inside:
                    mean = np.average(rows[s, inside], axis=0, weights=weights)
                    result[s, t, b * DIM : (b + 1) * DIM] = mean
    return result


def test_bags_equal_the_averages_of_each_position_alone():
    rows, known, first_rows = _slice()
    layer = bags.HistoryBags((1.0, 0.5, 0.9))
    actual = layer(tf.constant(rows), tf.constant(known), tf.constant(first_rows))
    expected = _oracle(rows, known, first_rows, (1.0, 0.5, 0.9))
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_mean_by_hand():
    # One request of two watches, right-aligned behind two rows of padding:
    # mean (1 + 4) / 2 = 5/2; decay 1/2: (1·1/2 + 4·1) / (1/2 + 1) = 9/2 / (3/2) = 3.
    rows = tf.constant([[[9.0], [9.0], [1.0], [4.0]]])
    known = tf.constant([[True] * 4])
    actual = bags.HistoryBags((1.0, 0.5))(rows, known, tf.constant([[2]]))
    np.testing.assert_allclose(actual, [[[5 / 2, 3]]])


def test_an_empty_history_is_the_zero_vector():
    rows, known, _ = _slice()
    first_rows = tf.fill([2, POSITIONS], ROWS)
    layer = bags.HistoryBags((1.0, 0.5))
    actual = layer(tf.constant(rows), tf.constant(known), first_rows)
    np.testing.assert_array_equal(actual, np.zeros([2, POSITIONS, 2 * DIM]))


def test_rows_at_and_after_the_label_change_nothing():
    rows, known, first_rows = _slice()
    layer = bags.HistoryBags((1.0, 0.5))
    before = layer(tf.constant(rows), tf.constant(known), tf.constant(first_rows))
    rows[:, LENGTH:] = 77.0  # row LENGTH is the label of position 0
    after = layer(tf.constant(rows), tf.constant(known), tf.constant(first_rows))
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.any(before[:, 1] != after[:, 1])


def test_dropout_drops_rows_of_each_position_on_its_own():
    rows = tf.eye(50)[tf.newaxis]
    rows = tf.repeat(rows, 40, axis=0)
    layer = bags.HistoryBags(dropout=0.5)
    known = tf.ones([40, 50], tf.bool)
    first_rows = tf.zeros([40, 1], tf.int32)
    bag = layer(rows, known, first_rows, seed=tf.constant([1, 1])).numpy()[:, 0]
    assert np.mean(bag == 0) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(bag.sum(axis=1), 1.0, atol=1e-5)  # averages again
    assert not np.array_equal(bag[0], bag[1])


class TestLearnedBags(contract.LayerContract):
    def make(self):
        return bags.LearnedBags(2, LENGTH, dropout=0.3, name="learned")

    def inputs(self):
        return tuple(map(tf.constant, _slice()))


def test_the_logits_of_decay_rates_give_their_bags():
    layer = bags.LearnedBags(3, LENGTH)
    rates = np.array([1.0, 0.5, 0.9])
    layer.logits.assign(np.log(rates)[:, np.newaxis] * np.arange(LENGTH) + 7.0)
    expected = bags.HistoryBags((1.0, 0.5, 0.9))(*map(tf.constant, _slice()))
    np.testing.assert_allclose(layer(*map(tf.constant, _slice())), expected, atol=1e-6)


def test_learned_weights_by_hand():
    # One request of two watches, 1 then 4; the last but one weighs twice the last:
    # (2 · 1 + 1 · 4) / 3 = 2.
    layer = bags.LearnedBags(1, 4)
    layer.logits.assign(np.log([[1.0, 2.0, 50.0, 50.0]]))
    rows = tf.constant([[[9.0], [9.0], [1.0], [4.0]]])
    actual = layer(rows, tf.constant([[True] * 4]), tf.constant([[2]]))
    np.testing.assert_allclose(actual, [[[2.0]]], rtol=1e-6)


def test_learned_bags_of_an_empty_history_are_zero():
    rows, known, _ = map(tf.constant, _slice())
    actual = bags.LearnedBags(2, LENGTH)(rows, known, tf.fill([2, POSITIONS], ROWS))
    np.testing.assert_array_equal(actual, np.zeros([2, POSITIONS, 2 * DIM]))


def test_rows_after_the_label_change_no_learned_bag():
    rows, known, first_rows = map(tf.constant, _slice())
    layer = bags.LearnedBags(2, LENGTH)
    before = layer(rows, known, first_rows).numpy()
    changed = tf.concat([rows[:, :LENGTH], rows[:, LENGTH:] + 77.0], axis=1)
    after = layer(changed, known, first_rows).numpy()
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.any(before[:, 1] != after[:, 1])


def test_the_position_that_matters_is_found():
    rows = tf.constant(np.random.default_rng(0).normal(size=[256, 6, 1]), tf.float32)
    target = rows[:, 2]  # three watches before the last
    layer = bags.LearnedBags(1, 6)
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


def _tokens():
    return tf.constant([[[1.0], [2.0], [4.0], [8.0]]])


class TestTokenBag(contract.LayerContract):
    def make(self):
        return bags.TokenBag(dropout=0.3, name="token_bag")

    def inputs(self):
        known = tf.constant([[True, False, True, True]])
        return _tokens(), known, tf.constant([[0, 1]]), tf.constant([[2, 4]])


def test_means_of_ranges_by_hand():
    # Rows 1, 2, 4, 8, of which 2 is unknown. [0, 2): 1. [1, 4): (4 + 8) / 2 = 6.
    # [0, 4): (1 + 4 + 8) / 3 = 13/3. [1, 2), unknown alone, and [3, 3), empty: 0.
    known = tf.constant([[True, False, True, True]])
    first, end = tf.constant([[0, 1, 0, 1, 3]]), tf.constant([[2, 4, 4, 2, 3]])
    bag = bags.TokenBag()(_tokens(), known, first, end)
    np.testing.assert_allclose(bag[0, :, 0], [1, 6, 13 / 3, 0, 0])


def test_the_order_of_tokens_is_left_out():
    known = tf.ones([1, 4], tf.bool)
    first, end = tf.constant([[0]]), tf.constant([[4]])
    layer = bags.TokenBag()
    forwards = layer(_tokens(), known, first, end)
    np.testing.assert_allclose(forwards, layer(_tokens()[:, ::-1], known, first, end))


def test_no_tokens_at_all():
    none = tf.zeros([2, 0, 3])
    zeros = tf.zeros([2, 1], tf.int32)
    bag = bags.TokenBag()(none, tf.zeros([2, 0], tf.bool), zeros, zeros)
    np.testing.assert_array_equal(bag, np.zeros([2, 1, 3]))


def test_dropout_drops_tokens_of_each_position_on_its_own():
    rows = tf.eye(50)[tf.newaxis]
    known = tf.ones([1, 50], tf.bool)
    first, end = tf.zeros([1, 40], tf.int32), tf.fill([1, 40], 50)
    layer = bags.TokenBag(dropout=0.5)
    bag = layer(rows, known, first, end, seed=tf.constant([1, 1])).numpy()[0]
    assert np.mean(bag == 0) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(bag.sum(axis=1), 1.0, atol=1e-5)
    assert not np.array_equal(bag[0], bag[1])
