"""Figures of Matplotlib as inline SVG in the colours of a page.

Matplotlib draws axes, marks and legend. Its SVG then loses what a page does not need,
gets the page's colours and font, and a tooltip for each mark.
"""

import contextlib
import io
import re
import textwrap
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import markupsafe
import matplotlib as mpl
import numpy as np
from matplotlib import figure, font_manager, textpath, ticker

from ytdnn.evaluation import tables
from ytdnn.lab.pages import page

WIDTH = 400.0
LEFT, RIGHT = 52.0, 18.0  # margins around the marks
LINE_HEIGHT = 16.0
FONT_SIZE = 12.5
_FLAT = 1e-9  # a narrower range, relative to its values, is one value
# Colours by index, those of the light page, which are the defaults of a plot that
# stands alone: 0 is the grey of a reference.
COLOURS = re.findall(r"--(?:muted|series-\d): (#\w{6})", page.css())[:9]
_VARIABLES = {"#000000": "currentColor", COLOURS[0]: f"var(--muted, {COLOURS[0]})"} | {
    colour: f"var(--series-{i}, {colour})" for i, colour in enumerate(COLOURS[1:], 1)
}
_LOCK = threading.Lock()  # Matplotlib's settings are the process's


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draws in the style of the pages, one plot at a time."""
    with _LOCK, mpl.rc_context(), warnings.catch_warnings():
        for name, value in mpl.rcParamsDefault.items():
            # A backend once changed is not set back by `rc_context`.
            if name != "backend" and mpl.rcParams[name] != value:
                mpl.rcParams[name] = value
        mpl.rc("font", family="DejaVu Sans", size=FONT_SIZE)  # comes with Matplotlib
        mpl.rc("svg", fonttype="none")
        mpl.rc("text", parse_math=False)
        mpl.rc("lines", linewidth=1.8, markersize=8, markeredgewidth=0)
        mpl.rc("legend", frameon=False, borderpad=0, borderaxespad=0, handlelength=1.8)
        mpl.rc("legend", handletextpad=0.4, columnspacing=0.8, labelspacing=0.18)
        mpl.rc("grid", color="#000000", alpha=0.14)
        warnings.filterwarnings("ignore", message="Glyph ")
        yield


class Plot:
    """A figure with one plot, its title and the names of its axes.

    Attributes:
      axes: Matplotlib's axes, to draw into.
      looks: Matplotlib's colour, dashes and marker of each series.
    """

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        colours: Mapping[str, int] | None,
        labels: tuple[str, str],
        height: float,
        left: float = LEFT,
        has_legend: bool = True,
    ) -> None:
        """Makes the figure.

        Args:
          title: Content of the plot.
          names: Names of the series, in the order of the legend.
          colours: Index in `COLOURS` by name; default: in turn.
          labels: Names of the x axis and of the y axis, which stands above it.
          height: Height of the axes, in the units of `WIDTH`.
          left: Space for the ticks of the y axis.
          has_legend: Whether a legend names the series, where there are several.
        """
        self._title, self._names = title, names
        self._tips: dict[str, Sequence[str]] = {}
        indices = [(colours or {}).get(name, i) for i, name in enumerate(names, 1)]
        self.looks = dict(zip(names, map(_look, indices), strict=True))
        width, middle = WIDTH - left - RIGHT, (left + WIDTH - RIGHT) / 2
        heading, above = wrapped(title, 0.86 * WIDTH), wrapped(labels[1], WIDTH)
        below = wrapped(labels[0], 2 * (WIDTH - middle))
        widest = max(map(text_width, names), default=0.0)
        self._num_columns = max(1, int(WIDTH // (widest + 36)))
        self._has_legend = has_legend and len(names) > 1
        rows = -(-len(names) // self._num_columns) if self._has_legend else 0
        self._legend_top = LINE_HEIGHT * len(heading) + 5
        self._top = self._legend_top + LINE_HEIGHT * (rows + len(above)) + 4
        bottom = self._top + height
        whole = self._height = bottom + 24 + LINE_HEIGHT * len(below)
        self._figure = figure.Figure((WIDTH / 72, whole / 72), dpi=72, frameon=False)
        box = (left / WIDTH, 1 - bottom / whole, width / WIDTH, height / whole)
        self.axes = self._figure.add_axes(box, facecolor="none", axisbelow=True)
        self.axes.spines[["left", "right", "top"]].set_visible(False)
        self.axes.spines["bottom"].set_alpha(0.5)
        self.axes.tick_params(left=False, color=(0, 0, 0, 0.5))
        self.write(0, LINE_HEIGHT, heading, weight=700)
        first = self._top - 8 - LINE_HEIGHT * (len(above) - 1)
        self.write(0, first, above, alpha=0.75)
        self.write(middle, bottom + 18 + LINE_HEIGHT, below, ha="center", alpha=0.75)

    def write(self, x: float, y: float, lines: Sequence[str], **look: Any) -> None:
        """Writes lines of text, the first with its baseline `y` units from the top."""
        for row, line in enumerate(lines):
            height = 1 - (y + row * LINE_HEIGHT) / self._height
            self._figure.text(x / WIDTH, height, line, **look)

    def write_row(self, x: float, share: float, words: str) -> None:
        """Writes the name of a row, ending at `x`, `share` of the axes' height down."""
        parts = words.split("\n")[:2]
        lines = [one for part in parts for one in wrapped(part, x, 3 - len(parts))]
        middle = self._top + share * self.axes.bbox.height
        first = middle + 4 - (len(lines) - 1) * LINE_HEIGHT / 2
        self.write(x, first, lines, ha="right")

    def tip(self, artist: Any, words: Sequence[str]) -> None:
        """Gives each mark of an artist a tooltip, in the order they are drawn."""
        artist.set_gid(f"tips-{len(self._tips)}")
        self._tips[artist.get_gid()] = words

    def svg(self, handles: Sequence[Any]) -> markupsafe.Markup:
        """Returns the plot as an `<svg>` that scales to its place.

        Args:
          handles: Artist of each series, for the legend.
        """
        if self._has_legend:
            self._figure.legend(
                handles,
                self._names,
                loc="upper left",
                bbox_to_anchor=(0, 1 - self._legend_top / self._height),
                ncols=self._num_columns,
            )
        buffer = io.StringIO()
        mpl.rc("svg", hashsalt=self._title)
        self._figure.savefig(buffer, format="svg")
        group = _shortened(buffer.getvalue(), self._tips)
        return markupsafe.Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img"'
            ' aria-label="{}" viewBox="0 0 {:.0f} {:.0f}" fill="currentColor"'
            ' font-family="system-ui, sans-serif" font-size="{}">{}</svg>'
        ).format(_clean(self._title), WIDTH, self._height, FONT_SIZE, group)


