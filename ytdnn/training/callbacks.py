"""Periodic actions of the training loop."""

import pathlib
from collections.abc import Mapping

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
