"""The replica of a step that several replicas run together.

A single process scores [its labels, the negatives]. With several replicas each has
labels of its own, the same negatives, and possibly the other replicas' labels after its
own. `places` maps these columns to those of a single process, so that random draws for
columns are the same.
"""

from typing import Any

import tensorflow as tf

from ytdnn.layers import replica


class SyncedReplica(replica.OneReplica):
    """One of several replicas in sync; methods are those of `OneReplica`."""

    def __init__(self) -> None:
        """Reads the replica context, inside the step."""
        self._context = tf.distribute.get_replica_context()
        self.count = self._context.num_replicas_in_sync

    def total(self, values: Any) -> Any:
        """Returns the sum over replicas of a tensor, or of each tensor of a list."""
        return self._context.all_reduce(tf.distribute.ReduceOp.SUM, values)

    def mean(self, value: tf.Tensor) -> tf.Tensor:
        """Returns the mean of a scalar over replicas."""
        return self.total(value) / float(self.count)

    def gathered(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the values of all replicas, this one's first, `[all, ...]`."""
        shift = -self._context.replica_id_in_sync_group * tf.shape(values)[0]
        return tf.roll(self._context.all_gather(values, axis=0), shift, axis=0)

    def own(self, values: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """Returns the first `number` values, which belong to this replica."""
        return values[:number]

    def places(
        self,
        num_queries: tf.Tensor,
        num_labels: tf.Tensor,
        num_negatives: int | tf.Tensor,
    ) -> replica.Places:
        """Returns the places of [labels, negatives] among those of one process."""
        of_all = num_queries * self.count
        number = tf.cast(self._context.replica_id_in_sync_group, tf.int32)
        first = number * num_queries
        of_labels = tf.math.floormod(first + tf.range(num_labels), of_all)
        found = tf.concat([of_labels, of_all + tf.range(num_negatives)], axis=0)
        return found, of_all + num_negatives
