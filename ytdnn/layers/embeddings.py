"""Embedding tables in which what is not known is the zero vector (PAPER §4.1).

Index 0 stands for a missing value. An index beyond the table is of a value without an
embedding, such as a video of the catalogue that was not trained on.
"""

from typing import Any

import tensorflow as tf


class Table(tf.keras.layers.Layer):
    """A table of learned vectors; 0 and what lies beyond it look up the zero vector.

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
        known = self.known(indices)
        rows = tf.gather(self.table, tf.where(known, indices, tf.zeros_like(indices)))
        return rows * tf.cast(known, self.table.dtype)[..., tf.newaxis]

    def known(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns which indices have a row, `[...] bool`."""
        return (indices > 0) & (indices <= self.num_rows)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs to make the layer again."""
        sizes = {"num_rows": self.num_rows, "dim": self.dim, "stddev": self.stddev}
        return {**super().get_config(), **sizes}
