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
        return bags.HistoryBags(
            ("mean", "sum", "max"), (0.5,), dropout=0.3, name="bags"
        )

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
    layer = bags.HistoryBags(("mean",), (0.5, 0.9))
    actual = layer(tf.constant(rows), tf.constant(known), tf.constant(first_rows))
    expected = _oracle(rows, known, first_rows, (1.0, 0.5, 0.9))
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_mean_by_hand():
    # One request of two watches, right-aligned behind two rows of padding:
    # mean (1 + 4) / 2 = 5/2; decay 1/2: (1·1/2 + 4·1) / (1/2 + 1) = 9/2 / (3/2) = 3.
    rows = tf.constant([[[9.0], [9.0], [1.0], [4.0]]])
    known = tf.constant([[True] * 4])
    layer = bags.HistoryBags(("mean",), (0.5,))
    actual = layer(rows, known, tf.constant([[2]]))
    np.testing.assert_allclose(actual, [[[5 / 2, 3]]])


def test_an_empty_history_is_the_zero_vector():
    rows, known, _ = _slice()
    first_rows = tf.fill([2, POSITIONS], ROWS)
    layer = bags.HistoryBags(("mean",), (0.5,))
    actual = layer(tf.constant(rows), tf.constant(known), first_rows)
    np.testing.assert_array_equal(actual, np.zeros([2, POSITIONS, 2 * DIM]))


def test_rows_at_and_after_the_label_change_nothing():
    rows, known, first_rows = _slice()
    layer = bags.HistoryBags(("mean",), (0.5,))
    before = layer(tf.constant(rows), tf.constant(known), tf.constant(first_rows))
    rows[:, LENGTH:] = 77.0  # row LENGTH is the label of position 0
    after = layer(tf.constant(rows), tf.constant(known), tf.constant(first_rows))
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.any(before[:, 1] != after[:, 1])


def test_dropout_drops_rows_of_each_position_on_its_own():
    rows = tf.eye(50)[tf.newaxis]
    rows = tf.repeat(rows, 40, axis=0)
    layer = bags.HistoryBags(("mean",), (), dropout=0.5)
    known = tf.ones([40, 50], tf.bool)
    first_rows = tf.zeros([40, 1], tf.int32)
    bag = layer(rows, known, first_rows, seed=tf.constant([1, 1])).numpy()[:, 0]
    assert np.mean(bag == 0) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(bag.sum(axis=1), 1.0, atol=1e-5)  # averages again
    assert not np.array_equal(bag[0], bag[1])


def test_sum_and_max_by_hand():
    # Two watches, (1, -3) and (4, -5), behind a foreign row:
    # sum (1 + 4, -3 - 5) = (5, -8); max (4, -3), the foreign 9 not in it.
    rows = tf.constant([[[9.0, 9.0], [1.0, -3.0], [4.0, -5.0]]])
    known = tf.constant([[True] * 3])
    layer = bags.HistoryBags(("sum", "max"))
    np.testing.assert_allclose(
        layer(rows, known, tf.constant([[1]])), [[[5, -8, 4, -3]]]
    )
    nothing = layer(rows, known, tf.constant([[3]]))
    np.testing.assert_array_equal(nothing, [[[0, 0, 0, 0]]])


def test_bags_stand_side_by_side_in_one_order():
    rows, known, first_rows = map(tf.constant, _slice())
    together = bags.HistoryBags(("max", "sum", "mean"), (0.5,))
    apart = [
        bags.HistoryBags(("sum",)),
        bags.HistoryBags(("mean",)),
        bags.HistoryBags((), (0.5,)),
        bags.HistoryBags(("max",)),
    ]
    expected = [layer(rows, known, first_rows) for layer in apart]
    actual = together(rows, known, first_rows)
    np.testing.assert_allclose(actual, np.concatenate(expected, axis=-1), atol=1e-6)


def test_a_sum_under_dropout_has_the_expectation_of_the_whole():
    rows = tf.ones([400, 50, 1])
    layer = bags.HistoryBags(("sum",), dropout=0.5)
    known = tf.ones([400, 50], tf.bool)
    sums = layer(rows, known, tf.zeros([400, 1], tf.int32), tf.constant([1, 1]))
    # Standard error of the mean: 50 · sqrt(0.5 · 0.5 / 50) / 0.5 / 20 = 0.18.
    assert np.mean(sums) == pytest.approx(50.0, abs=1.0)
