"""What every retrieval loss is."""

from collections.abc import Callable

import tensorflow as tf

Features = dict[str, tf.Tensor]
"""A batch as of `ytdnn.data.inputs.cut`, with labels and weights."""

Loss = Callable[[Features, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""(batch of one replica, seed `[2] int32`) → the sum over its examples of weight ·
cross-entropy, and the sum of weights, so that one and two replicas give one loss."""
