"""Adagrad for tables, by rows or by a pass over the whole table, whichever costs less.

A row without a gradient stays as it is under Adagrad, so both give the same numbers,
bit by bit. A sparse update (find the distinct rows of a batch, sum their gradients,
write each) costs about 0.35 µs a row here; a pass over a table with hardly more rows
than the batch costs less. The choice is made when a step is compiled, and is the sparse
update if the table's size is not static then: TensorFlow's optimiser does not accept a
condition in the graph.
"""

from typing import Any

import tensorflow as tf

_MOST_ROWS = 2  # of the table, for each row of the gradient


class Adagrad(tf.keras.optimizers.legacy.Adagrad):
    """Adagrad with dense updates of small tables in place of sparse ones."""

    def _resource_apply_sparse_duplicate_indices(
        self, grad: tf.Tensor, handle: tf.Variable, indices: tf.Tensor, **kwargs: Any
    ) -> tf.Operation:
        """Updates the rows `indices`, which may repeat, by `grad [n, ...]`."""
        num_rows, size = handle.shape[0], indices.shape[0]
        if size is None or num_rows > _MOST_ROWS * size:
            return super()._resource_apply_sparse_duplicate_indices(
                grad, handle, indices, **kwargs
            )
        summed = tf.math.unsorted_segment_sum(grad, indices, num_rows)
        return self._resource_apply_dense(summed, handle, **kwargs)
