"""Softmax over sampled negatives without the logQ correction, to compare with it."""

import tensorflow as tf


class UncorrectedSoftmax(tf.keras.losses.Loss):
    """Cross-entropy of the label among the negatives, whatever drew these."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns `[batch]` losses of scores `[batch, 1 + negatives]`."""
        return -tf.reduce_sum(y_true * tf.nn.log_softmax(y_pred), axis=1)
