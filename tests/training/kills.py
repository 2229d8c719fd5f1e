"""Ends a training as a signal would, and listens to what a resume says."""

import contextlib
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ytdnn.training import loop


class KilledError(Exception):
    """Stands for a signal that ends the process."""


def kill(*_: Any) -> None:
    """Stands for a function during which the process ends."""
    raise KilledError


def kill_once_after(monkeypatch: pytest.MonkeyPatch, num_steps: int) -> None:
    """Lets the training end at a step; trainings after it are undisturbed."""
    record, steps = loop.Trainer.record, 0

    def kill(trainer, loss):
        nonlocal steps
        steps += 1
        if steps == num_steps:
            raise KilledError
        record(trainer, loss)

    monkeypatch.setattr(loop.Trainer, "record", kill)


@contextlib.contextmanager
def log_of_tensorflow() -> Iterator[list[str]]:
    """Yields the warnings of TensorFlow, also those of what is then deleted."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        gc.collect()  # what was there before is not listened to
        messages.clear()
        yield messages
        gc.collect()
    finally:
        logger.removeHandler(handler)
