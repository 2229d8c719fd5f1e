"""Quantiles of a stream in one pass and bounded memory (PAPER §4.1).

They are exact up to `max_values` values, and beyond that quantiles of a uniform sample
of this size, with an error in rank below 0.2 % at the default size.
"""

import numpy as np
import numpy.typing as npt


class QuantileSketch:
    """Keeps the values with the smallest random priorities: a uniform sample.

    >>> sketch = QuantileSketch()
    >>> sketch.add(np.array([4, 1, 3]))
    >>> sketch.add(np.array([2, 5]))
    >>> sketch.quantiles(3)
    array([1., 3., 5.], dtype=float32)
    """

    def __init__(self, max_values: int = 1 << 20, seed: int = 0) -> None:
        """Creates an empty sketch.

        Args:
          max_values: Values kept.
          seed: Seed of the sample.
        """
        self.max_values = max_values
        self._rng = np.random.default_rng(seed)
        self._values = np.empty(0, np.float64)
        self._priorities = np.empty(0, np.float64)

    def add(self, values: npt.ArrayLike) -> None:
        """Adds `[n]` values."""
        added = np.asarray(values, np.float64)
        self._values = np.concatenate([self._values, added])
        priorities = self._rng.random(len(added))
        self._priorities = np.concatenate([self._priorities, priorities])
        if len(self._values) > self.max_values:
            keep = np.argpartition(self._priorities, self.max_values)
            keep = np.sort(keep[: self.max_values])
            self._values = self._values[keep]
            self._priorities = self._priorities[keep]

    def quantiles(self, num_quantiles: int) -> npt.NDArray[np.float32]:
        """Returns the quantiles at `num_quantiles` even levels from 0 to 1.

        Returns:
          `[num_quantiles] float32`, ascending; zeros for an empty sketch.
        """
        if len(self._values) == 0:
            return np.zeros(num_quantiles, np.float32)
        levels = np.linspace(0.0, 1.0, num_quantiles)
        return np.quantile(self._values, levels).astype(np.float32)
