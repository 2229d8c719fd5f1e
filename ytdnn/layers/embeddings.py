"""Embedding tables whose row 0 is the zero vector (PAPER §4.1).

Index 0 stands for a missing or out-of-vocabulary value everywhere.
"""

from typing import Any

import tensorflow as tf


class Table(tf.keras.layers.Layer):
    """A table of learned vectors; index 0 always looks up the zero vector.

    Attributes:
      table: Variable `[num_rows + 1, dim] float32`. Row 0 is never read.
    """

    def __init__(
        self, num_rows: int, dim: int, stddev: float = 0.05, **kwargs: Any
    ) -> None:
        """Creates the layer.

        Args:
          num_rows: Number of known values; their indices are 1 … num_rows.
          dim: Width of a vector.
          stddev: Standard deviation of the initial values.
          **kwargs: Of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.num_rows = num_rows
        self.dim = dim
        self.stddev = stddev
        self.table = self.add_weight(
            name=f"{self.name}/table",
            shape=[num_rows + 1, dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=stddev),
        )

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for integer `indices [...]`."""
        known = tf.cast(indices > 0, self.table.dtype)
        return tf.gather(self.table, indices) * known[..., tf.newaxis]

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs to make the layer again."""
        sizes = {"num_rows": self.num_rows, "dim": self.dim, "stddev": self.stddev}
        return {**super().get_config(), **sizes}
