"""Tables of given vectors, and of the averages of bags of rows."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.layers import embeddings


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


class BagTable(embeddings.EmbeddingTable):
    """The averages of bags of rows, zeros where no row of a bag is in the table.

    Only rows with a vector are gathered, so that padding costs nothing.
    """

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns `[..., dim] float32` for bags `indices [..., n]`."""
        bags = tf.reshape(indices, [-1, indices.shape[-1]])
        known = self.known(bags)
        num_bags = tf.shape(bags)[0]
        total = tf.math.unsorted_segment_sum(
            embeddings.rows(self.table, tf.boolean_mask(bags, known)),
            tf.where(known)[:, 0],
            num_bags,
        )
        count = tf.reduce_sum(tf.cast(known, tf.float32), axis=1, keepdims=True)
        means = tf.math.divide_no_nan(total, count)
        shape = tf.concat([tf.shape(indices)[:-1], [self.dim]], axis=0)
        return tf.ensure_shape(
            tf.reshape(means, shape), [*indices.shape[:-1], self.dim]
        )
