import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.training import averages, optimizers

ROWS, DIM, DECAY = 5, 2, 0.7


def _train(kind, num_steps, sparse=True):
    """Returns the weights after each step, and the optimiser with its variables."""
    rng = np.random.default_rng(0)
    table = tf.Variable(rng.normal(size=[ROWS, DIM]), dtype=tf.float32, name="t/table")
    dense = tf.Variable(rng.normal(size=[3]), dtype=tf.float32)
    training = configs.TrainingConfig(
        table_optimizer=kind, ema_decay=DECAY, learning_rate=0.1
    )
    optimizer = optimizers.make(training, num_steps, [table], [dense])
    snapshots = []
    for _ in range(num_steps):
        gradient = tf.constant(rng.normal(size=[2, DIM]), tf.float32)
        rows = tf.constant(rng.choice(ROWS - 1, 2), tf.int64)  # the last: never seen
        slices = tf.IndexedSlices(gradient, rows, tf.constant([ROWS, DIM], tf.int64))
        of_table = slices if sparse else tf.convert_to_tensor(slices)
        optimizer.apply_gradients([(of_table, table), (tf.ones([3]), dense)])
        snapshots.append((table.numpy(), dense.numpy()))
    return snapshots, optimizer, [table, dense]


@pytest.mark.parametrize("kind", ["adagrad", "lazy_adam", "adam"])
@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("num_steps", [1, 9])
def test_average_of_every_row_is_that_of_all_steps(kind, sparse, num_steps):
    snapshots, optimizer, variables = _train(kind, num_steps, sparse)
    weights = DECAY ** np.arange(num_steps)[::-1]
    with averages.applied(optimizer.optimizers, variables):
        lent = [variable.numpy() for variable in variables]
    for number, actual in enumerate(lent):
        values = [snapshot[number] for snapshot in snapshots]
        expected = np.average(values, axis=0, weights=weights)
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_the_weights_come_back():
    snapshots, optimizer, variables = _train("adagrad", 4)
    with averages.applied(optimizer.optimizers, variables):
        assert np.any(variables[0].numpy() != snapshots[-1][0])
    for variable, last in zip(variables, snapshots[-1], strict=True):
        np.testing.assert_array_equal(variable, last)
