"""Optimisers: one for the tables, one for the dense layers, joined by TFRS.

The cost of a step must not grow with the corpus. Adam passes over the whole table
each step; Adagrad touches only the rows the step has seen (DESIGN §5).
"""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_recommenders as tfrs

from ytdnn import configs


class _Schedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then constant or cosine decay to zero."""

    def __init__(self, peak: float, training: configs.Training, num_steps: int):
        self.peak = peak
        self.training = training
        self.num_steps = num_steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        warmup = tf.minimum(1.0, (step + 1.0) / (self.training.warmup_steps + 1.0))
        if self.training.schedule == "constant":
            return self.peak * warmup
        done = tf.minimum(1.0, step / max(1, self.num_steps))
        return self.peak * warmup * 0.5 * (1.0 + tf.cos(done * 3.14159265))

    def get_config(self) -> dict[str, float]:
        """Returns the peak and the length."""
        return {"peak": self.peak, "num_steps": self.num_steps}


def make(
    training: configs.Training,
    num_steps: int,
    tables: Sequence[tf.Variable],
    dense: Sequence[tf.Variable],
) -> tf.keras.optimizers.legacy.Optimizer:
    """Returns one optimiser: `table_optimizer` for `tables`, Adam for `dense`.

    Args:
      training: Rates and schedule.
      num_steps: Steps of the whole training, for the cosine schedule.
      tables: Embedding tables and other variables looked up by row.
      dense: Every other trainable variable.
    """
    table_rate = _Schedule(training.table_learning_rate, training, num_steps)
    dense_rate = _Schedule(training.learning_rate, training, num_steps)
    if training.table_optimizer == "adagrad":
        for_tables = tf.keras.optimizers.legacy.Adagrad(
            table_rate, initial_accumulator_value=training.table_accumulator
        )
    else:
        for_tables = tf.keras.optimizers.legacy.Adam(table_rate)
    pairs = [(for_tables, lambda: list(tables))]
    if dense:
        for_dense = tf.keras.optimizers.legacy.Adam(dense_rate)
        pairs.append((for_dense, lambda: list(dense)))
    return tfrs.experimental.optimizers.CompositeOptimizer(pairs)


def clip(
    gradients: Sequence[tf.Tensor | tf.IndexedSlices], norm: float
) -> list[tf.Tensor | tf.IndexedSlices]:
    """Clips gradients to a global norm, rows of a table that repeat counted once.

    `tf.clip_by_global_norm` squares each of an IndexedSlices' rows by itself, so
    rows that repeat are summed first.

    Args:
      gradients: One for each variable.
      norm: Greatest global norm; 0 leaves the gradients as they are.
    """
    if norm <= 0.0:
        return list(gradients)
    clipped, _ = tf.clip_by_global_norm([merge_rows(g) for g in gradients], norm)
    return clipped


def merge_rows(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor | tf.IndexedSlices:
    """Sums the rows of an IndexedSlices that have one index; else the identity."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    indices, positions = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(indices))
    return tf.IndexedSlices(values, indices, gradient.dense_shape)
