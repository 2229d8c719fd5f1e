"""Full softmax over all videos: the reference, for small corpora (PAPER §3.1)."""

from collections.abc import Callable

import tensorflow as tf

from ytdnn.base import configs, registries, schema
from ytdnn.candidates import losses
from ytdnn.candidates.losses import drawn_negatives

Features = losses.Features


@registries.LOSSES.register("full_softmax", configs.FullSoftmaxConfig)
class FullSoftmax:
    """Cross-entropy over all videos.

    loss = −Σ_j y_j log softmax(u·v_j + b_j), with y the label, smoothed by
    `label_smoothing` over all videos. Beyond the paper, a share of y may be the
    prediction of trained networks for the same example (born-again networks: Furlanello
    et al., 2018).
    """

    def __init__(
        self, config: configs.FullSoftmaxConfig, learner: losses.Learner
    ) -> None:
        """Keeps the smoothing, the model, and trained networks to learn from."""
        self._model = learner.model
        self._teachers = list(learner.teachers)
        self._share = learner.distillation if learner.teachers else 0.0
        self._smoothing = config.label_smoothing
        self._precision = learner.precision

    def __call__(self, batch: Features, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        table, bias = self._model.columns(None, seed)
        offsets = self._offsets(batch, tf.shape(bias)[0])
        losses = table_cross_entropy(
            labels,
            queries,
            table,
            bias,
            offsets=offsets,
            smoothing=self._smoothing,
            precision=self._precision,
            soft=self._probabilities(batch, offsets) if self._share else None,
            soft_share=self._share,
        )
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)

    def _probabilities(self, batch: Features, offsets: tf.Tensor | None) -> tf.Tensor:
        """Returns the mean prediction of the teachers, `[batch, num_videos + 1]`."""
        scores = [
            table_logits(
                teacher.flat_queries(batch, None),
                *teacher.columns(None, None),
                precision=self._precision,
            )
            for teacher in self._teachers
        ]
        mean = tf.add_n(scores) / len(scores)
        return tf.nn.softmax(mean if offsets is None else mean + offsets)

    def _offsets(self, batch: Features, num_videos: tf.Tensor) -> tf.Tensor | None:
        """Returns the score offsets by age, `[batch, num_videos]`, if there are any."""
        ages = self._model.ages
        if ages is None:
            return None
        times = tf.reshape(batch[schema.LABEL_TIMES], [-1])
        labels = tf.reshape(batch[schema.LABELS], [-1, 1])
        videos = tf.range(num_videos)
        are_out = ages.are_out(times, videos) | (labels == videos)
        return tf.where(are_out, ages.offsets(times, videos), drawn_negatives.NEVER)


