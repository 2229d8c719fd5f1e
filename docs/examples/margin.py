"""Sampled softmax without a correction, with a margin for the label."""

import tensorflow as tf


class MarginSoftmax(tf.keras.losses.Loss):
    """Cross-entropy of the label among the negatives, its score lowered by a margin."""

    margin = 0.5

    def call(self, y_true, y_pred):
        """Returns `[batch]` losses of scores `[batch, 1 + negatives]`."""
        scores = y_pred - self.margin * y_true
        return -tf.reduce_sum(y_true * tf.nn.log_softmax(scores), axis=1)
