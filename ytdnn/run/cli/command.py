"""The description of a command: its flags, help and implementation."""

import dataclasses
import functools
import inspect
from collections.abc import Callable

from ytdnn.base import registries
from ytdnn.run.cli import parsing

Arguments = parsing.Arguments
Flag = parsing.Flag
_Run = Callable[[Arguments], int | None]


@dataclasses.dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
      name: Name as typed, one word or two.
      summary: One line.
      details: A paragraph of help.
      examples: Command lines; the first is shown in `ytdnn --help`.
      flags: Its own flags.
      groups: Prefixes of the settings that it reads, for its help.
      run: Function that runs it; returns the exit status, None for 0.
      operands: Names of positional arguments.
      takes_command: Whether another command follows after `--`.
    """

    name: str
    summary: str
    details: str
    examples: tuple[str, ...]
    flags: tuple[Flag, ...]
    groups: tuple[str, ...]
    run: _Run
    operands: tuple[str, ...] = ()
    takes_command: bool = False

    @property
    def all_flags(self) -> tuple[Flag, ...]:
        """Its flags, and those of every command."""
        return (*self.flags, parsing.JSON)


def from_function(
    name: str,
    run: _Run,
    flags: tuple[Flag, ...],
    groups: tuple[str, ...] = (),
    operands: tuple[str, ...] = (),
    takes_command: bool = False,
) -> Command:
    """Returns the command of a function whose docstring is the help.

    The first line is the summary, the next paragraph the details; the section
    `Examples:` has command lines.
    """
    summary, _, rest = (inspect.getdoc(run) or "").partition("\n\n")
    details, _, examples = rest.partition("\n\nExamples:\n")
    lines = examples.partition("\n\n")[0].splitlines()
    return Command(
        name,
        summary[0].lower() + summary[1:].rstrip("."),
        " ".join(details.split()),
        tuple(line.strip() for line in lines),
        flags,
        groups,
        run,
        operands,
        takes_command,
    )


def register(
    name: str,
    flags: tuple[Flag, ...],
    groups: tuple[str, ...] = (),
    takes_command: bool = False,
) -> Callable[[_Run], _Run]:
    """Returns a decorator that registers a function as a command.

    See `from_function`.
    """

    def add(run: _Run) -> _Run:
        @registries.COMMANDS.register(name)
        @functools.wraps(run)
        def make() -> Command:
            return from_function(name, run, flags, groups, (), takes_command)

        return run

    return add
