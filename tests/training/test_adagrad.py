import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.training import adagrad, averages, optimizers

DIM = 3


def _steps(num_rows, size):
    rng = np.random.default_rng(0)
    for _ in range(9):
        rows = tf.constant(rng.integers(0, num_rows, size), tf.int32)
        values = tf.constant(rng.normal(size=[size, DIM]), tf.float32)
        yield tf.IndexedSlices(values, rows, tf.constant([num_rows, DIM]))


def _trained(optimizer, num_rows, size, is_compiled):
    table = tf.Variable(tf.ones([num_rows, DIM]))

    def step(gradient):
        optimizer.apply_gradients([(gradient, table)])

    optimizer._create_all_weights([table])
    run = tf.function(step) if is_compiled else step
    for gradient in _steps(num_rows, size):
        run(gradient)
    return table.numpy(), optimizer.get_slot(table, "accumulator").numpy()


@pytest.mark.parametrize("is_compiled", [False, True])
@pytest.mark.parametrize(("num_rows", "is_small"), [(9, True), (16, True), (17, False)])
def test_numbers_are_those_of_plain_adagrad(num_rows, is_small, is_compiled):
    dense = []
    plain = tf.keras.optimizers.legacy.Adagrad

    class Watched(adagrad.Adagrad):
        def _resource_apply_dense(self, grad, *arguments, **kwargs):
            tf.py_function(lambda: dense.append(1), [], [])
            return super()._resource_apply_dense(grad, *arguments, **kwargs)

    found, expected = (
        _trained(kind(0.3), num_rows, 8, is_compiled) for kind in (Watched, plain)
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(dense) == (9 if is_small else 0)


def test_averages_of_a_small_table_are_kept_by_rows():
    training = configs.TrainingConfig(ema_decay=0.5, schedule="constant")
    table, snapshots = tf.Variable(tf.ones([9, DIM])), []
    optimizer = optimizers.make(training, 9, [table], [])
    for gradient in _steps(9, 8):
        optimizer.apply_gradients([(gradient, table)])
        snapshots.append(table.numpy())
    weights = 0.5 ** np.arange(len(snapshots))[::-1]
    with averages.applied(optimizer.optimizers, [table], 0.5):
        average = table.numpy()
    expected = np.average(snapshots, axis=0, weights=weights)
    np.testing.assert_allclose(average, expected, rtol=1e-5)
