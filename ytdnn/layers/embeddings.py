"""Embedding tables that look up the zero vector for unknown values (PAPER §4.1).

Index 0 stands for a missing value. An index beyond the table belongs to a value without
an embedding, such as a video of the catalogue that was not trained on.
"""

import contextlib
import contextvars
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_BLOCK_ROWS = 2**18  # of initial values drawn at once
_IS_DRAWN = contextvars.ContextVar("_IS_DRAWN", default=True)
_LATER_SHARD = re.compile(r"/part_[1-9]\d*(:\d+)?$")  # TensorFlow's names


def parts(table: Any) -> list[tf.Variable]:
    """Returns the variables of a table: itself, or its shards in order.

    Args:
      table: A variable, or a `ShardedVariable` as parameter servers keep it.
    """
    return list(table.variables) if _is_sharded(table) else [table]


def rows(table: Any, indices: tf.Tensor) -> tf.Tensor:
    """Returns rows of a table, sharded or not, `[..., *row]`; their gradient is sparse.

    Args:
      table: See `parts`.
      indices: `[...]` integers.
    """
    if _is_sharded(table):
        return tf.nn.embedding_lookup(parts(table), indices)
    return tf.gather(table, indices)


def numbered(variables: Sequence[tf.Variable]) -> list[int]:
    """Returns the number of each variable, counting the shards of a table as one.

    Args:
      variables: Variables as Keras lists them, the shards of a table in order.
    """
    is_later = [
        _LATER_SHARD.search(variable.name) is not None for variable in variables
    ]
    return [int(number) for number in np.cumsum(~np.array(is_later, bool)) - 1]


def _is_sharded(table: Any) -> bool:
    return getattr(table, "is_sharded_variable", False)


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    """Context in which tables have no values yet: they are read from a file next.

    Memory that was never written takes no pages, so that a large table is held once.
    """
    token = _IS_DRAWN.set(False)
    try:
        yield
    finally:
        _IS_DRAWN.reset(token)


class RowsNormal(tf.keras.initializers.Initializer):
    """Normal initial values of a table's rows, the same ones in shards as in one piece.

    They are drawn in blocks of rows, each from a seed of its own, so that a shard is
    made without the whole table.
    """

    def __init__(self, stddev: float) -> None:
        """Takes its seed from Keras's at the first call.

        Args:
          stddev: Standard deviation.
        """
        self._of_block = tf.keras.initializers.RandomNormal(stddev=stddev)

    def __call__(
        self,
        shape: Sequence[int],
        dtype: tf.DType | None = None,
        partition_shape: Sequence[int] | None = None,
        partition_offset: Sequence[int] | None = None,
    ) -> tf.Tensor:
        """Returns the values of a table `[n, *row]`, or of one shard of it.

        Args:
          shape: Shape of the whole table.
          dtype: Data type of the values.
          partition_shape: Shape of the shard; None: the whole table is returned.
          partition_offset: First row and column of the shard in the table.
        """
        whole = [int(size) for size in shape]
        first = int(partition_offset[0]) if partition_offset else 0
        stop = first + int(partition_shape[0]) if partition_shape else whole[0]
        if not _IS_DRAWN.get():
            shape = [stop - first, *whole[1:]]
            return tf.raw_ops.Empty(shape=shape, dtype=dtype or tf.float32)
        blocks = []
        for start in range(first // _BLOCK_ROWS * _BLOCK_ROWS, stop, _BLOCK_ROWS):
            rows = [min(_BLOCK_ROWS, whole[0] - start), *whole[1:]]
            # A place changes Keras's seed; an empty one leaves it as it is.
            place = (start,) if start else ()
            block = self._of_block(
                rows, dtype, partition_shape=rows, partition_offset=place
            )
            blocks.append(block[max(0, first - start) : stop - start])
        return tf.concat(blocks, axis=0)


class EmbeddingTable(tf.keras.layers.Layer):
    """A table of learned vectors; 0 and indices beyond it look up the zero vector.

    Attributes:
      num_rows: Size of the vocabulary; indices are 1 … num_rows.
      table: Variable `[num_rows + 1, dim] float32`. Row 0 is never read.
    """

    def __init__(
        self, num_rows: int, dim: int, stddev: float = 0.05, **kwargs: Any
    ) -> None:
        """Creates the layer.

        Args:
          num_rows: Size of the vocabulary; indices are 1 … num_rows.
          dim: Width of a vector.
          stddev: Standard deviation of the initial values.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.num_rows = num_rows
        self.dim = dim
        self.stddev = stddev
        self.table = self.add_weight(
            name=f"{self.name}/table",
            shape=[num_rows + 1, dim],
            initializer=RowsNormal(stddev),
        )

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for integer `indices [...]`."""
        known = self.known(indices)
        vectors = self.vectors(tf.where(known, indices, tf.constant(0, indices.dtype)))
        return vectors * tf.cast(known, self.table.dtype)[..., tf.newaxis]

    def known(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns whether each index has a vector, `[...] bool`."""
        return (indices > 0) & (indices <= self.num_rows)

    def vectors(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for known `indices [...]` and 0."""
        return rows(self.table, indices)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments of the layer, for `from_config`."""
        sizes = {"num_rows": self.num_rows, "dim": self.dim, "stddev": self.stddev}
        return {**super().get_config(), **sizes}


class FixedTable(tf.Module):
    """A table of given vectors, which are not trained.

    Attributes:
      table: Variable `[n, dim] float32`.
    """

    def __init__(
        self,
        vectors: npt.NDArray[np.float32],
        known: npt.NDArray[np.bool_],
        name: str | None = None,
    ) -> None:
        """Copies the vectors.

        Args:
          vectors: `[n, dim] float32`, zeros for unknown indices.
          known: `[n] bool`, whether each index has a vector.
          name: Name of the module.
        """
        super().__init__(name=name)
        self.table = tf.Variable(vectors, trainable=False, name=f"{self.name}/table")
        self._known = tf.Variable(known, trainable=False, name=f"{self.name}/known")

    def __call__(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for integer `indices [...]`."""
        return tf.gather(self.table, indices)

    def known(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns whether each index has a vector, `[...] bool`."""
        return tf.gather(self._known, indices)


class BagTable(EmbeddingTable):
    """The averages of bags of rows, zeros where no row of a bag is in the table.

    Only rows with a vector are gathered, so that padding costs nothing.
    """

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for bags `indices [..., n]`."""
        bags = tf.reshape(indices, [-1, indices.shape[-1]])
        known = self.known(bags)
        num_bags = tf.shape(bags)[0]
        total = tf.math.unsorted_segment_sum(
            rows(self.table, tf.boolean_mask(bags, known)),
            tf.where(known)[:, 0],
            num_bags,
        )
        count = tf.reduce_sum(tf.cast(known, tf.float32), axis=1, keepdims=True)
        means = tf.math.divide_no_nan(total, count)
        shape = tf.concat([tf.shape(indices)[:-1], [self.dim]], axis=0)
        return tf.ensure_shape(
            tf.reshape(means, shape), [*indices.shape[:-1], self.dim]
        )
