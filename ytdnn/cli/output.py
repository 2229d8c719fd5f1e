"""What the terminal shows: lines at once, and tables as wide as it is."""

import sys

import rich.console

_PIPED_WIDTH = 160


def say(line: str) -> None:
    """Prints a line at once, also into a pipe."""
    print(line, flush=True)


def screen() -> rich.console.Console:
    """Returns the terminal; into a pipe or a file it is wide, whoever reads that."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return rich.console.Console(width=width)
