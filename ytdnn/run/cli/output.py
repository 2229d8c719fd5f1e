"""Terminal output: lines at once, and tables as wide as the terminal.

With `--json` every command prints one document instead, and messages for people go to
standard error. docs/output.schema.json is its schema.
"""

import contextlib
import json
import numbers
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import rich.box
import rich.console
import rich.table

from ytdnn.base import formats

_PIPED_WIDTH = 160
_WIDTH = 88


def say(line: str) -> None:
    """Prints a line at once, also into a pipe; a document keeps notes and `next`."""
    print(line, flush=True)
    kind, _, text = line.partition(": ")
    for document in _documents:
        if kind == "note":
            document["notes"].append(text)
        elif kind == "next":
            document["next"] = text


def screen() -> rich.console.Console:
    """Returns the terminal; a pipe or a file counts as a wide one."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return rich.console.Console(width=width)


def table(title: str, columns: Iterable[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table as wide as a page; numbers with four digits."""
    shown = rich.table.Table(title=title, title_justify="left", box=rich.box.SIMPLE)
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in rows:
        cells = (f"{cell:.4g}" if _is_fraction(cell) else cell for cell in row)
        shown.add_row(*map(str, cells))
    rich.console.Console(width=_WIDTH).print(shown)


def _is_fraction(value: object) -> bool:
    is_whole = isinstance(value, numbers.Integral)
    return isinstance(value, numbers.Real) and not is_whole


_documents: list[dict[str, Any]] = []


def result(make: Callable[[], Any]) -> None:
    """Adds to the result of a command, for `--json`.

    Args:
      make: Function that returns fields, a mapping or a dataclass; only called with
        `--json`.
    """
    for document in _documents:
        document.update(formats.plain(make()))


@contextlib.contextmanager
def as_document(command: str) -> Iterator[dict[str, Any]]:
    """Context that prints a document of the command, alone on standard output.

    Args:
      command: Name of the command.

    Yields:
      The document, with fields that every command has.
    """
    document = {"command": command, "status": 0, "notes": [], "next": None}
    started = time.monotonic()
    _documents.append(document)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield document
        document["seconds"] = time.monotonic() - started
        print(json.dumps(document, ensure_ascii=False, allow_nan=False), flush=True)
    finally:
        _documents.pop()
