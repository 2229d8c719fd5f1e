"""Functions that are told of each finished epoch: a sweep that prunes, a tracker."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Protocol


class Observer(Protocol):
    """Is told of the epochs of every training in its block."""

    def on_epoch(self, stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Is called after each epoch, before its checkpoint.

        A training that is killed between the two repeats the epoch and the call, with
        the same numbers. An exception ends the training; its last checkpoint stays.

        Args:
          stage: `candidates` or `ranking`.
          epoch: Number of finished epochs.
          metrics: `loss`, the mean of the epoch, and the validation metrics.
        """


_observers: list[Observer] = []


@contextlib.contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Tells an observer of the trainings of this process, within the block."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def tell(stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
    """Tells all observers of an epoch; arguments as of `Observer.on_epoch`."""
    for observer in tuple(_observers):
        observer.on_epoch(stage, epoch, metrics)
