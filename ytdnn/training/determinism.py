"""Same seed, same numbers."""

import tensorflow as tf


def set_seed(seed: int) -> None:
    """Seeds initial weights and makes TensorFlow's ops deterministic.

    Draws in training take their seeds from (seed, step), see
    `ytdnn/layers/randomness.py`; this seeds the draws before the first step.
    """
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
