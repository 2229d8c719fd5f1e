"""The decisions that the workers of a cluster in step must agree on.

Each worker counts steps, validates and decides by itself, from the same numbers. Where
rounding could make the decisions differ, the chief's holds; the others wait for it in a
collective operation, which ends if a worker is lost.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ytdnn.base import errors


def of_chief(strategy: tf.distribute.Strategy, values: Sequence[float]) -> list[float]:
    """Returns the chief's values, on every worker; all must call it together."""
    if not _is_cluster(strategy):
        return list(values)
    is_chief = strategy.cluster_resolver.task_id == 0
    own = np.asarray(values if is_chief else np.zeros(len(values)))
    total = strategy.reduce(
        tf.distribute.ReduceOp.SUM, tf.constant(own, tf.float64), axis=None
    )
    return [float(value) for value in total.numpy()]


def require_same(strategy: tf.distribute.Strategy, epoch: int, step: int) -> None:
    """Checks that all workers resume from the same checkpoint.

    Raises:
      errors.UserError: The checkpoint of this worker differs from the chief's.
    """
    found = [float(epoch), float(step)]
    expected = of_chief(strategy, found)
    if found != expected:
        raise errors.UserError(
            f"expected the chief's checkpoint (epoch {expected[0]:.0f}, step "
            f"{expected[1]:.0f}), found another (epoch {epoch}, step {step}): all "
            f"workers need one --workdir on a file system they share"
        )


def _is_cluster(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
