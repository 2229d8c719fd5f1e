"""The logarithm of a softmax's sum, with its gradient written out.

Apart from the products, the cost of a cross-entropy is that of passes over the matrix
of logits, so there are only four: the softmax, two maxima (the logarithm of the sum is
read off its largest value, which is 1 / Σ exp(logit − max)), and a cast.
"""

from collections.abc import Callable

import tensorflow as tf

from ytdnn.layers import randomness

NEVER = -1e9  # logit of what is no class


def log_total(logits: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Returns log Σ_j exp(logit_j) of each row, given its softmax."""
    largest = tf.reduce_max(probabilities, axis=1)
    return tf.reduce_max(logits, axis=1) - tf.math.log(largest)


def log_sum_exp(
    scores: tf.Tensor,
    offsets: tf.Tensor,
    mask: tf.Tensor | None = None,
    left_out: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns log Σ_j exp(scores_ij + offsets_j) of each row i.

    Its gradient is the softmax. The result of a row without counted columns is about
    `NEVER`.

    Args:
      scores: `[queries, columns]`, float32 or bfloat16.
      offsets: `[columns] float32`.
      mask: `[queries, columns] bool`, columns that count in each row; None: all.
      left_out: `[queries] int32`, one more column to leave out of each row; −1: none.
        It is free, while a mask costs passes over the logits.

    Returns:
      `[queries] float32`.
    """

    @tf.custom_gradient
    def total(
        scores: tf.Tensor, offsets: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
        logits = tf.cast(scores, tf.float32) + offsets
        if mask is not None:
            logits = tf.where(mask, logits, NEVER)
        if left_out is not None:
            logits = _without(logits, left_out)
        probabilities = tf.nn.softmax(logits)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_offsets = tf.linalg.matvec(probabilities, upstream, transpose_a=True)
            error = probabilities * upstream[:, tf.newaxis]
            return tf.cast(error, scores.dtype), of_offsets

        return log_total(logits, probabilities), gradient

    return total(scores, offsets)


def _without(logits: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns the logits, `NEVER` added to a column of each row; −1: to none."""
    rows = tf.range(tf.size(columns))
    if not randomness.has_static_shapes():  # a place costs as much as a column's logits
        rows = tf.boolean_mask(rows, columns >= 0)
        columns = tf.gather(columns, rows)
    places = tf.stack([rows, tf.maximum(columns, 0)], axis=1)
    values = tf.where(columns >= 0, NEVER, 0.0)
    return tf.tensor_scatter_nd_add(logits, places, values)  # in place
