"""Sorting the rows of matrices, and bisection in them, in one to four operations.

`tf.sort`, `tf.argsort` and `tf.searchsorted` take tensors of any rank and axis, for
which each of them executes about ten operations. An answer, whose time is that of its
many small operations, sorts and bisects forty times.
"""

import tensorflow as tf


def rising(values: tf.Tensor) -> tf.Tensor:
    """Returns the values of each row in rising order, `[batch, n]`.

    >>> rising(tf.constant([[5, -7, 6]])).numpy()
    array([[-7,  5,  6]], dtype=int32)

    Args:
      values: `[batch, n]` integers.
    """
    return tf.bitwise.invert(falling(tf.bitwise.invert(values))[0])


def rising_places(values: tf.Tensor) -> tf.Tensor:
    """Returns the columns of each row by rising value, `[batch, n] int32`.

    Args:
      values: `[batch, n]` integers; equal ones keep their places.
    """
    return falling(tf.bitwise.invert(values))[1]


def falling(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the values of each row in falling order, and their columns.

    >>> falling(tf.constant([[5.0, 7.0, 5.0]]))[1].numpy()
    array([[1, 0, 2]], dtype=int32)

    Args:
      values: `[batch, n]` numbers; equal ones keep their places.

    Returns:
      `[batch, n]` and `[batch, n] int32`.
    """
    size = values.shape[1]
    ordered, places = tf.math.top_k(
        values, tf.shape(values)[1] if size is None else size
    )
    return ordered, places


def num_below(ordered: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns how many numbers of a row are below each value, `[batch, m] int32`.

    >>> num_below(tf.constant([[1, 3, 3, 5]]), tf.constant([[3, 9]])).numpy()
    array([[1, 4]], dtype=int32)

    Args:
      ordered: `[batch, n]`, rising.
      values: `[batch, m]` of the same type.
    """
    return tf.raw_ops.LowerBound(
        sorted_inputs=ordered, values=values, out_type=tf.int32
    )


def num_up_to(ordered: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns how many numbers of a row are not above each value, `[batch, m] int32`.

    >>> num_up_to(tf.constant([[1, 3, 3, 5]]), tf.constant([[3, 9]])).numpy()
    array([[3, 4]], dtype=int32)

    Args:
      ordered: `[batch, n]`, rising.
      values: `[batch, m]` of the same type.
    """
    return tf.raw_ops.UpperBound(
        sorted_inputs=ordered, values=values, out_type=tf.int32
    )
