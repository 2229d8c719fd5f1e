"""The columns of a replica among those of all replicas.

One process scores [its labels, the negatives]. With several replicas each has labels of
its own, the same negatives, and possibly the other replicas' labels after its own. The
places give the columns of the one process that these are, so that random draws for
columns are the same.
"""

import tensorflow as tf

Places = tuple[tf.Tensor | None, tf.Tensor | None]
"""`[columns] int32` and their number in one process; None of a single replica."""


def gathered(values: tf.Tensor) -> tf.Tensor:
    """Returns the values of all replicas, this one's first.

    Args:
      values: `[n, ...]`, as many of each replica.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    shift = -context.replica_id_in_sync_group * tf.shape(values)[0]
    return tf.roll(context.all_gather(values, axis=0), shift, axis=0)


def own(values: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Returns this replica's part of values that may be those of all replicas.

    Args:
      values: `[n, ...]`, as from `gathered`.
      number: Number of this replica's values.
    """
    context = tf.distribute.get_replica_context()
    # A slice of everything is no copy, but its gradient is one.
    return values if context.num_replicas_in_sync == 1 else values[:number]


def mean(value: tf.Tensor) -> tf.Tensor:
    """Returns the mean of a scalar over replicas."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return value
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, value)
    return total / float(context.num_replicas_in_sync)


def places(
    num_queries: tf.Tensor, num_labels: tf.Tensor, num_negatives: int | tf.Tensor
) -> Places:
    """Returns the places of [labels, negatives].

    Args:
      num_queries: Examples of this replica.
      num_labels: Labels among its columns, its own first: those, or all replicas'.
      num_negatives: Sampled ones, of all replicas the same.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    if replicas == 1:
        return None, None
    of_all = num_queries * replicas
    first = tf.cast(context.replica_id_in_sync_group, tf.int32) * num_queries
    of_labels = tf.math.floormod(first + tf.range(num_labels), of_all)
    found = tf.concat([of_labels, of_all + tf.range(num_negatives)], axis=0)
    return found, of_all + num_negatives
