"""Texts that begin with another: `{"column": "topic", "starts_with": "mus"}`."""

import tensorflow as tf

from ytdnn import registries


@registries.OPERATORS.register("starts_with", kinds=("text",))
def starts_with(values, asked):
    """Returns `[m, n] bool`, which of `values [n]` begin with which of `asked [m]`."""
    shape = [tf.size(asked), tf.size(values)]
    sizes = tf.broadcast_to(tf.strings.length(asked)[:, tf.newaxis], shape)
    starts = tf.strings.substr(
        tf.broadcast_to(values, shape), tf.zeros_like(sizes), sizes
    )
    return tf.equal(starts, asked[:, tf.newaxis])
