"""The frame around the marks of a plot: title, legend, axes and their names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import markupsafe

from ytdnn.lab.pages import marks, scales, svg

LEFT, RIGHT = 52.0, 10.0  # margins around the marks
PLOT_HEIGHT = 190.0
ROW_HEIGHT = 15.0
_LINE_HEIGHT = 16.0


def paints(
    names: Mapping[str, Any], colours: Mapping[str, int] | None
) -> dict[str, marks.Paint]:
    """Returns the look of each series: as chosen, or in turn."""
    chosen = colours or {}
    return {
        name: marks.Paint(chosen.get(name, place))
        for place, name in enumerate(names, 1)
    }


def head(
    title: str,
    y_label: str,
    paints: Mapping[str, marks.Paint],
    filled: bool = False,
) -> tuple[list[markupsafe.Markup], float]:
    """Returns title, legend and name of the y axis, and where the plot begins."""
    parts = []
    height = _LINE_HEIGHT
    for words in svg.wrapped(title, 0.94 * svg.WIDTH):
        parts.append(svg.text(0, height, words, font_weight="600"))
        height += _LINE_HEIGHT
    x = 0.0
    for name, paint in paints.items() if len(paints) > 1 else ():
        width = 30 + svg.text_width(name)
        if x and x + width > svg.WIDTH:
            x, height = 0.0, height + _LINE_HEIGHT
        parts += marks.legend(x, height, name, paint, filled)
        x += width
    height += _LINE_HEIGHT if len(paints) > 1 else 0.0
    for words in svg.wrapped(y_label, svg.WIDTH) if y_label else ():
        parts.append(svg.text(0, height, words, opacity="0.75"))
        height += _LINE_HEIGHT
    return parts, height - 4


def y_axis(y: scales.Scale) -> Iterator[markupsafe.Markup]:
    """Yields a grid line and a number for each tick."""
    right = svg.WIDTH - RIGHT
    for tick, words in zip(y.ticks, y.labels(), strict=True):
        yield marks.grid(LEFT, y(tick), right, y(tick))
        yield svg.text(LEFT - 6, y(tick) + 4, words, "end")


def x_axis(
    x: scales.Scale, bottom: float, grid_top: float | None = None
) -> Iterator[markupsafe.Markup]:
    """Yields the axis of numbers, with grid lines from `grid_top` if given."""
    yield marks.axis(x.start, bottom, x.stop, bottom)
    last = -svg.WIDTH
    for tick, words in zip(x.ticks, x.labels(), strict=True):
        place = x(tick)
        top = bottom - 4 if grid_top is None else grid_top
        yield marks.grid(place, top, place, bottom + 4)
        half = svg.text_width(words) / 2
        middle = min(place, svg.WIDTH - half)
        if middle - half > last:  # as many words as have room
            yield svg.text(middle, bottom + 17, words, "middle")
            last = middle + half + 3


def band_axis(
    categories: Sequence[str], band: float, bottom: float
) -> Iterator[markupsafe.Markup]:
    """Yields the axis of categories; where names lack room, every second and so on."""
    right = svg.WIDTH - RIGHT
    yield marks.axis(LEFT, bottom, right, bottom)
    widest = max(map(svg.text_width, categories), default=0.0)
    every = max(1, -int(-(widest + 4) // band))
    for column in range(0, len(categories), every):
        middle = LEFT + band * (column + 0.5)
        yield svg.text(middle, bottom + 17, categories[column], "middle")


def foot(
    label: str, start: float, stop: float, bottom: float
) -> tuple[list[markupsafe.Markup], float]:
    """Returns the name of the x axis, and the height of the whole picture."""
    middle, height = (start + stop) / 2, bottom + 18
    parts = []
    for words in svg.wrapped(label, 2 * (svg.WIDTH - middle)):
        height += _LINE_HEIGHT
        parts.append(svg.text(middle, height, words, "middle", opacity="0.75"))
    return parts, height + 6


def row_name(words: str, right: float, middle: float) -> Iterator[markupsafe.Markup]:
    """Yields a name in one line or two, ending at `right`; it may hold a break."""
    lines = [line for part in words.split("\n") for line in svg.wrapped(part, right)]
    if len(lines) > 2:
        lines = [lines[0], lines[1][:-1] + "…"]
    first = middle + 4 - (len(lines) - 1) * ROW_HEIGHT / 2
    for row, line in enumerate(lines):
        yield svg.text(right, first + row * ROW_HEIGHT, line, "end")
