import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import embeddings


class TestTable(contract.LayerContract):
    def make(self):
        return embeddings.EmbeddingTable(5, 3, name="table")

    def inputs(self):
        return (tf.constant([[1, 5], [0, 7]]),)


@pytest.mark.parametrize("unknown", [0, -1, 5, 10**6])
def test_what_is_not_in_the_table_is_the_zero_vector_even_after_training(unknown):
    table = embeddings.EmbeddingTable(4, 2)
    table.table.assign(tf.ones_like(table.table))
    found = table(tf.constant([unknown, 3, 4, 1]))
    np.testing.assert_array_equal(found, [[0, 0], [1, 1], [1, 1], [1, 1]])


@pytest.mark.parametrize("unknown", [0, -1, 5, 10**6])
def test_what_is_not_in_the_table_gets_no_gradient(unknown):
    table = embeddings.EmbeddingTable(4, 2)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(table(tf.constant([unknown, 3])))
    gradient = tf.convert_to_tensor(tape.gradient(total, table.table))
    np.testing.assert_array_equal(gradient[3], [1.0, 1.0])
    np.testing.assert_array_equal(np.delete(gradient, 3, axis=0), np.zeros([4, 2]))


def test_known_are_the_indices_of_its_rows():
    table = embeddings.EmbeddingTable(4, 2)
    found = table.known(tf.constant([[-1, 0, 1], [4, 5, 10**6]]))
    assert found.numpy().tolist() == [[False, False, True], [True, False, False]]


def test_a_table_without_rows_knows_nothing():
    table = embeddings.EmbeddingTable(0, 2)
    np.testing.assert_array_equal(table(tf.constant([0, 1])), np.zeros([2, 2]))


def test_parameter_count():
    table = embeddings.EmbeddingTable(4, 2)
    table(tf.constant([1]))
    assert table.count_params() == (4 + 1) * 2


class TestBagTable(contract.LayerContract):
    def make(self):
        return embeddings.BagTable(5, 3, name="bag_table")

    def inputs(self):
        return (tf.constant([[[1, 5, 0], [0, 7, 0]]]),)


def test_a_bag_is_the_mean_of_its_known_rows():
    table = embeddings.BagTable(3, 2)
    table.table.assign([[9, 9], [1, 2], [3, 4], [9, 9]])
    found = table(tf.constant([[[1, 2, 0, 7]], [[0, 0, 0, 0]], [[2, 2, 1, 0]]]))
    np.testing.assert_allclose(found, [[[2, 3]], [[0, 0]], [[7 / 3, 10 / 3]]])


def test_a_fixed_table_is_what_it_was_given():
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    known = np.array([False, True, False])
    table = embeddings.FixedTable(vectors, known)
    indices = tf.constant([[2, 1], [0, 1]])
    np.testing.assert_array_equal(table(indices), vectors[indices.numpy()])
    np.testing.assert_array_equal(table.known(indices), known[indices.numpy()])
    assert not table.trainable_variables


def _sharded():
    values = np.arange(10.0, dtype=np.float32).reshape(5, 2)
    variables = [
        tf.Variable(values[:3], name="table/part_0"),
        tf.Variable(values[3:], name="table/part_1"),
    ]
    return tf.__internal__.distribute.ShardedVariable(variables), values


def test_rows_of_a_sharded_table_are_those_of_the_whole_and_stay_sparse():
    sharded, values = _sharded()
    indices = tf.constant([[4, 0], [2, 3]])

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            found = embeddings.rows(sharded, indices)
            loss = tf.reduce_sum(found)
        return found, tape.gradient(loss, embeddings.parts(sharded))

    found, of_parts = gradients()
    np.testing.assert_array_equal(found, values[indices.numpy()])
    assert all(isinstance(each, tf.IndexedSlices) for each in of_parts)
    assert sorted(of_parts[0].indices.numpy()) == [0, 2]
    assert sorted(of_parts[1].indices.numpy()) == [0, 1]


def test_shards_of_a_table_count_as_one_variable():
    sharded, _ = _sharded()
    variables = [tf.Variable(0.0, name="a"), *sharded.variables, tf.Variable(0.0)]
    assert embeddings.numbered(variables) == [0, 1, 1, 2]


@pytest.mark.parametrize("bounds", [[0, 10], [0, 5, 10], [0, 3, 4, 9, 10]])
def test_shards_begin_with_the_rows_of_the_whole_table(monkeypatch, bounds):
    """Blocks of four rows, so that shards begin within one and span several."""
    monkeypatch.setattr(embeddings, "_BLOCK_ROWS", 4)
    tf.keras.utils.set_random_seed(3)
    draw = embeddings.RowsNormal(0.05)
    whole = draw([10, 2], tf.float32).numpy()
    shards = [
        draw(
            [10, 2],
            tf.float32,
            partition_shape=[stop - start, 2],
            partition_offset=(start, 0),
        )
        for start, stop in itertools.pairwise(bounds)
    ]
    np.testing.assert_array_equal(np.concatenate(shards), whole)
    assert len(np.unique(whole)) == whole.size


def test_a_tables_initial_values_have_its_deviation(monkeypatch):
    monkeypatch.setattr(embeddings, "_BLOCK_ROWS", 512)
    values = embeddings.EmbeddingTable(4_095, 16, stddev=0.3).table.numpy()
    assert values.shape == (4_096, 16)
    assert np.std(values) == pytest.approx(0.3, rel=0.02)  # 65,536 values: ± .003
    assert np.mean(values) == pytest.approx(0.0, abs=0.01)
