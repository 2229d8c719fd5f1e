"""Texts that begin with another: `{"column": "topic", "starts_with": "mus"}`."""

import tensorflow as tf

from ytdnn import registries


@registries.OPERATORS.register("starts_with", kinds=("text",))
def starts_with(values, prefixes):
    """Returns whether values `[n]` begin with prefixes `[m]`, `[m, n] bool`."""
    shape = [tf.size(prefixes), tf.size(values)]
    sizes = tf.broadcast_to(tf.strings.length(prefixes)[:, tf.newaxis], shape)
    starts = tf.strings.substr(
        tf.broadcast_to(values, shape), tf.zeros_like(sizes), sizes
    )
    return tf.equal(starts, prefixes[:, tf.newaxis])
