"""Ends a training as a signal would, after a number of steps."""

import pytest

from ytdnn.training import loop


class KilledError(Exception):
    """Stands for a signal that ends the process."""


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
