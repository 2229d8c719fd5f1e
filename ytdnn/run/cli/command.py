"""The description of a command: its flags, help and implementation."""

import dataclasses
from collections.abc import Callable

from ytdnn.run.cli import arguments

Arguments = arguments.Arguments
Flag = arguments.Flag


@dataclasses.dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
      name: Name as typed, one word or two.
      summary: One line.
      details: A paragraph of help.
      examples: Command lines; the first is shown in `ytdnn --help`.
      flags: Its flags.
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
    run: Callable[[Arguments], int | None]
    operands: tuple[str, ...] = ()
    takes_command: bool = False