def table_cross_entropy(
    labels: tf.Tensor,
    queries: tf.Tensor,
    table: tf.Tensor,
    bias: tf.Tensor,
    smoothing: float = 0.0,
    precision: str = "float32",
    offsets: tf.Tensor | None = None,
    soft: tf.Tensor | None = None,
    soft_share: float = 0.0,
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
      offsets: `[batch, rows] float32` added to the logits, not trained; None: nothing.
      soft: `[batch, rows] float32`, probabilities of another model, not trained; None:
        there is none.
      soft_share: Share of `soft` in y; the rest is the label as above.

    Returns:
      `[batch] float32`.
    """
    hard_share = 1.0 - soft_share

    @tf.custom_gradient
    def cross_entropy(
        queries: tf.Tensor, table: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, ...]]]:
        logits = table_logits(queries, table, bias)
        if offsets is not None:
            logits += offsets
        probabilities = tf.nn.softmax(logits)
        target_rows, target_bias = _targets(labels, table, bias, smoothing)
        log_total = drawn_negatives.log_total(logits, probabilities)
        of_labels = tf.reduce_sum(queries * target_rows, axis=1) + target_bias
        if offsets is not None:
            of_labels += _target_sum(labels, offsets, smoothing)
        losses = log_total - hard_share * of_labels
        if soft is not None:
            losses -= soft_share * tf.reduce_sum(soft * logits, axis=1)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            dtype = tf.as_dtype(precision)
            errors = probabilities
            if soft is not None:
                errors -= soft_share * soft
            rounded = tf.cast(errors, dtype)
            weighted = queries * upstream[:, tf.newaxis]
            expected_rows = tf.cast(
                tf.matmul(rounded, tf.cast(table, dtype)), tf.float32
            )
            of_queries = expected_rows - hard_share * target_rows
            of_queries *= upstream[:, tf.newaxis]
            of_rows = tf.matmul(rounded, tf.cast(weighted, dtype), transpose_a=True)
            of_bias = tf.linalg.matvec(errors, upstream, transpose_a=True)
            of_rows = tf.cast(of_rows, tf.float32)
            return (
                of_queries,
                _minus_targets(of_rows, labels, hard_share * weighted, smoothing),
                _minus_targets(of_bias, labels, hard_share * upstream, smoothing),
            )

        return losses, gradient

    return cross_entropy(queries, table, bias)


def table_logits(
    queries: tf.Tensor, table: tf.Tensor, bias: tf.Tensor, precision: str = "float32"
) -> tf.Tensor:
    """Returns q·v_j + b_j, `[batch, rows] float32`, about `NEVER` for row 0.

    Args:
      queries: `[batch, dim] float32`.
      table: `[rows, dim] float32`; row 0 is padding and no class.
      bias: `[rows] float32`.
      precision: Precision of the product.
    """
    dtype = tf.as_dtype(precision)
    never = tf.pad([drawn_negatives.NEVER], [[0, tf.shape(table)[0] - 1]])
    products = tf.matmul(
        tf.cast(queries, dtype), tf.cast(table, dtype), transpose_b=True
    )
    return tf.cast(products, tf.float32) + (bias + never)


def _targets(
    labels: tf.Tensor, table: tf.Tensor, bias: tf.Tensor, smoothing: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns Σ_j y_j v_j, `[batch, dim]`, and Σ_j y_j b_j, `[batch]`."""
    rows = (1.0 - smoothing) * tf.gather(table, labels)
    of_bias = (1.0 - smoothing) * tf.gather(bias, labels)
    if smoothing > 0.0:
        rows += smoothing * tf.reduce_mean(table[1:], axis=0)
        of_bias += smoothing * tf.reduce_mean(bias[1:])
    return rows, of_bias


def _target_sum(labels: tf.Tensor, offsets: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Returns Σ_j y_j o_j, `[batch]`; smoothing skips offsets of `NEVER`."""
    sums = (1.0 - smoothing) * tf.gather(offsets, labels, batch_dims=1)
    if smoothing > 0.0:
        possible = tf.where(offsets > drawn_negatives.NEVER, offsets, 0.0)[:, 1:]
        sums += smoothing * tf.reduce_mean(possible, axis=1)
    return sums


def _minus_targets(
    of_rows: tf.Tensor, labels: tf.Tensor, values: tf.Tensor, smoothing: float
) -> tf.Tensor:
    """Returns the gradient of rows less Σ_i y_ij · values_i for each row j.

    Args:
      of_rows: `[rows, ...] float32`.
      labels: `[batch] int32`.
      values: `[batch, ...] float32`.
      smoothing: See `table_cross_entropy`.
    """
    share = (1.0 - smoothing) * values
    result = tf.tensor_scatter_nd_sub(of_rows, labels[:, tf.newaxis], share)
    if smoothing > 0.0:
        num_classes = tf.cast(tf.shape(of_rows)[0] - 1, tf.float32)
        rest = tf.reduce_sum(values, axis=0, keepdims=True) * (smoothing / num_classes)
        result = tf.concat([result[:1], result[1:] - rest], axis=0)
    return result
