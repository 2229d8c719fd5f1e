"""Vectors of several embedding tables, looked up together.

A ranker pays for the number of its operations: each table alone takes nine, of several
tables most are shared.
"""

from collections.abc import Sequence

import tensorflow as tf

from ytdnn.models.layers import embeddings


def vectors(
    tables: Sequence[embeddings.EmbeddingTable], indices: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Returns the vectors of each table for its indices, computed at once.

    Args:
      tables: At least one.
      indices: `[...]` integers of each, all of one shape and type.

    Returns:
      `[..., dim] float32` of each, as the table itself returns them.
    """
    every = tf.stack(indices)
    sizes = tf.constant([table.num_rows for table in tables], every.dtype)
    sizes = tf.reshape(sizes, [-1] + [1] * (every.shape.rank - 1))
    known = (every > 0) & (every <= sizes)
    rows_known = tf.unstack(tf.where(known, every, 0))
    masks = tf.unstack(tf.cast(known, tf.float32)[..., tf.newaxis])
    return [
        table.vectors(own) * mask
        for table, own, mask in zip(tables, rows_known, masks, strict=True)
    ]
