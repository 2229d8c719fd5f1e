"""Weighted logistic regression of expected watch time (PAPER §4.2).

A clicked impression weighs its watch time T_i in seconds, an unclicked one 1. Over N
impressions with k clicks the learned odds are `ΣT_i / (N - k)`. With E[T] = ΣT / N,
the expected watch time of an impression, and P = k / N its click probability, that is
exactly `E[T] / (1 - P)`: near E[T] where clicks are rare, above it where they are not.
"""

import tensorflow as tf

MAX_LOGIT = 80.0  # exp(80) is finite in float32


def click_weights(clicked: tf.Tensor, watch_seconds: tf.Tensor | None) -> tf.Tensor:
    """Returns the weight of each impression, `[...] float32`.

    Args:
      clicked: `[...] bool`.
      watch_seconds: `[...] float32`, or None where the log has no watch time: then
        every impression weighs 1.
    """
    ones = tf.ones_like(clicked, tf.float32)
    return ones if watch_seconds is None else tf.where(clicked, watch_seconds, ones)


def weighted_logistic_loss(
    labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """Returns the sum of weighted cross-entropies, a scalar float32.

    `Σ w_i · (log(1 + exp(z_i)) - y_i · z_i)`. Rows of weight 0 add nothing.

    Args:
      labels: `[...] bool`, clicked.
      logits: `[...] float32`.
      weights: `[...] float32`, of `click_weights`.

    >>> loss = weighted_logistic_loss(
    ...     tf.constant([True, False]), tf.constant([0.0, 0.0]), tf.constant([3.0, 1.0])
    ... )
    >>> round(float(loss), 3)
    2.773
    """
    targets = tf.cast(labels, tf.float32)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    return tf.reduce_sum(weights * losses)


def expected_watch_seconds(logits: tf.Tensor) -> tf.Tensor:
    """Returns `exp(logit)`, the odds served as the expected watch time in seconds.

    Exactly `E[T] / (1 - P)` (see the module). Without watch time in the log it is the
    odds of a click. Logits are cut at `MAX_LOGIT` so that the answer is finite.

    >>> expected_watch_seconds(tf.constant([0.0, 1000.0])).numpy() < float("inf")
    array([ True,  True])
    """
    return tf.exp(tf.minimum(logits, MAX_LOGIT))
