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
import pathlib
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import jinja2
import markupsafe

import ytdnn
from ytdnn.evaluation import tables

Cell = tables.Cell
Table = tables.Table
_LONG = 24  # characters from which a cell may break into lines
_NARROW = 2  # columns that fit beside each other on any phone


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
    is_folded: ClassVar[bool] = False


class FoldedSection(Section):
    """A part of a page of which only the heading is shown, until it is opened.

    The contents link to its text, and browsers open what holds the end of a link.
    """

    is_folded = True


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
    grouped = functools.partial(itertools.groupby, key=_kind)
    environment.filters |= {"grouped": grouped, "cell": _cell, "is_wide": _is_wide}
    environment.globals["attributes"] = _attributes
    return environment.get_template("page.html")


def _kind(block: Block) -> str:
    if isinstance(block, str):
        return "plot" if isinstance(block, markupsafe.Markup) else "paragraph"
    return type(block).__name__.lower()


def _is_wide(table: Table) -> bool:
    """Returns whether a phone shows each row as a card, its cells named."""
    return len(table.columns) > _NARROW


def _attributes(table: Table, column: int, cell: Cell) -> markupsafe.Markup:
    """Returns the attributes of a cell: its classes, and its name on a card."""
    names = ["words"] if column in table.words else []
    if isinstance(cell, str) and len(cell) > _LONG:
        names.append("long")
    if _cell(cell) == tables.NONE:
        names.append("none")
    markup = markupsafe.Markup()
    if names:
        markup += markupsafe.Markup(' class="{}"').format(" ".join(names))
    if _is_wide(table) and column:
        markup += markupsafe.Markup(' data-column="{}"').format(table.columns[column])
    return markup


def _cell(value: Cell) -> str:
    """Returns a cell as text, an interval in small below its number."""
    if not isinstance(value, tables.NumberCell):
        return tables.text(value)
    number, *ends = value.texts()
    if not ends:
        return number
    small = markupsafe.Markup('{}<span class="small">{}&nbsp;– {}</span>')
    return small.format(number, *ends)
