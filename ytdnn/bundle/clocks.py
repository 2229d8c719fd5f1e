"""Permits graphs that read the clock after a training in the same process."""

import contextlib
from collections.abc import Iterator

from tensorflow.python.framework import config


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Context in which graphs may read the clock, after a training too.

    Training requires deterministic operations for the whole process, and TensorFlow
    then refuses `tf.timestamp`.
    """
    was_deterministic = config.is_op_determinism_enabled()
    if was_deterministic:
        config.disable_op_determinism()
    try:
        yield
    finally:
        if was_deterministic:
            config.enable_op_determinism()
