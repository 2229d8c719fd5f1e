"""Graphs with results of a row that do not depend on the rows computed with it.

A graph of a fixed number of rows is optimised in another way than one of any number and
rounds differently, and so do matrix products in the last rows of a batch that is no
multiple of 8. Measured on a fresh ranker: .3 of the predictions changed in their last
digit with the size of the first batch, one in a batch of 100 with the fill of the last.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

_ROWS = 16  # a multiple of 8, of which matrix products take rows
Tensors = Mapping[str, tf.Tensor]


class RowGraphs:
    """A function of rows, as graphs of any number of them."""

    def __init__(self, function: Callable[[dict[str, tf.Tensor]], Any]) -> None:
        """Traces nothing yet.

        Args:
          function: Takes tensors `[n, …]` by name, and returns tensors `[n, …]`.
        """
        self._function = function
        self._traced: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, tensors: Tensors) -> Any:
        """Returns the results; batches are filled up with their last row."""
        number = int(next(iter(tensors.values())).shape[0])
        size = -(-number // _ROWS) * _ROWS
        if size == number:
            return self._graph(tensors)(dict(tensors))
        rows = np.minimum(np.arange(size), number - 1)
        whole = {name: tf.gather(values, rows) for name, values in tensors.items()}
        found = self._graph(whole)(whole)
        return tf.nest.map_structure(
            lambda values: None if values is None else values[:number], found
        )

    def _graph(self, tensors: Tensors) -> Callable[..., Any]:
        shapes = {name: tuple(value.shape[1:]) for name, value in tensors.items()}
        key = tuple(shapes.items())
        if key not in self._traced:
            specs = {
                name: tf.TensorSpec([None, *shapes[name]], value.dtype)
                for name, value in tensors.items()
            }
            graph = tf.function(self._function)
            self._traced[key] = graph.get_concrete_function(specs)
        return self._traced[key]


def filled(number: int) -> int:
    """Returns the largest number of rows that is not filled up, up to one.

    >>> filled(81), filled(3)
    (80, 16)
    """
    return max(_ROWS, number // _ROWS * _ROWS)
