"""Actions of the loop after each epoch: TensorBoard's logs, and observers."""

import contextlib
import pathlib
from collections.abc import Iterator, Mapping
from typing import Protocol

import tensorflow as tf

from ytdnn import artifacts


class Logs:
    """TensorBoard scalars of each epoch, under `directory/logs`."""

    def __init__(self, directory: pathlib.Path, writes: bool = True) -> None:
        """Opens the log; its file appears with the first write.

        Args:
          directory: Directory of the training.
          writes: Whether this process writes it; of several processes only the chief
            does.
        """
        place = str(directory / artifacts.LOGS)
        self._writer = (
            tf.summary.create_file_writer(place)
            if writes
            else tf.summary.create_noop_writer()
        )

    def write(self, epoch: int, scalars: Mapping[str, float]) -> None:
        """Writes the scalars of an epoch (counted from 0)."""
        with self._writer.as_default(step=epoch + 1):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)
        self._writer.flush()


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
