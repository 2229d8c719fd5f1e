"""Maps values to places on an axis, and chooses round numbers for its ticks."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from ytdnn.evaluation.terminal import finite_numbers

_TICKS = 5
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LOG_STEPS = (1.0, 2.0, 5.0)
_SMALLEST = 1 / finite_numbers.LARGEST
_FLAT = 1e-9  # a narrower range, relative to its values, is one value


def number(value: float, step: float | None = None) -> str:
    """Returns a number as people write it.

    Args:
      value: Number to write.
      step: Distance of the ticks: all get the decimals that tell them apart.
        Without: about three digits.

    >>> number(0.30000000000000004, 0.1), number(1200000), number(0.01234)
    ('0.3', '1.2M', '0.0123')
    """
    if abs(value) >= 1e12 or 0 < abs(value) < 1e-4:
        return f"{value:.3g}"
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if suffix == "k" else size
            return f"{number(value / unit, step / unit if step else None)}{suffix}"
    if step is None:
        magnitude = math.floor(math.log10(abs(value))) if value else 0
        words = f"{value:,.{max(0, 2 - magnitude)}f}"
        return words.rstrip("0").removesuffix(".") if "." in words else words
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1  # a step of 0.25
    return f"{value + 0.0:,.{decimals}f}"


def epoch_ticks(epochs: Sequence[int]) -> list[float]:
    """Returns at most eight of some epochs, for the ticks of an axis."""
    every = max(1, -(-len(epochs) // 8))
    return [float(epoch) for epoch in epochs[::every]]


@dataclasses.dataclass(frozen=True)
class Scale:
    """One axis.

    Attributes:
      low: Value at `start`.
      high: Value at `stop`.
      start: Place of the low end.
      stop: Place of the high end.
      log: Whether equal distances are equal ratios.
      ticks: Values that get a mark.
      step: Distance of the ticks, None where it is not the same for all.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool
    ticks: tuple[float, ...]
    step: float | None

    def __call__(self, value: float) -> float:
        """Returns the place of a value."""
        low, high = self._warped(self.low), self._warped(self.high)
        share = (self._warped(value) - low) / (high - low)
        return self.start + share * (self.stop - self.start)

    def holds(self, value: Any) -> bool:
        """Whether a value has a place: finite, and positive on a log axis."""
        return finite_numbers.is_finite(value) and (not self.log or value > _SMALLEST)

    def labels(self) -> list[str]:
        """Returns the words of the ticks."""
        return [number(tick, self.step) for tick in self.ticks]

    def _warped(self, value: float) -> float:
        return math.log10(value) if self.log else value


def scale(
    values: Iterable[Any],
    start: float,
    stop: float,
    *,
    log: bool = False,
    from_zero: bool = False,
    ticks: Sequence[float] = (),
) -> Scale:
    """Returns an axis with round ends around all values.

    Args:
      values: Values to draw; those without a place on the axis are ignored.
      start: Place of the low end.
      stop: Place of the high end.
      log: Whether equal distances are equal ratios.
      from_zero: Whether a linear axis begins at 0 at least.
      ticks: Values to mark instead of round ones; the ends are then the values'.
    """
    shown = [
        value for value in finite_numbers.finite(values) if value > _SMALLEST or not log
    ]
    shown = shown or [1.0 if log else 0.0]
    if from_zero and not log:
        shown = [*shown, 0.0]
    low, high = min(shown), max(shown)
    if len(ticks):
        return _scale(
            min(low, *ticks), max(high, *ticks), start, stop, log, ticks, None
        )
    if log:
        return _log_scale(low, high, start, stop)
    reach = max(abs(low), abs(high))
    width = high - low if high - low > max(_FLAT * reach, _SMALLEST) else reach
    step = _round_step((width if width > _SMALLEST else 1.0) / _TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    marks = [index * step for index in range(first, last + 1)]
    return _scale(marks[0], marks[-1], start, stop, False, marks, step)


def _scale(
    low: float,
    high: float,
    start: float,
    stop: float,
    log: bool,
    ticks: Sequence[float],
    step: float | None,
) -> Scale:
    if low == high:
        high = low * 2 if log else low + 1
    return Scale(low, high, start, stop, log, tuple(ticks), step)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in _STEPS if step * power >= rough * 0.999) * power


def _log_scale(low: float, high: float, start: float, stop: float) -> Scale:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    marks = [
        step * 10.0**power for power in range(first, last + 1) for step in _LOG_STEPS
    ]
    low_end = max(mark for mark in marks if mark <= low * (1 + 1e-9))
    high_end = min([mark for mark in marks if mark >= high * (1 - 1e-9)] or [high])
    inside = [mark for mark in marks if low_end <= mark <= high_end]
    decades = [mark for mark in inside if _is_decade(mark)]
    if len(inside) > _TICKS + 2 and len(decades) > 2:
        inside = decades[:: max(1, round(len(decades) / _TICKS))]
    return _scale(low_end, high_end, start, stop, True, inside, None)


def _is_decade(value: float) -> bool:
    power = math.log10(value)
    return abs(power - round(power)) < 1e-9
