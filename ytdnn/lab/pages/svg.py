"""Elements of an SVG picture as text: small, and the same bytes every time."""

import textwrap
from collections.abc import Iterable
from typing import Any

import markupsafe

WIDTH = 400.0
FONT_SIZE = 12.5
# Of a wide proportional face; capitals and a few others are wider still.
_CHARACTER_WIDTH = 0.6 * FONT_SIZE
_WIDER = 0.22 * FONT_SIZE
_WIDE = frozenset("ABCDEFGHJKLMNOPQRSTUVWXYZmw@%—")

# Colours that also those who see fewer can tell apart (Okabe and Ito), and dark text
# keeps its contrast with. A page may set the variables; alone the defaults hold.
PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#b8860b",
    "#56b4e9",
    "#7a4fbf",
    "#8c564b",
)


def colour(index: int) -> str:
    """Returns the paint of a series: 1 to 8, in turn; 0 is the grey of a reference."""
    if index == 0:
        return "var(--muted, #767676)"
    number = (index - 1) % len(PALETTE) + 1
    return f"var(--series-{number}, {PALETTE[number - 1]})"


def coordinate(value: float) -> str:
    """Returns a length with at most one decimal, so that files stay small.

    >>> coordinate(12.04), coordinate(12.25), coordinate(-0.01)
    ('12', '12.2', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(
    name: str,
    content: Iterable[str] | str = (),
    **attributes: str | float | None,
) -> markupsafe.Markup:
    """Returns `<name …>content</name>`.

    Args:
      name: Name of the element.
      content: One text or several, escaped unless they are markup.
      **attributes: `_` stands for `-`, a last `_` is dropped, None leaves it out.
    """
    shown = markupsafe.Markup("").join(
        markupsafe.Markup(' {}="{}"').format(
            key.rstrip("_").replace("_", "-"),
            coordinate(value) if isinstance(value, float) else value,
        )
        for key, value in attributes.items()
        if value is not None
    )
    parts = [content] if isinstance(content, str) else content
    inner = markupsafe.Markup("").join(parts)
    if not inner:
        return markupsafe.Markup("<{}{}/>").format(markupsafe.Markup(name), shown)
    tag = markupsafe.Markup(name)
    return markupsafe.Markup("<{}{}>{}</{}>").format(tag, shown, inner, tag)


def text(
    x: float, y: float, words: str, anchor: str = "start", **attributes: str | float
) -> markupsafe.Markup:
    """Returns words with their baseline at y; they stay text that can be selected."""
    return element(
        "text",
        words,
        x=float(x),
        y=float(y),
        text_anchor=None if anchor == "start" else anchor,
        **attributes,
    )


def line(
    x1: float, y1: float, x2: float, y2: float, **attributes: Any
) -> markupsafe.Markup:
    """Returns a straight line."""
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    attributes = {key: float(value) for key, value in ends.items()} | attributes
    return element("line", (), **attributes)


def tooltip(words: str) -> markupsafe.Markup:
    """Returns the tooltip of the element around it."""
    return element("title", words)


def text_width(words: str) -> float:
    """Returns about how wide words are; a little more, rather than less."""
    num_wide = sum(character in _WIDE for character in words)
    return _CHARACTER_WIDTH * len(words) + _WIDER * num_wide


def wrapped(words: str, width: float) -> list[str]:
    """Returns words in lines that fit into a width."""
    return textwrap.wrap(words, max(4, int(width / _CHARACTER_WIDTH))) or [""]


def picture(
    title: str, height: float, content: Iterable[markupsafe.Markup]
) -> markupsafe.Markup:
    """Returns a whole picture, `WIDTH` units wide, that scales to its place.

    Args:
      title: Its name for those who cannot see it.
      height: In the units of `WIDTH`.
      content: Its elements.
    """
    return element(
        "svg",
        content,
        xmlns="http://www.w3.org/2000/svg",
        class_="plot",
        role="img",
        aria_label=title,
        viewBox=f"0 0 {coordinate(WIDTH)} {coordinate(height)}",
        font_family="system-ui, sans-serif",
        font_size=FONT_SIZE,
        fill="currentColor",
    )
