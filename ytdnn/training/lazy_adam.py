"""Adam for tables, which updates only the rows of the batch."""

from typing import Any

import tensorflow as tf

_COUNT = "count"


class LazyAdam(tf.keras.optimizers.legacy.Adam):
    """Adam with sparse updates that change only the gradient's rows.

    It counts the updates of each row: a row moves as plain Adam would move it if those
    were the only steps. (The lazy Adam of TensorFlow Addons corrects the bias by the
    global step instead, which makes the first moves of a rare row up to three times too
    long.)
    """

    def _create_slots(self, var_list: list[tf.Variable]) -> None:
        super()._create_slots(var_list)
        for variable in var_list:
            self.add_slot(variable, _COUNT, shape=variable.shape[:1])

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any
    ) -> tf.Operation:
        """Updates the rows `indices`, all different, by `grad [n, ...]`."""
        rates = apply_state[(var.device, var.dtype.base_dtype)]
        beta_1, beta_2 = rates["beta_1_t"], rates["beta_2_t"]
        of_rows = [-1, *[1] * (len(var.shape) - 1)]
        counts = tf.gather(self.get_slot(var, _COUNT), indices) + 1.0
        mean = tf.gather(self.get_slot(var, "m"), indices)
        mean = beta_1 * mean + (1.0 - beta_1) * grad
        square = tf.gather(self.get_slot(var, "v"), indices)
        square = beta_2 * square + (1.0 - beta_2) * tf.square(grad)
        unbias = tf.sqrt(1.0 - beta_2**counts) / (1.0 - beta_1**counts)
        rate = tf.reshape(rates["lr_t"] * unbias, of_rows)
        step = rate * mean / (tf.sqrt(square) + rates["epsilon"])
        return tf.group(
            set_rows(self.get_slot(var, _COUNT), indices, counts),
            set_rows(self.get_slot(var, "m"), indices, mean),
            set_rows(self.get_slot(var, "v"), indices, square),
            self._resource_scatter_add(var, indices, -step),
        )


def set_rows(
    variable: tf.Variable, indices: tf.Tensor, rows: tf.Tensor
) -> tf.Operation:
    """Overwrites rows of one replica's variable."""
    return tf.raw_ops.ResourceScatterUpdate(
        resource=variable.handle, indices=indices, updates=rows
    )
