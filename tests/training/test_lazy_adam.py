import numpy as np
import tensorflow as tf

from ytdnn.training import lazy_adam

ROWS, DIM = 6, 3


def _steps(seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(12):
        rows = rng.choice(ROWS, size=3, replace=False)
        yield rows, rng.normal(size=[3, DIM]).astype(np.float32)


def _start():
    return np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM)


def test_a_row_moves_as_if_the_steps_that_saw_it_were_all():
    table = tf.Variable(_start())
    optimizer = lazy_adam.LazyAdam(0.1)
    alone = [tf.Variable(row) for row in _start()]
    adams = [tf.keras.optimizers.legacy.Adam(0.1) for _ in range(ROWS)]
    for rows, values in _steps():
        slices = tf.IndexedSlices(values, tf.constant(rows), tf.constant([ROWS, DIM]))
        optimizer.apply_gradients([(slices, table)])
        for row, value in zip(rows, values, strict=True):
            adams[row].apply_gradients([(tf.constant(value), alone[row])])
    np.testing.assert_allclose(table, np.stack(alone), rtol=1e-5)
    assert np.any(table.numpy() != _start())


def test_rows_that_repeat_are_one_gradient():
    tables = [tf.Variable(tf.zeros([ROWS])) for _ in range(2)]
    for table, rows, values in zip(
        tables, ([2, 2], [2]), ([1.0, 3.0], [4.0]), strict=True
    ):
        slices = tf.IndexedSlices(
            tf.constant(values), tf.constant(rows), tf.constant([ROWS])
        )
        lazy_adam.LazyAdam(0.1).apply_gradients([(slices, table)])
    np.testing.assert_array_equal(*tables)
    assert tables[0].numpy()[2] < 0


def test_a_dense_gradient_is_plain_adam():
    ours, plain = tf.Variable(_start()), tf.Variable(_start())
    gradient = tf.constant(
        np.random.default_rng(1).normal(size=[ROWS, DIM]), tf.float32
    )
    for optimizer, table in (
        (lazy_adam.LazyAdam(0.1), ours),
        (tf.keras.optimizers.legacy.Adam(0.1), plain),
    ):
        for _ in range(3):
            optimizer.apply_gradients([(gradient, table)])
    np.testing.assert_array_equal(ours, plain)
