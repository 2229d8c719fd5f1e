"""The marks of a plot: markers, lines, bands, bars, whiskers, and legend."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import markupsafe

from ytdnn.lab.pages import scales, svg

_DASHES = (None, "7 3", "2 3", "9 3 2 3")
_RADIUS = 3.4


@dataclasses.dataclass(frozen=True)
class Paint:
    """How a series looks.

    Attributes:
      index: 1 to 8, in turn; 0 is the dashed grey of a reference.
    """

    index: int

    @property
    def colour(self) -> str:
        """Its colour."""
        return svg.colour(self.index)

    @property
    def dash(self) -> str | None:
        """Its dashes, which tell series apart without colours."""
        return _DASHES[(self.index - 1) % len(_DASHES)]


def grid(x1: float, y1: float, x2: float, y2: float) -> markupsafe.Markup:
    """Returns a faint line."""
    return svg.line(x1, y1, x2, y2, stroke="currentColor", stroke_opacity="0.14")


def axis(x1: float, y1: float, x2: float, y2: float) -> markupsafe.Markup:
    """Returns the line of an axis."""
    return svg.line(x1, y1, x2, y2, stroke="currentColor", stroke_opacity="0.5")


def marker(x: float, y: float, paint: Paint, words: str = "") -> markupsafe.Markup:
    """Returns a circle, square, triangle or diamond that tells its numbers."""
    inner = [svg.tooltip(words)] if words else []
    shape = (paint.index - 1) % 4
    if shape == 0:
        return svg.element(
            "circle", inner, cx=float(x), cy=float(y), r=_RADIUS, fill=paint.colour
        )
    size = _RADIUS * (0.9, 1.25, 1.3)[shape - 1]
    corners = (
        ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        ((0, -1), (1, 0.8), (-1, 0.8)),
        ((0, -1), (1, 0), (0, 1), (-1, 0)),
    )[shape - 1]
    points = _points([(x + size * a, y + size * b) for a, b in corners])
    return svg.element("polygon", inner, points=points, fill=paint.colour)


def legend(
    x: float, y: float, name: str, paint: Paint, filled: bool
) -> list[markupsafe.Markup]:
    """Returns a short line with marker, or a filled box, and the name after it."""
    if filled:
        box = svg.element(
            "rect", x=x + 6, y=y - 9, width=10.0, height=10.0, fill=paint.colour
        )
        return [box, svg.text(x + 20, y, name)]
    parts = [svg.line(x, y - 4, x + 20, y - 4, **_stroke(paint))]
    if paint.index > 0:
        parts.append(marker(x + 10, y - 4, paint))
    return [*parts, svg.text(x + 24, y, name)]


def path(
    x: scales.Scale,
    y: scales.Scale,
    along: Sequence[Any],
    up: Sequence[Any],
    steps: bool,
    paint: Paint,
) -> Iterator[markupsafe.Markup]:
    """Yields the joined line of a series, broken at its gaps."""
    for piece in _pieces(x, y, along, up):
        places = [(x(along[i]), y(up[i])) for i in piece]
        if len(places) > 1:
            points = _points(_stairs(places) if steps else places)
            yield svg.element("polyline", points=points, fill="none", **_stroke(paint))


def band(
    x: scales.Scale,
    y: scales.Scale,
    along: Sequence[Any],
    low: Sequence[Any],
    high: Sequence[Any],
    steps: bool,
    paint: Paint,
) -> Iterator[markupsafe.Markup]:
    """Yields the area between the ends of the intervals."""
    both = [b if y.holds(a) else None for a, b in zip(low, high, strict=True)]
    for piece in _pieces(x, y, along, both):
        upper = [(x(along[i]), y(high[i])) for i in piece]
        lower = [(x(along[i]), y(low[i])) for i in piece]
        if steps:
            upper, lower = _stairs(upper), _stairs(lower)
        points = _points([*upper, *reversed(lower)])
        yield svg.element(
            "polygon", points=points, fill=paint.colour, fill_opacity="0.16"
        )


def bar(
    left: float, width: float, zero: float, end: float, paint: Paint, words: str
) -> markupsafe.Markup:
    """Returns a bar from the zero line."""
    return svg.element(
        "rect",
        svg.tooltip(words),
        x=float(left),
        y=min(zero, end),
        width=max(1.0, width - 0.6),
        height=abs(zero - end),
        fill=paint.colour,
    )


def whisker(
    place: float, y: scales.Scale, three: Sequence[Any], paint: Paint
) -> Iterator[markupsafe.Markup]:
    """Yields an upright interval."""
    _, low, high = three
    if y.holds(low) and y.holds(high):
        yield svg.line(place, y(low), place, y(high), stroke=paint.colour)


def interval(
    x: scales.Scale, three: Sequence[Any], height: float, paint: Paint, words: str
) -> Iterator[markupsafe.Markup]:
    """Yields a dot with a level interval."""
    value, low, high = three
    if x.holds(low) and x.holds(high):
        yield svg.line(
            x(low), height, x(high), height, stroke=paint.colour, stroke_width="1.6"
        )
    if x.holds(value):
        yield marker(x(value), height, paint, words)


def _stroke(paint: Paint) -> dict[str, Any]:
    return {
        "stroke": paint.colour,
        "stroke_width": "1.8",
        "stroke_dasharray": paint.dash,
        "stroke_linejoin": "round",
    }


def _pieces(
    x: scales.Scale, y: scales.Scale, along: Sequence[Any], up: Sequence[Any]
) -> Iterator[list[int]]:
    """Yields the places of neighbours that can all be drawn."""
    piece: list[int] = []
    for place, (a, b) in enumerate(zip(along, up, strict=True)):
        if x.holds(a) and y.holds(b):
            piece.append(place)
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _stairs(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found = places[:1]
    for (_, before), (along, up) in itertools.pairwise(places):
        found += [(along, before), (along, up)]
    return found


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{svg.coordinate(a)},{svg.coordinate(b)}" for a, b in places)
