"""Stops a training whose loss or weights are not finite, naming step and variable."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

from ytdnn import errors

_MOST_WEIGHT = 1e9  # products of larger ones leave float32


class Guard:
    """Checks every step's loss, and the weights before they are checkpointed.

    So the latest checkpoint always has finite weights. A loss is read only after the
    next step has been started, since reading it at once would make an accelerator wait
    for Python.
    """

    def __init__(
        self, name: str, model: tf.keras.Model, describe_latest: Callable[[], str]
    ) -> None:
        """Starts before the first step.

        Args:
          name: Of the stage, for the error.
          model: Its weights.
          describe_latest: Says where the latest checkpoint is.
        """
        self._describe_latest = describe_latest
        self._name = name
        self._model = model
        self._unread: tuple[str, tf.Tensor, Mapping[str, Any]] | None = None

    def watch(self, place: str, loss: tf.Tensor, batch: Mapping[str, Any]) -> None:
        """Takes a step's loss, and reads that of the step before.

        Args:
          place: The step in words.
          loss: Scalar.
          batch: What the step was given.

        Raises:
          errors.UserError: The loss of the step before is not finite.
        """
        self.settle()
        self._unread = (place, loss, batch)

    def settle(self) -> None:
        """Reads the last loss taken.

        Raises:
          errors.UserError: It is not finite.
        """
        if self._unread is None:
            return
        place, loss, batch = self._unread
        self._unread = None
        if not tf.math.is_finite(loss):
            what = "loss is not a number"
            raise self._error(what, place, self.not_finite(batch))

    def check_weights(self, place: str) -> None:
        """Reads the last loss and all weights, before they are saved.

        Raises:
          errors.UserError: One is not finite.
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
    return any(
        part.dtype.is_floating and not bool(tf.reduce_all(tf.abs(part) < most))
        for part in parts
    )
