"""Writes arrays to `.npy` files, and reports a full disk.

`np.save` writes through a C buffer that drops an error of the last write: a full disk
left truncated files, which were noticed only when they were read.
"""

import pathlib
from typing import IO

import numpy as np


class _Writer:
    """Passes bytes through Python, which raises the system's error."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write


def save(path: pathlib.Path, values: np.ndarray) -> None:
    """Writes an array, the bytes of `np.save`.

    Raises:
      OSError: The disk is full, or another limit is reached.
    """
    with open(path, "wb") as file:
        np.lib.format.write_array(_Writer(file), np.asanyarray(values))
