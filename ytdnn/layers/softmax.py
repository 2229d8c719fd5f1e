"""Softmax cross-entropy over a whole table, with its gradient written out.

The gradient of the logits is softmax − label, so neither a second softmax nor a
one-hot matrix is needed, and a weight of an example enters through its query.
"""

from collections.abc import Callable

import tensorflow as tf

_NEVER = -1e9  # logit of the padding row 0


def table_cross_entropy(
    labels: tf.Tensor,
    queries: tf.Tensor,
    table: tf.Tensor,
    bias: tf.Tensor,
    smoothing: float = 0.0,
    precision: str = "float32",
) -> tf.Tensor:
    """Returns −Σ_j y_j log softmax(q·v_j + b_j) for each query.

    Args:
      labels: `[batch] int32`, rows of the table, 0 = no label (any loss: give such
        examples weight 0).
      queries: `[batch, dim] float32`.
      table: `[rows, dim] float32`; row 0 is padding and no class.
      bias: `[rows] float32`.
      smoothing: y is `1 − smoothing` on the label, the rest spread over all classes.
      precision: `bfloat16` makes the products of the gradient in bfloat16; logits
        and losses are always float32.

    Returns:
      `[batch] float32`.
    """
    dtype = tf.as_dtype(precision)
    num_classes = tf.cast(tf.shape(table)[0] - 1, tf.float32)
    class_mask = tf.concat([[0.0], tf.ones([tf.shape(table)[0] - 1])], axis=0)

    @tf.custom_gradient
    def cross_entropy(
        queries: tf.Tensor, table: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, ...]]]:
        logits = tf.matmul(queries, table, transpose_b=True)
        logits += bias + (1.0 - class_mask) * _NEVER
        log_total = tf.reduce_logsumexp(logits, axis=1)
        positive = tf.gather(logits, labels, batch_dims=1)
        mean = tf.linalg.matvec(logits, class_mask) / num_classes
        losses = log_total - (1.0 - smoothing) * positive
        if smoothing > 0.0:
            losses -= smoothing * mean

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            target = class_mask * (smoothing / num_classes)
            probabilities = tf.exp(logits - log_total[:, tf.newaxis])
            error = probabilities - target if smoothing > 0.0 else probabilities
            places = tf.stack([tf.range(tf.shape(labels)[0]), labels], axis=1)
            share = tf.fill(tf.shape(labels), 1.0 - smoothing)
            error = tf.cast(tf.tensor_scatter_nd_sub(error, places, share), dtype)
            weight = upstream[:, tf.newaxis]
            ones = tf.ones_like(weight)
            of_queries = tf.matmul(error, tf.cast(table, dtype))
            weighted = tf.cast(tf.concat([queries, ones], axis=1) * weight, dtype)
            of_rows = tf.matmul(error, weighted, transpose_a=True)
            of_rows = tf.cast(of_rows, tf.float32)
            of_queries = tf.cast(of_queries, tf.float32) * weight
            return of_queries, of_rows[:, :-1], of_rows[:, -1]

        return losses, gradient

    return cross_entropy(queries, table, bias)


def diagonal_cross_entropy(
    scores: tf.Tensor,
    mask: tf.Tensor,
    offsets: tf.Tensor,
    positive_offsets: tf.Tensor,
) -> tf.Tensor:
    """Returns the cross-entropy of the diagonal among each row's columns.

    Query i's logits are `scores_ij + offsets_j` where `mask_ij`, and of its positive,
    the diagonal, `scores_ii + positive_offsets_i`; loss_i = −log softmax(logits_i)_i.
    Passes over the matrix are what the products leave of a step, so they are few: the
    logarithm of the sum is read off the softmax's largest value, which is
    1 / Σ exp(logit − max), masked columns need no gradient of their own, and sums
    over rows are products.

    Args:
      scores: `[queries, columns]`, columns ≥ queries, float32 or bfloat16.
      mask: `[queries, columns] bool`, true on the diagonal.
      offsets: `[columns] float32`.
      positive_offsets: `[queries] float32`.

    Returns:
      `[queries] float32`.
    """

    @tf.custom_gradient
    def cross_entropy(
        scores: tf.Tensor, offsets: tf.Tensor, positive_offsets: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, ...]]]:
        positives = tf.cast(tf.linalg.diag_part(scores), tf.float32) + positive_offsets
        logits = tf.where(mask, tf.cast(scores, tf.float32) + offsets, _NEVER)
        logits = tf.linalg.set_diag(logits, positives)
        probabilities = tf.nn.softmax(logits)
        log_sum = -tf.math.log(tf.reduce_max(probabilities, axis=1))
        log_total = tf.reduce_max(logits, axis=1) + log_sum

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            of_columns = tf.linalg.matvec(probabilities, upstream, transpose_a=True)
            own = tf.linalg.diag_part(probabilities) * upstream
            others = tf.shape(scores)[1] - tf.shape(scores)[0]
            of_columns -= tf.pad(own, [[0, others]])
            error = probabilities * upstream[:, tf.newaxis]
            error = tf.linalg.set_diag(error, own - upstream)
            return tf.cast(error, scores.dtype), of_columns, own - upstream

        return log_total - positives, gradient

    return cross_entropy(scores, offsets, positive_offsets)
