"""Plots as inline SVG: lines, bars, and values with intervals.

Small text that needs no script, no font and no network. Colours are CSS variables of
the page with defaults of their own, words and axes take the colour of the text around
them, so a plot is right in light and dark. Series differ by marker and dash too, every
marker tells its numbers when pointed at, and the same numbers give the same bytes.

>>> svg = lines("Recall", {"ours": Series([1, 10], [0.1, 0.4])}, "k", "recall@k")
>>> svg.startswith("<svg "), svg.count("<circle")
(True, 2)
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import markupsafe

from ytdnn.evaluation.terminal import finite_numbers
from ytdnn.lab.pages import frame, marks, scales, svg

Values = Sequence[Any]  # numbers; None and NaN are gaps
Interval = tuple[Any, Any, Any]  # value, low, high

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
      colours: Colour of a series by name (`svg.colour`), so that a model has one on
        all plots; default: in turn.

    Returns:
      An `<svg>`, markup that templates leave as it is.
    """
    paints = frame.paints(series, colours)
    head, top = frame.head(title, y_label, paints)
    bottom = top + frame.PLOT_HEIGHT
    xs = [x for one in series.values() for x in one.x]
    ys = [
        y
        for one in series.values()
        for part in (one.y, one.low, one.high)
        for y in (() if part is None else part)
    ]
    x = scales.scale(xs, frame.LEFT, svg.WIDTH - frame.RIGHT, log=log_x, ticks=x_ticks)
    y = scales.scale(ys, bottom, top, log=log_y, from_zero=from_zero)
    parts = [*head, *frame.y_axis(y), *frame.x_axis(x, bottom)]
    for name, one in series.items():
        parts += _drawn(name, one, x, y, paints[name])
    foot, height = frame.foot(x_label, x.start, x.stop, bottom)
    return svg.picture(title, height, [*parts, *foot])


def bars(
    title: str,
    categories: Sequence[str],
    values: Mapping[str, Values],
    x_label: str = "",
    y_label: str = "",
    colours: Mapping[str, int] | None = None,
) -> markupsafe.Markup:
    """Draws groups of bars that begin at 0, one group for each category.

    Args:
      title: Content of the plot.
      categories: Names along, short.
      values: Numbers of each series, one for each category.
      x_label: Name of the categories.
      y_label: Name of the y axis, with its unit.
      colours: Colours as for `lines`.
    """
    _check_lengths(categories, values)
    paints = frame.paints(values, colours)
    head, top = frame.head(title, y_label, paints, filled=True)
    bottom = top + frame.PLOT_HEIGHT
    shown = [value for row in values.values() for value in row]
    y = scales.scale(shown, bottom, top, from_zero=True)
    band = (svg.WIDTH - frame.LEFT - frame.RIGHT) / max(1, len(categories))
    parts = [*head, *frame.y_axis(y), *frame.band_axis(categories, band, bottom)]
    width = 0.8 * band / max(1, len(values))
    for place, (name, row) in enumerate(values.items()):
        for column, value in enumerate(row):
            if y.holds(value):
                left = frame.LEFT + band * (column + 0.1) + width * place
                words = f"{name}, {categories[column]}: {scales.number(value)}"
                parts.append(
                    marks.bar(left, width, y(0.0), y(value), paints[name], words)
                )
    foot, height = frame.foot(x_label, frame.LEFT, svg.WIDTH - frame.RIGHT, bottom)
    return svg.picture(title, height, [*parts, *foot])


def intervals(
    title: str,
    categories: Sequence[str],
    values: Mapping[str, Sequence[Interval]],
    x_label: str,
    from_zero: bool = True,
    colours: Mapping[str, int] | None = None,
) -> markupsafe.Markup:
    """Draws values as dots with whiskers, one row for each category and series.

    Args:
      title: Content of the plot.
      categories: Names of the rows, of two lines at most; a line break is kept.
      values: (value, low, high) of each series, one for each category; None where
        there is none.
      x_label: Name of the x axis, with its unit.
      from_zero: Whether x begins at 0.
      colours: Colours as for `lines`.
    """
    _check_lengths(categories, values)
    paints = frame.paints(values, colours)
    head, top = frame.head(title, "", paints)
    step = max(2.2, 0.6 + 0.62 * len(values)) * frame.ROW_HEIGHT
    bottom = top + step * max(1, len(categories))
    widths = [svg.text_width(part) for name in categories for part in name.split("\n")]
    left = min(0.46 * svg.WIDTH, 10 + max(widths, default=0))
    numbers = [number for row in values.values() for three in row for number in three]
    right = svg.WIDTH - frame.RIGHT - 4
    x = scales.scale(numbers, left + 8, right, from_zero=from_zero)
    parts = [*head, *frame.x_axis(x, bottom, grid_top=top)]
    for row, category in enumerate(categories):
        middle = top + step * (row + 0.5)
        if row:
            parts.append(marks.grid(0, top + step * row, x.stop, top + step * row))
        parts += frame.row_name(category, left, middle)
        for place, name in enumerate(values):
            height = middle + (place - (len(values) - 1) / 2) * 0.62 * frame.ROW_HEIGHT
            three = values[name][row]
            words = ", ".join([name, *category.split("\n")])
            words += f": {_interval_words(three)}"
            parts += marks.interval(x, three, height, paints[name], words)
    foot, height = frame.foot(x_label, x.start, x.stop, bottom)
    return svg.picture(title, height, [*parts, *foot])


def _check_lengths(categories: Sequence[str], values: Mapping[str, Values]) -> None:
    for name, row in values.items():
        if len(row) != len(categories):
            raise ValueError(
                f"expected {len(categories)} values of {name}, one for each category, "
                f"received {len(row)}"
            )


def _drawn(
    name: str, one: Series, x: scales.Scale, y: scales.Scale, paint: marks.Paint
) -> Iterator[markupsafe.Markup]:
    steps = one.style == "steps"
    if one.low is not None and one.high is not None and one.style != "points":
        yield from marks.band(x, y, one.x, one.low, one.high, steps, paint)
    if one.style != "points":
        yield from marks.path(x, y, one.x, one.y, steps, paint)
    is_marked = paint.index > 0 and len(one.x) <= _MOST_MARKERS
    if one.style == "points" or is_marked:
        for place, (along, up) in enumerate(zip(one.x, one.y, strict=True)):
            if not (x.holds(along) and y.holds(up)):
                continue
            three = (up, *_ends(one, place))
            if one.style == "points":
                yield from marks.whisker(x(along), y, three, paint)
            words = ""
            if len(one.x) <= _MOST_TOOLTIPS:
                words = f"{name}, {scales.number(along)}: {_interval_words(three)}"
            yield marks.marker(x(along), y(up), paint, words)


def _ends(one: Series, place: int) -> tuple[Any, Any]:
    if one.low is None or one.high is None:
        return None, None
    return one.low[place], one.high[place]


def _interval_words(three: Interval) -> str:
    value, low, high = three
    if not finite_numbers.is_finite(value):
        return "–"
    words = scales.number(value)
    if finite_numbers.is_finite(low) and finite_numbers.is_finite(high):
        words += f" [{scales.number(low)}, {scales.number(high)}]"
    return words
