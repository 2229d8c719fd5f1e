"""The vectors of a bundle's exact index, read from disk; no model is loaded."""

import functools
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_VARIABLE = "{}/.ATTRIBUTES/VARIABLE_VALUE"
_PARTS = ("vectors/0", "vectors/1")  # the second of `index.delta`
_SEARCHER = "graphs/0/_search/_searcher/"  # up to ytdnn 0.2.0
_OLD_PARTS = (
    f"{_SEARCHER}vectors",
    f"{_SEARCHER}_main/vectors",
    f"{_SEARCHER}_delta/vectors",
)


class StoredVectors:
    """The variables that hold the vectors of a saved index.

    Row i of the vectors is video index i + 1.
    """

    def __init__(self, saved_model: pathlib.Path) -> None:
        """Opens the variables of a SavedModel, which are read one by one."""
        path = saved_model / "variables" / "variables"
        self._variables = tf.train.load_checkpoint(str(path))

    def read(self) -> npt.NDArray[np.float32]:
        """Returns the vectors, `[num_videos, dim]`."""
        parts = [self._variables.get_tensor(name) for name in self._names]
        found: npt.NDArray[np.float32] = np.concatenate(parts)
        return found

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        shapes: dict[str, Any] = self._variables.get_variable_to_shape_map()
        return int(shapes[self._names[0]][1])

    @functools.cached_property
    def _names(self) -> list[str]:
        """Names of the variables, in order."""
        names = [_VARIABLE.format(part) for part in (*_PARTS, *_OLD_PARTS)]
        return [name for name in names if self._variables.has_tensor(name)]
