"""Full softmax over all videos: the reference, for small corpora (PAPER §3.1)."""

import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.candidates.losses import interface
from ytdnn.layers import softmax


class FullSoftmax:
    """Cross-entropy over all videos.

    loss = −Σ_j y_j log softmax(u·v_j + b_j), with y the label, smoothed by
    `label_smoothing` over all videos.
    """

    def __init__(
        self, config: configs.FullSoftmax, model: interface.Model, precision: str
    ) -> None:
        """Keeps the model and the smoothing.

        Args:
          config: The smoothing.
          model: The model trained.
          precision: Dtype of the products.
        """
        self._model = model
        self._smoothing = config.label_smoothing
        self._precision = precision

    def __call__(
        self, batch: interface.Features, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sum of weighted losses and the sum of weights."""
        queries = self._model.flat_queries(batch, seed)
        labels = tf.reshape(batch[schema.LABELS], [-1])
        weights = tf.reshape(batch[schema.WEIGHTS], [-1])
        table = tf.convert_to_tensor(self._model.videos.table)
        losses = softmax.table_cross_entropy(
            labels,
            queries,
            self._model.directions(table),
            tf.convert_to_tensor(self._model.bias),
            smoothing=self._smoothing,
            precision=self._precision,
        )
        return tf.reduce_sum(losses * weights), tf.reduce_sum(weights)
