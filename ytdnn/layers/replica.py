"""The replica that a step is traced for, and whether its shapes must be static.

On one device nothing is exchanged. Several replicas in sync share a batch: each has
labels of its own, the same negatives, and possibly the other replicas' labels after its
own.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

Places = tuple[tf.Tensor | None, tf.Tensor | None]
"""`[columns] int32` and their number in one process; None of a single replica."""

_STATIC = contextvars.ContextVar("static_shapes_required", default=False)


def count() -> int:
    """Returns the number of replicas in sync."""
    return int(_context().num_replicas_in_sync)


def total(values: Any) -> Any:
    """Returns the sum over replicas of a tensor, or of each tensor of a list."""
    if count() == 1:
        return values
    return _context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def mean(value: tf.Tensor) -> tf.Tensor:
    """Returns the mean of a scalar over replicas."""
    return value if count() == 1 else total(value) / float(count())


def gathered(values: tf.Tensor) -> tf.Tensor:
    """Returns the values of all replicas, this one's first, `[all, ...]`.

    Args:
      values: `[n, ...]`, with the same n on each replica.
    """
    if count() == 1:
        return values
    shift = -_context().replica_id_in_sync_group * tf.shape(values)[0]
    return tf.roll(_context().all_gather(values, axis=0), shift, axis=0)


def own(values: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Returns the first `number` of gathered values, which belong to this replica."""
    # Of one replica a slice of everything is no copy, but its gradient is one.
    return values if count() == 1 else values[:number]


def places(
    num_queries: tf.Tensor, num_labels: tf.Tensor, num_negatives: int | tf.Tensor
) -> Places:
    """Returns the places of [labels, negatives] among those of one process.

    So random draws for columns are those of one process.

    Args:
      num_queries: Examples of this replica.
      num_labels: Number of labels among its columns, its own first; with in-batch
        negatives, the labels of all replicas.
      num_negatives: Number of sampled negatives, the same on all replicas.
    """
    if count() == 1:
        return None, None
    of_all = num_queries * count()
    first = tf.cast(_context().replica_id_in_sync_group, tf.int32) * num_queries
    of_labels = tf.math.floormod(first + tf.range(num_labels), of_all)
    found = tf.concat([of_labels, of_all + tf.range(num_negatives)], axis=0)
    return found, of_all + num_negatives


def _context() -> tf.distribute.ReplicaContext:
    return tf.distribute.get_replica_context()


def has_static_shapes() -> bool:
    """Whether the graph being traced must have the same shapes in each step.

    XLA needs static shapes. Elsewhere a step with fewer rows costs less.
    """
    return _STATIC.get()


@contextlib.contextmanager
def static_shapes() -> Iterator[None]:
    """Context in which traced graphs must have static shapes."""
    token = _STATIC.set(True)
    try:
        yield
    finally:
        _STATIC.reset(token)
