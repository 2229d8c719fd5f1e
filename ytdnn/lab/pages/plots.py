"""Plots as inline SVG, drawn by Matplotlib: lines, bars, and values with intervals.

Text that needs no script, no font and no network. Colours are CSS variables of
the page with defaults of their own, words and axes take the colour of the text around
them, so a plot is right in light and dark. Series differ by marker and dash too, every
marker tells its numbers when pointed at, and the same numbers give the same bytes.

>>> svg = lines("Recall", {"ours": Series([1, 10], [0.1, 0.4])}, "k", "recall@k")
>>> svg.startswith("<svg "), svg.count("<title>")
(True, 2)
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import markupsafe
import numpy as np

from ytdnn.evaluation import tables
from ytdnn.lab.pages import svg_figures

Values = Sequence[Any]  # numbers; None and NaN are gaps
Interval = tuple[Any, Any, Any]  # value, low, high

_HEIGHT = 190.0
_ROW_HEIGHT = 15.0
_MOST_MARKERS = 40  # on a line
_MOST_TOOLTIPS = 400  # of a cloud of points, whose size they would treble


@dataclasses.dataclass(frozen=True)
class Series:
    """One line, cloud of points, or staircase.

    Attributes:
      x: Numbers along; in order where they are joined.
      y: Numbers up, as many; None or NaN is a gap.
      low: Lower ends of the intervals, or None.
      high: Upper ends.
      style: `line` (joined, intervals as a band), `points` (not joined, intervals as
        whiskers) or `steps` (y[i] holds from x[i] to x[i + 1]).
    """

    x: Values
    y: Values
    low: Values | None = None
    high: Values | None = None
    style: Literal["line", "points", "steps"] = "line"

    def __post_init__(self) -> None:
        """Checks the lengths."""
        for name in ("y", "low", "high"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.x):
                raise ValueError(
                    f"expected as many {name} as x ({len(self.x)}), "
                    f"received {len(values)}"
                )
        if (self.low is None) != (self.high is None):
            raise ValueError("expected both low and high, or neither")


@svg_figures.style()
def lines(
    title: str,
    series: Mapping[str, Series],
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    from_zero: bool = False,
    x_ticks: Sequence[float] = (),
    colours: Mapping[str, int] | None = None,
) -> markupsafe.Markup:
    """Draws series over numbers.

    Args:
      title: Content of the plot, in a line or two.
      series: By name, in the order of the legend.
      x_label: Name of the x axis, with its unit.
      y_label: Name of the y axis, with its unit.
      log_x: Logarithmic x; values that are not positive are left out.
      log_y: Logarithmic y.
      from_zero: Whether y begins at 0.
      x_ticks: Marks of x instead of round numbers.
      colours: Colour of a series by name (`svg_figures.COLOURS`), so that a
        model has one on all plots; default: in turn.

    Returns:
      An `<svg>`, markup that templates leave as it is.
    """
    plot = svg_figures.Plot(title, [*series], colours, (x_label, y_label), _HEIGHT)
    axes = plot.axes
    scales = {True: "log", False: "linear"}
    axes.set(xscale=scales[log_x], yscale=scales[log_y], xmargin=0.02)
    handles = [_drawn(plot, name, one) for name, one in series.items()]
    if from_zero:
        _include_zero(axes, "y")
    axes.grid(axis="y")
    svg_figures.set_numbers(axes.xaxis, x_ticks)
    svg_figures.set_numbers(axes.yaxis)
    return plot.svg(handles)


@svg_figures.style()
def bars(
    title: str,
    categories: Sequence[str],
    values: Mapping[str, Values],
    x_label: str = "",
) -> markupsafe.Markup:
    """Draws groups of bars that begin at 0, one group for each category.

    Args:
      title: Content of the plot.
      categories: Names along, short.
      values: Numbers of each series, one for each category.
      x_label: Name of the categories.
    """
    _check_lengths(categories, values)
    plot = svg_figures.Plot(title, [*values], None, (x_label, ""), _HEIGHT)
    axes = plot.axes
    width = 0.8 / max(1, len(values))
    handles = []
    for place, (name, row) in enumerate(values.items()):
        left = np.arange(len(row)) - 0.4 + width * (place + 0.5)
        colour = plot.looks[name]["color"]
        container = axes.bar(left, _numbers(row), 0.95 * width, color=colour)
        for bar, category, value in zip(container, categories, row, strict=True):
            if np.isfinite(bar.get_height()):
                plot.tip(bar, [f"{name}, {category}: {tables.format_number(value)}"])
        handles.append(container)
    axes.set_xlim(-0.5, max(1, len(categories)) - 0.5)
    axes.grid(axis="y")
    svg_figures.set_numbers(axes.yaxis)
    svg_figures.set_ticks(axes.xaxis, range(len(categories)), categories)
    return plot.svg(handles)


@svg_figures.style()
def intervals(
    title: str,
    categories: Sequence[str],
    values: Mapping[str, Sequence[Interval]],
    x_label: str,
    colours: Mapping[str, int] | None = None,
) -> markupsafe.Markup:
    """Draws values as dots with whiskers, one row for each category and series.

    Of one category the rows are named by the series, and there is no legend. The axis
    holds 0.

    Args:
      title: Content of the plot.
      categories: Names of the rows, of two lines at most; a line break is kept.
      values: (value, low, high) of each series, one for each category; None where
        there is none.
      x_label: Name of the x axis, with its unit.
      colours: Colours as for `lines`.
    """
    _check_lengths(categories, values)
    is_one = len(categories) == 1 < len(values)
    rows = [*values] if is_one else categories
    step = max(2.2, 0.6 + 0.62 * (is_one or len(values))) * _ROW_HEIGHT
    parts = [part for name in rows for part in name.split("\n")]
    widest = max(map(svg_figures.text_width, parts), default=0.0)
    left = min(0.46 * svg_figures.WIDTH, 10 + widest)
    height, labels = step * max(1, len(rows)), (x_label, "")
    plot = svg_figures.Plot(
        title, [*values], colours, labels, height, left + 8, not is_one
    )
    axes = plot.axes
    handles = []
    for place, (name, row) in enumerate(values.items()):
        shift = 0.62 * (place - (len(values) - 1) / 2) * _ROW_HEIGHT / step
        middle, low, high = (_numbers([three[i] for three in row]) for i in range(3))
        up = np.arange(len(row)) + (place if is_one else shift)
        (dots,) = axes.plot(middle, up, **plot.looks[name] | {"linestyle": "none"})
        _whiskers(axes.hlines, (up, low, high), dots.get_color())
        words = ([name, *filter(None, each.split("\n"))] for each in categories)
        names = [*map(", ".join, words)]
        tips = [f"{names[i]}: {_words(row[i])}" for i in _finite(middle)]
        plot.tip(dots, tips)
        handles.append(dots)
    _include_zero(axes, "x")
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    for place, name in enumerate(rows):
        plot.write_row(left, (place + 0.5) / len(rows), name)
    svg_figures.set_ticks(axes.yaxis, [row + 0.5 for row in range(len(rows) - 1)])
    axes.grid()
    svg_figures.set_numbers(axes.xaxis)
    return plot.svg(handles)


def epoch_ticks(epochs: Sequence[int]) -> list[float]:
    """Returns at most eight of some epochs, for the ticks of an axis."""
    every = max(1, -(-len(epochs) // 8))
    return [float(epoch) for epoch in epochs[::every]]


def _check_lengths(categories: Sequence[str], values: Mapping[str, Values]) -> None:
    for name, row in values.items():
        if len(row) != len(categories):
            raise ValueError(
                f"expected {len(categories)} values of {name}, one for each category, "
                f"received {len(row)}"
            )


def _numbers(values: Values, is_log: bool = False) -> np.ndarray:
    """Returns values as floats, NaN where they have no place on the axis."""
    least = 1 / tables.LARGEST if is_log else -tables.LARGEST
    is_shown = [tables.is_finite(v) and v > least for v in values]
    return np.where(is_shown, np.array(values, float), np.nan)


def _finite(values: np.ndarray) -> list[int]:
    return np.flatnonzero(np.isfinite(values)).tolist()


def _include_zero(axes: Any, axis: Literal["x", "y"]) -> None:
    """Lets an axis hold 0, and begin there where no value is less."""
    axes.update_datalim([(0, 0)], updatex=axis == "x", updatey=axis == "y")
    axes.autoscale_view()
    if getattr(axes.dataLim, f"{axis}min") == 0:
        axes.set(**{f"{axis}lim": (0, None)})


def _drawn(plot: svg_figures.Plot, name: str, series: Series) -> Any:
    """Draws a series and returns its artist for the legend."""
    axes, look = plot.axes, dict(plot.looks[name])
    log_x, log_y = axes.get_xscale() == "log", axes.get_yscale() == "log"
    x, y = _numbers(series.x, log_x), _numbers(series.y, log_y)
    is_grey = look["color"] == svg_figures.COLOURS[0]
    if series.style == "points":
        look["linestyle"] = "none"
    elif is_grey or len(x) > _MOST_MARKERS:
        look["marker"] = "none"
    step: Literal["post"] | None = "post" if series.style == "steps" else None
    low = [None] * len(x) if series.low is None else series.low
    high = [None] * len(x) if series.high is None else series.high
    ends = x, _numbers(low, log_y), _numbers(high, log_y)
    if series.style == "points":
        _whiskers(axes.vlines, ends, look["color"])
    elif series.low is not None:
        axes.fill_between(*ends, step=step, color=look["color"], alpha=0.16, lw=0)
    (line,) = axes.plot(x, y, drawstyle=f"steps-{step}" if step else None, **look)
    if look["marker"] != "none" and len(x) <= _MOST_TOOLTIPS:
        number = tables.format_number
        tips = {i: _words((series.y[i], low[i], high[i])) for i in _finite(x + y)}
        plot.tip(line, [f"{name}, {number(series.x[i])}: {tips[i]}" for i in tips])
    return line


def _whiskers(draw: Any, places: Sequence[np.ndarray], colour: Any) -> None:
    """Draws lines at the first places from the second to the third."""
    whole = np.isfinite(sum(places))
    draw(*(each[whole] for each in places), color=colour, lw=1.4, zorder=1.9)


def _words(three: Interval) -> str:
    return tables.in_line(tables.NumberCell(*three, tables.format_number))
