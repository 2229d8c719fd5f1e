"""Optimisers: of the tables and of the dense layers, joined by TFRS.

The cost of a step must not grow with the corpus. Adam updates the whole table in each
step; Adagrad and lazy Adam update only the rows of the batch.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from ytdnn.base import configs

_MOST_ROWS = 2  # of a table, for each row of the gradient, that are updated at once


class Adagrad(tf.keras.optimizers.legacy.Adagrad):
    """Adagrad for tables, by rows or by a pass over the table, whichever costs less.

    A row without a gradient stays as it is under Adagrad, so both give the same
    numbers, bit by bit. A sparse update costs about 0.35 µs a row here; a pass over a
    table with hardly more rows than the batch costs less. The choice is made when a
    step is compiled, and is the sparse update if the table's size is not static then:
    TensorFlow's optimiser does not accept a condition in the graph.
    """

    def _resource_apply_sparse_duplicate_indices(
        self, grad: tf.Tensor, handle: tf.Variable, indices: tf.Tensor, **kwargs: Any
    ) -> tf.Operation:
        """Updates the rows `indices`, which may repeat, by `grad [n, ...]`."""
        num_rows, size = handle.shape[0], indices.shape[0]
        if size is None or num_rows > _MOST_ROWS * size:
            return super()._resource_apply_sparse_duplicate_indices(
                grad, handle, indices, **kwargs
            )
        summed = tf.math.unsorted_segment_sum(grad, indices, num_rows)
        return self._resource_apply_dense(summed, handle, **kwargs)


class _Schedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Cosine decay to zero."""

    def __init__(self, peak: float, num_steps: int, first_step: int = 0) -> None:
        self.peak = peak
        self.num_steps = num_steps
        self.first_step = first_step

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step - self.first_step, tf.float32)
        done = tf.minimum(1.0, step / max(1, self.num_steps))
        return self.peak * 0.5 * (1.0 + tf.cos(done * 3.14159265))


def make(
    training: configs.TrainingConfig,
    num_steps: int,
    tables: Sequence[tf.Variable],
    dense: Sequence[tf.Variable],
    first_step: int = 0,
) -> tf.keras.optimizers.legacy.Optimizer:
    """Returns one optimiser: the configured ones for `tables`, Adam for `dense`.

    Its state is created here and not at the first step, so that a checkpoint can
    restore it, even for a training without remaining steps.

    Args:
      training: Settings of the learning rates.
      num_steps: Steps of the whole training, for the cosine schedule.
      tables: Embedding tables and other variables looked up by row.
      dense: Every other trainable variable.
      first_step: Number of steps before this training, if its state was carried over.
    """
    length = num_steps, first_step
    table_rate = _Schedule(training.table_learning_rate, *length)
    dense_rate = _Schedule(training.learning_rate, *length)
    pairs = []
    if tables:
        kind = training.table_optimizer
        pairs.append((_one(kind, table_rate, training), list(tables)))
    if dense:
        pairs.append((_one("adam", dense_rate, training), list(dense)))
    for optimizer, owned in pairs:
        optimizer._create_all_weights(owned)  # Keras has no public way
    return tfrs.experimental.optimizers.CompositeOptimizer(
        [(optimizer, lambda owned=owned: owned) for optimizer, owned in pairs]
    )


def _one(
    kind: str, rate: _Schedule, training: configs.TrainingConfig
) -> tf.keras.optimizers.legacy.Optimizer:
    if kind == "adagrad":
        return Adagrad(rate, initial_accumulator_value=training.table_accumulator)
    optimizer_class = tf.keras.optimizers.legacy.Adam
    if kind == "lazy_adam":
        from ytdnn.training import lazy_adam

        optimizer_class = lazy_adam.LazyAdam
    return optimizer_class(rate)


def times(
    gradient: tf.Tensor | tf.IndexedSlices, factor: tf.Tensor
) -> tf.Tensor | tf.IndexedSlices:
    """Returns a gradient times a scalar; a sparse gradient stays sparse."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient * factor
    values = gradient.values * factor
    return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
