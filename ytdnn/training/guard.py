"""Stops a training with non-finite loss or weights, naming step and variable."""

import collections
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

from ytdnn.base import errors
from ytdnn.training import devices

_MOST_WEIGHT = 1e9  # products of larger ones leave float32


class FiniteGuard:
    """Checks every step's loss, and the weights before they are checkpointed.

    So the latest checkpoint always has finite weights. A loss is read only after
    `executor.lag` more steps have been started.
    """

    def __init__(
        self,
        name: str,
        model: tf.keras.Model,
        describe_latest: Callable[[], str],
        executor: devices.Executor,
    ) -> None:
        """Creates the guard, before the first step.

        Args:
          name: Name of the stage, for the error.
          model: Model with the weights.
          describe_latest: Function that returns the place of the latest checkpoint.
          executor: Executor that reads losses.
        """
        self._executor = executor
        self._describe_latest = describe_latest
        self._name = name
        self._model = model
        self._unread: collections.deque[tuple[str, Any, Mapping[str, Any]]] = (
            collections.deque()
        )

    def watch(self, place: str, loss: Any, batch: Mapping[str, Any]) -> None:
        """Records a step's loss, and checks the loss of an earlier step.

        Args:
          place: Step in words.
          loss: Loss as the executor's steps return it.
          batch: Batch of the step.

        Raises:
          errors.UserError: The loss of the earlier step is not finite.
        """
        self.settle(self._executor.lag - 1)
        self._unread.append((place, loss, batch))

    def settle(self, most: int = 0) -> None:
        """Checks recorded losses, the oldest first.

        Args:
          most: Number of losses that may remain unchecked.

        Raises:
          errors.UserError: A loss is not finite.
        """
        while len(self._unread) > most:
            place, unread, batch = self._unread.popleft()
            loss = self._executor.value(unread)
            if loss is not None and not tf.math.is_finite(loss):
                what = "loss is not a number"
                raise self._error(what, place, self.not_finite(batch))

    def check_weights(self, place: str) -> None:
        """Checks the last losses and all weights, before they are saved.

        Raises:
          errors.UserError: A loss or weight is not finite.
        """
        self.settle()
        found = [name for name, v in self._weights() if _is_bad(v, _MOST_WEIGHT)]
        if found:
            what = f"weights are not numbers below {_MOST_WEIGHT:g}"
            raise self._error(what, place, found)

    def not_finite(self, batch: Mapping[str, Any]) -> list[str]:
        """Returns the names of weights and inputs that are not finite."""
        values = [*batch.items(), *self._weights()]
        return [name for name, value in values if _is_bad(value)]

    def _weights(self) -> list[tuple[str, Any]]:
        return [(v.name.removesuffix(":0"), v) for v in self._model.variables]

    def _error(self, what: str, place: str, found: Iterable[str]) -> errors.UserError:
        culprits = ", ".join(found) or "none of inputs and weights, so the loss itself"
        return errors.UserError(
            f"the {self._name} {what} at {place} ({culprits}): lower "
            f"training.learning_rate or table_learning_rate, or set "
            f"training.clip_norm; {self._describe_latest()}"
        )


def _is_bad(value: Any, most: float = math.inf) -> bool:
    """Whether a value is not finite, or above `most` in size."""
    parts = getattr(value, "values", (value,))  # one for each replica
    return any(_exceeds(part, most) for part in parts if part.dtype.is_floating)


def _exceeds(part: Any, most: float) -> bool:
    with tf.device(part.device):  # a parameter server looks at its own
        return not bool(tf.reduce_all(tf.abs(part) < most))