def text_width(words: str) -> float:
    """Returns the width of words; DejaVu Sans is wider than most fonts of pages."""
    font = font_manager.FontProperties(size=FONT_SIZE)
    return textpath.text_to_path.get_text_width_height_descent(words, font, False)[0]


def wrapped(words: str, width: float, most: int | None = None) -> list[str]:
    """Returns words in lines that fit into a width, at most so many; none of none."""
    length = int(0.95 * len(words) * width / max(1.0, text_width(words)))
    return textwrap.wrap(words, max(4, length), max_lines=most, placeholder="…")


def set_numbers(axis: Any, ticks: Sequence[float] = ()) -> None:
    """Sets ticks of an axis at a few round numbers, or those given that have room."""
    low, high = axis.get_view_interval()
    if high - low < _FLAT * max(abs(low), abs(high)):
        low, high = low - abs(low) / 2, high + abs(high) / 2
        axis.axes.set(**{f"{axis.axis_name}lim": (low, high)})
    is_log = axis.get_scale() == "log"
    if not len(ticks):
        round_numbers = ticker.MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])
        ratios = ticker.LogLocator(subs=(1, 2, 5) if high < 1_000 * low else (1,))
        locator = ratios if is_log else round_numbers
        ticks = [x for x in locator.tick_values(low, high) if low <= x <= high]
    steps = np.diff(ticks)
    is_even = len(steps) > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0)
    step = steps[0] if is_even and not is_log else None
    names = [tables.format_number(x, step) for x in ticks]
    set_ticks(axis, ticks, names)


def set_ticks(axis: Any, ticks: Sequence[float], names: Sequence[str] = ()) -> None:
    """Sets ticks of an axis; names along x that have no room are left out."""
    shown, last = [*names] or [""] * len(ticks), -WIDTH
    places = axis.axes.transData.transform([(x, x) for x in [*ticks, 1]])[:, 0]
    for i, name in enumerate(names if axis.axis_name == "x" else ()):
        half = text_width(name) / 2
        if places[i] - half > last and places[i] + half <= WIDTH:
            last = places[i] + half + 3
        else:
            shown[i] = ""
    axis.set_ticks(ticks, shown)
    axis.set_minor_locator(ticker.NullLocator())


def _look(index: int) -> dict[str, Any]:
    """Returns a pair of colour and marker that no other index up to 64 has."""
    turn, place = divmod(index - 1, 8)
    return {
        "color": COLOURS[place + 1 if index else 0],
        "linestyle": ("-", "--", ":", "-.")[place % 4],
        "marker": "os^DvPX<"[(place + turn) % 8],
    }


def _clean(text: str) -> str:
    """Returns a text without the characters that XML forbids."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)


def _shortened(svg: str, tips: Mapping[str, Sequence[str]]) -> markupsafe.Markup:
    """Returns the group of Matplotlib's SVG, short, in the colours of the page."""
    whole = svg[svg.index('<g id="figure_1">') : svg.rindex("</g>") + 4]
    text = re.sub(r">\s+<", "><", _clean(whole)).replace("xlink:href", "href")
    root = ElementTree.fromstring(text)
    for group in root.iter("g"):
        words = tips.get(group.get("id", ""), ())
        marks = [*group.iter("use")] or [*group.iter("path")]
        for mark, tip in zip(marks if words else (), words, strict=True):
            ElementTree.SubElement(mark, "title").text = _clean(tip)
        for use in group.findall("use"):  # all have one style
            group.set("style", use.attrib.pop("style"))
    for element in root.iter():
        for name, value in [*element.items()]:
            is_own = name == "id" and element.tag == "g"
            if is_own or name == "clip-path" or value.startswith("rotate(-0 "):
                del element.attrib[name]
            else:
                short = _recoloured(value) if name == "style" else _rounded(value)
                element.set(name, short)
    return markupsafe.Markup(ElementTree.tostring(root, encoding="unicode"))


def _rounded(places: str) -> str:
    """Returns numbers with at most one decimal."""
    short = re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.1f}", places)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", short.replace(".0", "")).strip()


def _recoloured(css: str) -> str:
    css = re.sub(r"(font-size|font-family|text-anchor: start)[^;]*(; |$)", "", css)
    return re.sub(r"#\w{6}", lambda match: _VARIABLES[match[0]], css)
