"""The replica that a step is traced for, and whether its shapes must be static.

On one device nothing is exchanged. With several replicas, their strategy provides a
class in place of `OneReplica`.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ytdnn.base import registries

Places = tuple[tf.Tensor | None, tf.Tensor | None]
"""`[columns] int32` and their number in one process; None of a single replica."""

_IN_SYNC = "mirrored"  # the replicas of all strategies in sync are alike
_STATIC = contextvars.ContextVar("static_shapes_required", default=False)


class OneReplica:
    """The only replica of a step.

    Attributes:
      count: Number of replicas.
    """

    count = 1

    def total(self, values: Any) -> Any:
        """Returns the sum over replicas of a tensor, or of each tensor of a list."""
        return values

    def mean(self, value: tf.Tensor) -> tf.Tensor:
        """Returns the mean of a scalar over replicas."""
        return value

    def gathered(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the values of all replicas, this one's first.

        Args:
          values: `[n, ...]`, with the same n on each replica.
        """
        return values

    def own(self, values: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """Returns this replica's part of gathered values.

        Args:
          values: `[n, ...]` from `gathered`.
          number: Number of this replica's values.
        """
        del number  # a slice of everything is no copy, but its gradient is one
        return values

    def places(
        self,
        num_queries: tf.Tensor,
        num_labels: tf.Tensor,
        num_negatives: int | tf.Tensor,
    ) -> Places:
        """Returns the places of [labels, negatives] among those of one process.

        Args:
          num_queries: Examples of this replica.
          num_labels: Number of labels among its columns, its own first; with in-batch
            negatives, the labels of all replicas.
          num_negatives: Number of sampled negatives, the same on all replicas.
        """
        del num_queries, num_labels, num_negatives
        return None, None


def here() -> OneReplica:
    """Returns the replica of the step that is traced."""
    if tf.distribute.get_replica_context().num_replicas_in_sync == 1:
        return OneReplica()
    make = registries.STRATEGIES[_IN_SYNC].replica
    found: OneReplica = OneReplica() if make is None else make()
    return found


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
