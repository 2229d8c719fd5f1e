"""Arrays in `.npy` files, written so that a full disk is noticed.

`np.save` hands the bytes to C, whose buffer drops an error of the last write: a full
disk left short files that were found only when they were read.
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
      OSError: There is no room, or another limit.
    """
    with open(path, "wb") as file:
        np.lib.format.write_array(_Writer(file), np.asanyarray(values))
