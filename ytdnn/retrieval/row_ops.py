"""Vectorised operations on the rows of a matrix, for lists of videos."""

from collections.abc import Callable

import tensorflow as tf

from ytdnn.log import row_sorting


def best_first(order: tf.Tensor) -> tf.Tensor:
    """Returns the columns of each row by falling order, `[batch, n] int32`.

    Args:
      order: `[batch, n]`, higher is better; ties keep their places.
    """
    return row_sorting.falling(order)[1]


def ranks(order: tf.Tensor) -> tf.Tensor:
    """Returns the place of each value in its row's order, from 0, `[batch, n] int32`.

    >>> ranks(tf.constant([[2.0, 3.0, 2.0]])).numpy()
    array([[1, 0, 2]], dtype=int32)

    Args:
      order: See `best_first`.
    """
    return row_sorting.rising_places(best_first(order))


def put_back(values: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns values in the order that they were gathered from.

    >>> columns = tf.constant([[2, 0, 1]])
    >>> put_back(tf.gather([[5, 6, 7]], columns, batch_dims=1), columns).numpy()
    array([[5, 6, 7]], dtype=int32)

    Args:
      values: `[batch, n]`.
      columns: `[batch, n] int32` the column that each was gathered from.
    """
    return tf.gather(values, row_sorting.rising_places(columns), batch_dims=1)


def contains(sets: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns whether each value is in its row's set, by bisection.

    Args:
      sets: `[batch, n] int32`.
      values: `[batch, k] int32`, not 0.

    Returns:
      `[batch, k] bool`.
    """
    ordered = row_sorting.rising(tf.pad(sets, [[0, 0], [1, 0]]))
    places = row_sorting.num_below(ordered, values)
    places = tf.minimum(places, tf.shape(ordered)[1] - 1)
    return tf.equal(tf.gather(ordered, places, batch_dims=1), values)


def occurrence(values: tf.Tensor) -> tf.Tensor:
    """Returns the number of earlier occurrences in the row, `[batch, n] int32`.

    >>> occurrence(tf.constant([[7, 5, 7, 7]])).numpy()
    array([[0, 0, 1, 2]], dtype=int32)

    Args:
      values: `[batch, n] int32`.
    """
    return Occurrences(values)()


class Occurrences:
    """Counts the earlier occurrences of values among some columns of their row.

    >>> count = Occurrences(tf.constant([[7, 5, 7, 7]]))
    >>> count(tf.constant([[True, True, False, True]])).numpy()
    array([[0, 0, 1, 1]], dtype=int32)
    """

    def __init__(self, values: tf.Tensor) -> None:
        """Sorts the values, `[batch, n] int32`."""
        self._order = row_sorting.rising_places(values)
        self._back = row_sorting.rising_places(self._order)
        ordered = tf.gather(values, self._order, batch_dims=1)
        self._firsts = row_sorting.num_below(ordered, ordered)

    def __call__(self, counted: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the number before each column, `[batch, n] int32`.

        Args:
          counted: `[batch, n] bool`, the columns that count; None: all.
        """
        if counted is None:
            numbers = tf.range(tf.shape(self._firsts)[1])[tf.newaxis, :] - self._firsts
        else:
            ones = tf.gather(tf.cast(counted, tf.int32), self._order, batch_dims=1)
            running = tf.cumsum(ones, axis=1, exclusive=True)
            numbers = running - tf.gather(running, self._firsts, batch_dims=1)
        return tf.gather(numbers, self._back, batch_dims=1)


def totals(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the sum of the weights of each value in its row, `[batch, n] float32`.

    >>> totals(tf.constant([[7, 5, 7]]), tf.constant([[1.0, 2.0, 3.0]])).numpy()
    array([[4., 2., 4.]], dtype=float32)

    Args:
      values: `[batch, n] int32`.
      weights: `[batch, n] float32`.
    """
    order = row_sorting.rising_places(values)
    ordered = tf.gather(values, order, batch_dims=1)
    # Differences of running sums, which float32 would round to the size of the whole.
    running = tf.cast(tf.gather(weights, order, batch_dims=1), tf.float64)
    running = tf.pad(tf.cumsum(running, axis=1), [[0, 0], [1, 0]])
    ends, starts = (
        tf.gather(running, find(ordered, ordered), batch_dims=1)
        for find in (row_sorting.num_up_to, row_sorting.num_below)
    )
    return put_back(tf.cast(ends - starts, tf.float32), order)


def first_places(
    values: tf.Tensor,
    length: int,
    holds: Callable[[tf.Tensor], tf.Tensor],
    excluded: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns the columns of values that are held, of equal ones the first.

    >>> videos = tf.constant([[7, 0, 5, 7, 6]])
    >>> first_places(videos, 3, lambda values: values > 5).numpy()
    array([[0, 4, 5]], dtype=int32)

    Args:
      values: `[batch, n] int32`, not negative.
      length: Number of columns returned, of each row.
      holds: Returns whether values `[batch, m]` of the rows are held, in any order.
      excluded: `[batch, m] int32` values of each row that are not held; None: none.

    Returns:
      `[batch, length] int32`, rising; n where there are fewer (see `taken`).
    """
    every, num_excluded = values, tf.constant(0)
    if excluded is not None:
        every, num_excluded = tf.concat([excluded, values], 1), tf.shape(excluded)[1]
    size = tf.cast(tf.shape(every)[1], tf.int64)
    # Values and their places in one number: sorted once, equal ones are neighbours.
    keys = tf.cast(every, tf.int64) * size + tf.range(size)
    keys = row_sorting.rising(keys)
    ordered = keys // size
    places = tf.cast(keys - ordered * size, tf.int32) - num_excluded
    ordered = tf.cast(ordered, tf.int32)
    before = tf.pad(ordered, [[0, 0], [1, 0]], constant_values=-1)[:, :-1]
    kept = (ordered != before) & (places >= 0) & holds(ordered)
    none = tf.shape(values)[1]
    first = row_sorting.rising(tf.where(kept, places, none))[:, :length]
    lacking = [[0, 0], [0, length - tf.shape(first)[1]]]
    first = tf.pad(first, lacking, constant_values=none)
    return tf.ensure_shape(first, [None, length])


def taken(values: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Returns values by `first_places`, 0 where there are fewer.

    Args:
      values: `[batch, n]`.
      places: `[batch, length] int32`.
    """
    return tf.gather(tf.pad(values, [[0, 0], [0, 1]]), places, batch_dims=1)


def largest(counts: tf.Tensor) -> tf.Tensor:
    """Returns the largest of `[batch] int32`, at least 0."""
    return tf.maximum(tf.reduce_max(tf.concat([[0], counts], axis=0)), 0)
