"""Vectorised operations on the rows of a matrix, for lists of videos."""

import tensorflow as tf


def contains(sets: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns whether each value is in its row's set, by bisection.

    Args:
      sets: `[batch, n] int32`.
      values: `[batch, k] int32`, not 0.

    Returns:
      `[batch, k] bool`.
    """
    ordered = tf.sort(tf.pad(sets, [[0, 0], [1, 0]]), axis=1)
    places = tf.searchsorted(ordered, values, side="left")
    places = tf.minimum(places, tf.shape(ordered)[1] - 1)
    return tf.equal(tf.gather(ordered, places, batch_dims=1), values)


def occurrence(values: tf.Tensor) -> tf.Tensor:
    """Returns the number of earlier occurrences in the row, `[batch, n] int32`.

    >>> occurrence(tf.constant([[7, 5, 7, 7]])).numpy()
    array([[0, 0, 1, 2]], dtype=int32)

    Args:
      values: `[batch, n] int32`.
    """
    order = tf.argsort(values, axis=1, stable=True)
    ordered = tf.gather(values, order, batch_dims=1)
    firsts = tf.searchsorted(ordered, ordered, side="left")
    numbers = tf.range(tf.shape(values)[1])[tf.newaxis, :] - firsts
    return tf.gather(numbers, tf.argsort(order, axis=1), batch_dims=1)


def totals(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the sum of the weights of each value in its row, `[batch, n] float32`.

    >>> totals(tf.constant([[7, 5, 7]]), tf.constant([[1.0, 2.0, 3.0]])).numpy()
    array([[4., 2., 4.]], dtype=float32)

    Args:
      values: `[batch, n] int32`.
      weights: `[batch, n] float32`.
    """
    order = tf.argsort(values, axis=1, stable=True)
    ordered = tf.gather(values, order, batch_dims=1)
    # Differences of running sums, which float32 would round to the size of the whole.
    running = tf.cast(tf.gather(weights, order, batch_dims=1), tf.float64)
    running = tf.pad(tf.cumsum(running, axis=1), [[0, 0], [1, 0]])
    ends, starts = (
        tf.gather(running, tf.searchsorted(ordered, ordered, side=side), batch_dims=1)
        for side in ("right", "left")
    )
    sums = tf.cast(ends - starts, tf.float32)
    return tf.gather(sums, tf.argsort(order, axis=1), batch_dims=1)


def closed_up(values: tf.Tensor, keep: tf.Tensor, length: int) -> tf.Tensor:
    """Moves the kept values of each row to its front, and pads with 0.

    >>> closed_up(tf.constant([[7, 5, 6]]), tf.constant([[True, False, True]]), 4)
    <tf.Tensor: shape=(1, 4), dtype=int32, numpy=array([[7, 6, 0, 0]], dtype=int32)>

    Args:
      values: `[batch, n]`.
      keep: `[batch, n] bool`.
      length: Length of the rows returned.
    """
    order = tf.argsort(tf.cast(~keep, tf.int32), axis=1, stable=True)[:, :length]
    kept = tf.gather(tf.where(keep, values, 0), order, batch_dims=1)
    padded = tf.pad(kept, [[0, 0], [0, length - tf.shape(kept)[1]]])
    return tf.ensure_shape(padded, [None, length])


def largest(counts: tf.Tensor) -> tf.Tensor:
    """Returns the largest of `[batch] int32`, at least 0."""
    return tf.maximum(tf.reduce_max(tf.concat([[0], counts], axis=0)), 0)
