"""Numbers that can be shown: not missing, NaN or infinite."""

from collections.abc import Iterable
from typing import Any

# Beyond it no number is measured, and arithmetic on axes would lose its digits.
LARGEST = 1e100


def finite(values: Iterable[Any]) -> list[float]:
    """Returns the values that are finite numbers."""
    return [float(value) for value in values if is_finite(value)]


def is_finite(value: Any) -> bool:
    """Whether a value is a number that can be drawn: not None, NaN or infinite."""
    return value is not None and abs(value) < LARGEST
