"""Tables as data, which the terminal draws, and pages as HTML."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import rich.box
from rich import console, table

from ytdnn.base.metrics import metric_names

# Beyond it no number is measured, and arithmetic on axes would lose its digits.
LARGEST = 1e100
_UNBOUNDED = 10_000  # characters
_LEAST_WORDS = 16  # characters of folded text
_WIDE = 0.002  # an interval that makes the fourth decimal worthless
NONE = "–"

MODELS = {
    "recent_popularity": "recent popularity",
    "markov": "Markov chain",
    "own_watches": "own watches",
    "co_watch": "co-watch",
    "user_neighbours": "user neighbours",
    "click_rate": "click rate so far",
    "click_rate_frozen": "click rate, frozen",
    "mean_seconds": "mean seconds so far",
    "mean_seconds_frozen": "mean seconds, frozen",
    "odds": "odds of seconds so far",
    "odds_frozen": "odds of seconds, frozen",
    "lightgbm": "LightGBM",
    "item_neighbours": "item neighbours",
    "rp3beta": "random walks (RP3β)",
    "als": "least squares (ALS)",
    "ease": "EASE",
    "last_15_minutes": "most watched, 15 minutes",
    "last_hour": "most watched, hour",
    "last_day": "most watched, day",
    "last_week": "most watched, week",
    "all_time": "most watched, all time",
    "last_15_minutes_then_next": "15 minutes and what followed",
    "last_hour_then_next": "hour and what followed",
    "last_day_then_next": "day and what followed",
    "last_week_then_next": "week and what followed",
    "all_time_then_next": "all time and what followed",
    "network": "candidates, network alone",
    "as_trained": "candidates, as trained",
    "system": "both stages",
    "candidates_by_truth": "candidates in best order",
    "oracle_by_watch_time": "best slate of all videos",
    "answers": "right answers",
    "logged": "order of the log",
    "random": "random order",
    "best": "best order",
}


@dataclasses.dataclass(frozen=True)
class NumberCell:
    """A number with its interval, None where it is not known.

    Attributes:
      value: The number.
      low: Lower end of its interval.
      high: Upper end.
      show: Function that writes a number; None: with as many decimals as the interval
        is worth.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    show: Callable[[float], str] | None = None

    @property
    def three(self) -> tuple[float | None, float | None, float | None]:
        """The number and the ends of its interval."""
        return self.value, self.low, self.high

    def texts(self) -> list[str]:
        """Returns the number and the ends of its interval, those that are known."""
        if self.value is None or not is_finite(self.value):
            return [NONE]
        ends = finite((self.low, self.high))
        ends = ends if len(ends) == 2 else []
        is_coarse = bool(ends) and ends[1] - ends[0] > _WIDE
        show = self.show or functools.partial(_decimals, 3 if is_coarse else 4)
        return [show(number) for number in (self.value, *ends)]


Cell: TypeAlias = str | int | float | NumberCell | None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
      columns: Headings.
      rows: Cells; text is shown as given, whole numbers whole, others with about
        three digits, None as –.
      caption: Description of its content.
      words: Indices of the text columns, set left; all others are set right.
      marked: Indices of highlighted rows.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    words: Sequence[int] = (0,)
    marked: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Checks the widths."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"expected {len(self.columns)} cells in each row, received {row}"
                )


def draw(one: Table, width: int) -> table.Table:
    """Returns a table for the terminal.

    Where there is no room, it is without intervals, then with folded text, then without
    its last columns, and the rows that have numbers in these alone.

    Args:
      one: The table.
      width: Characters of a line.
    """
    screen = console.Console(width=_UNBOUNDED)
    for with_intervals in (True, False):
        drawn = _drawn(one, with_intervals, fold=False)
        if drawn.__rich_measure__(screen, screen.options).maximum <= width:
            return drawn
    for number in range(len(one.columns), 2, -1):
        cells = [row[:number] for row in one.rows]
        cells = [row for row in cells if {*map(text, row[1:])} != {NONE}]
        narrow = dataclasses.replace(one, columns=one.columns[:number], rows=cells)
        drawn = _drawn(narrow, with_intervals=False, fold=True)
        if drawn.__rich_measure__(screen, screen.options).minimum <= width:
            break
    return drawn


def _drawn(one: Table, with_intervals: bool, fold: bool) -> table.Table:
    result = table.Table(
        title=one.caption,
        title_justify="left",
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, heading in enumerate(one.columns):
        if place in one.words:
            longest = max((len(text(row[place])) for row in one.rows), default=0)
            result.add_column(
                heading,
                overflow="fold",
                no_wrap=not fold,
                min_width=min(longest, _LEAST_WORDS) if fold else None,
            )
        else:
            lines = heading.replace(" ↓", "\N{NO-BREAK SPACE}↓").replace(" ", "\n")
            result.add_column(lines, justify="right", no_wrap=True)
    for place, row in enumerate(one.rows):
        cells = [in_line(cell, with_intervals) for cell in row]
        result.add_row(*cells, style="bold" if place in one.marked else None)
    return result


def in_line(cell: Cell, with_interval: bool = True) -> str:
    """Returns a cell as text, with its interval in brackets."""
    if not isinstance(cell, NumberCell):
        return text(cell)
    value, *ends = cell.texts()
    return f"{value} [{ends[0]}, {ends[1]}]" if ends and with_interval else value


def text(value: Any) -> str:
    """Returns a cell without an interval as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    value = value.value if isinstance(value, NumberCell) else value
    return format_number(value) if is_finite(value) else NONE


def finite(values: Iterable[Any]) -> list[float]:
    """Returns the values that are finite numbers."""
    return [float(value) for value in values if is_finite(value)]


def is_finite(value: Any) -> bool:
    """Whether a value is a number that can be drawn: not None, NaN or infinite."""
    return value is not None and abs(value) < LARGEST


def model_title(name: str) -> str:
    """Returns the display name of a model."""
    own = name.replace(metric_names.REQUESTS, "")
    return MODELS.get(own, own) + " by requests" * (own != name)


def format_number(value: float, step: float | None = None) -> str:
    """Returns a number as people write it.

    Args:
      value: Number to write.
      step: Distance of the ticks: all get the decimals that tell them apart.
        Without: about three digits.

    >>> format_number(0.30000000000000004, 0.1), format_number(1200000)
    ('0.3', '1.2M')
    """
    if abs(value) >= 1e12 or 0 < abs(value) < 1e-4:
        return f"{value:.3g}"
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if suffix == "k" else size
            unit_step = step / unit if step else None
            return f"{format_number(value / unit, unit_step)}{suffix}"
    if step is None:
        magnitude = math.floor(math.log10(abs(value))) if value else 0
        words = f"{value:,.{max(0, 2 - magnitude)}f}"
        return words.rstrip("0").removesuffix(".") if "." in words else words
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1  # a step of 0.25
    return f"{value + 0.0:,.{decimals}f}"


def _decimals(number: int, value: float) -> str:
    """Returns a value with as many decimals if below 10, so that columns line up."""
    return f"{value:.{number}f}" if abs(value) < 10 else format_number(value)
