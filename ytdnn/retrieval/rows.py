"""Vectorised operations on the rows of a matrix, for lists of videos."""

import tensorflow as tf


def best_first(order: tf.Tensor) -> tf.Tensor:
    """Returns the columns of each row by falling order, `[batch, n] int32`.

    Args:
      order: `[batch, n]`, higher is better; ties keep their places.
    """
    return tf.argsort(order, axis=1, direction="DESCENDING", stable=True)


def ranks(order: tf.Tensor) -> tf.Tensor:
    """Returns the place of each value in its row's order, from 0, `[batch, n] int32`.

    >>> ranks(tf.constant([[2.0, 3.0, 2.0]])).numpy()
    array([[1, 0, 2]], dtype=int32)

    Args:
      order: See `best_first`.
    """
    return tf.argsort(best_first(order), axis=1)


def put_back(values: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns values in the order that they were gathered from.

    >>> columns = tf.constant([[2, 0, 1]])
    >>> put_back(tf.gather([[5, 6, 7]], columns, batch_dims=1), columns).numpy()
    array([[5, 6, 7]], dtype=int32)

    Args:
      values: `[batch, n]`.
      columns: `[batch, n] int32` the column that each was gathered from.
    """
    return tf.gather(values, tf.argsort(columns, axis=1), batch_dims=1)


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
    return put_back(numbers, order)


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
    return put_back(tf.cast(ends - starts, tf.float32), order)


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
