import numpy as np
import tensorflow as tf

from ytdnn.models.layers import embeddings, look_ups


def test_vectors_and_gradients_are_those_of_each_table_alone() -> None:
    tables = [embeddings.EmbeddingTable(rows, dim) for rows, dim in ((3, 2), (9, 4))]
    for table in tables:  # row 0 is never read, whatever it holds
        table.table.assign(table.table + 1.0)
    indices = [tf.constant([[0, 1], [3, 4]]), tf.constant([[9, -1], [10, 3]])]
    with tf.GradientTape() as tape:
        alone = [table(own) for table, own in zip(tables, indices, strict=True)]
        loss = sum(tf.reduce_sum(found**2) for found in alone)
    expected = tape.gradient(loss, [table.table for table in tables])
    with tf.GradientTape() as tape:
        found = look_ups.vectors(tables, indices)
        loss = sum(tf.reduce_sum(own**2) for own in found)
    gradients = tape.gradient(loss, [table.table for table in tables])
    for own, other in zip(found, alone, strict=True):
        np.testing.assert_array_equal(own, other)
    for own, other in zip(gradients, expected, strict=True):
        assert isinstance(own, tf.IndexedSlices)
        np.testing.assert_array_equal(*map(tf.convert_to_tensor, (own, other)))
