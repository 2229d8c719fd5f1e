import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.training import optimizers


def _train_one_row(kind):
    table, dense = tf.Variable(tf.ones([5, 2])), tf.Variable(tf.ones([2]))
    training = configs.TrainingConfig(
        table_optimizer=kind, schedule="constant", learning_rate=0.1
    )
    optimizer = optimizers.make(training, 10, [table], [dense])
    rows = tf.IndexedSlices(tf.ones([1, 2]), tf.constant([3]), tf.constant([5, 2]))
    for gradient in (rows, rows):
        optimizer.apply_gradients([(gradient, table), (tf.ones([2]), dense)])
    return table.numpy(), dense.numpy()


@pytest.mark.parametrize("kind", ["adagrad", "lazy_adam", "adam"])
def test_only_rows_seen_change(kind):
    table, dense = _train_one_row(kind)
    changed = np.any(table != 1.0, axis=1)
    assert changed.tolist() == [False, False, False, True, False]
    assert np.all(dense < 1.0)


def test_each_optimizer_moves_its_own_variables():
    adagrad, dense = _train_one_row("adagrad")
    adam, same = _train_one_row("adam")
    np.testing.assert_array_equal(dense, same)
    assert np.any(adagrad != adam)


def test_the_schedule_decays_to_zero():
    training = configs.TrainingConfig(schedule="cosine")
    schedule = optimizers._Schedule(2.0, training, 100)
    assert float(schedule(tf.constant(0))) == pytest.approx(2.0, rel=1e-3)
    assert float(schedule(tf.constant(50))) == pytest.approx(1.0, rel=1e-3)
    assert float(schedule(tf.constant(100))) == pytest.approx(0.0, abs=1e-6)
    # One that goes on after 500 steps begins anew.
    later = optimizers._Schedule(2.0, training, 100, 500)
    assert float(later(tf.constant(550))) == float(schedule(tf.constant(50)))


def test_clipping_counts_repeated_rows_together():
    # Row 1 twice with (3, 4)/2 each: the true gradient is (3, 4), of norm 5.
    half = tf.constant([[1.5, 2.0], [1.5, 2.0]])
    rows = tf.IndexedSlices(half, tf.constant([1, 1]), tf.constant([4, 2]))
    (clipped,) = optimizers.clip([rows], 1.0)
    dense = tf.convert_to_tensor(clipped).numpy()
    np.testing.assert_allclose(dense[1], [3 / 5, 4 / 5], rtol=1e-5)
    assert np.linalg.norm(dense) == pytest.approx(1.0, rel=1e-5)


def test_no_clipping_leaves_gradients_alone():
    gradient = tf.constant([300.0])
    assert optimizers.clip([gradient], 0.0)[0] is gradient


def test_clipping_leaves_small_gradients_and_scales_large_ones_together():
    gradients = [tf.constant([3.0]), tf.constant([0.0, 4.0])]  # of norm 5
    for norm, expected in ((10.0, [3, 0, 4]), (1.0, [3 / 5, 0, 4 / 5])):
        clipped = tf.concat(optimizers.clip(gradients, norm), axis=0)
        np.testing.assert_allclose(clipped, expected, rtol=1e-6)


def test_the_rows_of_a_gradient_are_multiplied():
    rows = tf.IndexedSlices(tf.ones([2, 2]), tf.constant([3, 3]), tf.constant([5, 2]))
    factor = tf.constant(4.0)
    np.testing.assert_array_equal(
        tf.convert_to_tensor(optimizers.times(rows, factor))[3], [8.0, 8.0]
    )
    np.testing.assert_array_equal(optimizers.times(tf.ones([2]), factor), [4.0, 4.0])
