"""One self-contained HTML page of sections with plots, tables and words.

No network, no script: the style is in the page, plots are inline SVG, and a content
security policy forbids the browser everything else. All text is escaped, except markup
(`plots` returns it), which is inserted unchanged.

>>> html = render("A & B", "A summary.", [Section("One", "How to read it.")])
>>> "<h1>A &amp; B</h1>" in html
True
"""

import dataclasses
import functools
import itertools
import math
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import jinja2
import markupsafe

import ytdnn
from ytdnn.evaluation.terminal import finite_numbers

Cell: TypeAlias = str | int | float | None
_LONG = 24  # characters from which a cell may break into lines
_NARROW = 2  # columns that fit beside each other on any phone


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

    @property
    def is_wide(self) -> bool:
        """Whether a phone shows each row as a card, its cells named."""
        return len(self.columns) > _NARROW

    def label(self, column: int) -> markupsafe.Markup:
        """Returns the attribute that names a cell of a card."""
        if not self.is_wide or column == 0:
            return markupsafe.Markup()
        return markupsafe.Markup(' data-column="{}"').format(self.columns[column])

    def classes(self, column: int, cell: Cell) -> markupsafe.Markup:
        """Returns the class attribute of a cell."""
        names = ["words"] if column in self.words else []
        if isinstance(cell, str) and len(markupsafe.Markup(cell).striptags()) > _LONG:
            names.append("long")
        attribute = markupsafe.Markup(' class="{}"') if names else markupsafe.Markup()
        return attribute.format(" ".join(names))


@dataclasses.dataclass(frozen=True)
class Columns:
    """Blocks side by side, below each other where there is no room.

    Attributes:
      columns: The blocks of each column.
    """

    columns: Sequence[Sequence["Block"]]


@dataclasses.dataclass(frozen=True)
class Details:
    """Blocks that are shown when asked for.

    Attributes:
      summary: The line that is always shown.
      blocks: The rest.
      open: Whether they are shown at first.
    """

    summary: str
    blocks: Sequence["Block"]
    open: bool = False


# Markup is a plot; other text is a paragraph.
Block: TypeAlias = markupsafe.Markup | str | Table | Columns | Details


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
      title: Its heading.
      text: Its content, and how to read it.
      blocks: Plots, tables and paragraphs; plots that follow each other share rows.
    """

    title: str
    text: str
    blocks: Sequence[Block] = ()


def render(
    title: str, summary: str, sections: Sequence[Section], finding: str = ""
) -> str:
    """Returns a page as HTML.

    Args:
      title: Title of the page.
      summary: A paragraph below it.
      sections: In order.
      finding: The result in a sentence, shown first.
    """
    return _template().render(
        title=title,
        summary=summary,
        sections=sections,
        finding=finding,
        css=css(),
        version=ytdnn.__version__,
    )


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
            return (
                f"{format_number(value / unit, step / unit if step else None)}{suffix}"
            )
    if step is None:
        magnitude = math.floor(math.log10(abs(value))) if value else 0
        words = f"{value:,.{max(0, 2 - magnitude)}f}"
        return words.rstrip("0").removesuffix(".") if "." in words else words
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1  # a step of 0.25
    return f"{value + 0.0:,.{decimals}f}"


def css() -> markupsafe.Markup:
    """Returns the style of every page."""
    return markupsafe.Markup((_HERE / "page.css").read_text(encoding="utf-8"))


_HERE = pathlib.Path(__file__).parent


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"grouped": _grouped, "cell": _cell}
    return environment.get_template("page.html")


def _grouped(blocks: Iterable[Block]) -> Iterator[tuple[str, list[Block]]]:
    for kind, group in itertools.groupby(blocks, _kind):
        yield kind, list(group)


def _kind(block: Block) -> str:
    if isinstance(block, str):
        return "plot" if isinstance(block, markupsafe.Markup) else "paragraph"
    return type(block).__name__.lower()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return format_number(value) if finite_numbers.is_finite(value) else "–"
