"""Lets graphs that read the clock run after a training in the same process."""

import contextlib
from collections.abc import Iterator

from tensorflow.python.framework import config


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Lets graphs read the clock, which TensorFlow forbids after a training.

    Training makes operations deterministic for the whole process; `tf.timestamp` is
    none of these.
    """
    was_deterministic = config.is_op_determinism_enabled()
    if was_deterministic:
        config.disable_op_determinism()
    try:
        yield
    finally:
        if was_deterministic:
            config.enable_op_determinism()
