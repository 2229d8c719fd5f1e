"""Full softmax over all videos: the reference, for small corpora (PAPER §3.1)."""

import tensorflow as tf

from ytdnn.base import configs, registries, schema
from ytdnn.candidates import losses
from ytdnn.layers import log_sum_exp, table_softmax


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

    def __call__(
        self, batch: losses.Features, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        table, bias = self._model.columns(None, seed)
        offsets = self._offsets(batch, tf.shape(bias)[0])
        losses = table_softmax.table_cross_entropy(
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

    def _probabilities(
        self, batch: losses.Features, offsets: tf.Tensor | None
    ) -> tf.Tensor:
        """Returns the mean prediction of the teachers, `[batch, num_videos + 1]`."""
        scores = [
            table_softmax.table_logits(
                teacher.flat_queries(batch, None),
                *teacher.columns(None, None),
                precision=self._precision,
            )
            for teacher in self._teachers
        ]
        mean = tf.add_n(scores) / len(scores)
        return tf.nn.softmax(mean if offsets is None else mean + offsets)

    def _offsets(
        self, batch: losses.Features, num_videos: tf.Tensor
    ) -> tf.Tensor | None:
        """Returns the score offsets by age, `[batch, num_videos]`, if there are any."""
        ages = self._model.ages
        if ages is None:
            return None
        times = tf.reshape(batch[schema.LABEL_TIMES], [-1])
        labels = tf.reshape(batch[schema.LABELS], [-1, 1])
        videos = tf.range(num_videos)
        are_out = ages.are_out(times, videos) | (labels == videos)
        return tf.where(are_out, ages.offsets(times, videos), log_sum_exp.NEVER)
