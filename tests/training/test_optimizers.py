import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.training import optimizers


def _train_one_row(kind):
    table, dense = tf.Variable(tf.ones([5, 2])), tf.Variable(tf.ones([2]))
    training = configs.TrainingConfig(table_optimizer=kind, learning_rate=0.1)
    optimizer = optimizers.make(training, 10, [table], [dense])
    rows = tf.IndexedSlices(tf.ones([1, 2]), tf.constant([3]), tf.constant([5, 2]))
    for gradient in (rows, rows):
        optimizer.apply_gradients([(gradient, table), (tf.ones([2]), dense)])
    return table.numpy(), dense.numpy()


@pytest.mark.parametrize("kind", ["adagrad", "lazy_adam", "adam"])
def test_only_rows_seen_change(kind):
    table, dense = _train_one_row(kind)
    assert np.any(table != 1.0, axis=1).tolist() == [False, False, False, True, False]
    assert np.all(dense < 1.0)


def test_each_optimizer_moves_its_own_variables():
    adagrad, dense = _train_one_row("adagrad")
    adam, same = _train_one_row("adam")
    np.testing.assert_array_equal(dense, same)
    assert np.any(adagrad != adam)


def test_the_schedule_decays_to_zero():
    schedule = optimizers._Schedule(2.0, 100)
    assert float(schedule(tf.constant(0))) == pytest.approx(2.0, rel=1e-3)
    assert float(schedule(tf.constant(50))) == pytest.approx(1.0, rel=1e-3)
    assert float(schedule(tf.constant(100))) == pytest.approx(0.0, abs=1e-6)
    # One that goes on after 500 steps begins anew.
    later = optimizers._Schedule(2.0, 100, 500)
    assert float(later(tf.constant(550))) == float(schedule(tf.constant(50)))


def test_the_rows_of_a_gradient_are_multiplied():
    rows = tf.IndexedSlices(tf.ones([2, 2]), tf.constant([3, 3]), tf.constant([5, 2]))
    factor = tf.constant(4.0)
    np.testing.assert_array_equal(
        tf.convert_to_tensor(optimizers.times(rows, factor))[3], [8.0, 8.0]
    )
    np.testing.assert_array_equal(optimizers.times(tf.ones([2]), factor), [4.0, 4.0])


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

    class Watched(optimizers.Adagrad):
        def _resource_apply_dense(self, grad, *arguments, **kwargs):
            tf.py_function(lambda: dense.append(1), [], [])
            return super()._resource_apply_dense(grad, *arguments, **kwargs)

    found, expected = (
        _trained(kind(0.3), num_rows, 8, is_compiled) for kind in (Watched, plain)
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(dense) == (9 if is_small else 0)


ROWS = 6


def _lazy_steps(seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(12):
        rows = rng.choice(ROWS, size=3, replace=False)
        yield rows, rng.normal(size=[3, DIM]).astype(np.float32)


def _start():
    return np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM)


def test_a_row_moves_as_if_the_steps_that_saw_it_were_all():
    table = tf.Variable(_start())
    optimizer = optimizers.LazyAdam(0.1)
    alone = [tf.Variable(row) for row in _start()]
    adams = [tf.keras.optimizers.legacy.Adam(0.1) for _ in range(ROWS)]
    for rows, values in _lazy_steps():
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
        optimizers.LazyAdam(0.1).apply_gradients([(slices, table)])
    np.testing.assert_array_equal(*tables)
    assert tables[0].numpy()[2] < 0


def test_a_dense_gradient_is_plain_adam():
    ours, plain = tf.Variable(_start()), tf.Variable(_start())
    gradient = tf.constant(
        np.random.default_rng(1).normal(size=[ROWS, DIM]), tf.float32
    )
    for optimizer, table in (
        (optimizers.LazyAdam(0.1), ours),
        (tf.keras.optimizers.legacy.Adam(0.1), plain),
    ):
        for _ in range(3):
            optimizer.apply_gradients([(gradient, table)])
    np.testing.assert_array_equal(ours, plain)
