"""All commands, in the order of `ytdnn --help`.

Commands of a run come first; others are registered, by modules of this folder or by
packages (docs/extending.md).
"""

import dataclasses

from ytdnn.base import errors, registries
from ytdnn.run.cli import (
    command,
    compare,
    evaluate,
    recommend,
    similar,
    steps,
)

_RUN, _PREPARE, _CHECK, _TRAIN, _EXPORT = steps.COMMANDS
COMMANDS: tuple[command.Command, ...] = (
    *(_RUN, _PREPARE, _CHECK, _TRAIN, evaluate.COMMAND, compare.COMMAND),
    *(_EXPORT, recommend.COMMAND, *similar.COMMANDS),
    *(registries.COMMANDS[name].make() for name in registries.COMMANDS.own()),
)
_BY_NAME = {each.name: each for each in COMMANDS}


def names() -> list[str]:
    """Returns the names of all commands."""
    return [*_BY_NAME, *registries.COMMANDS.outside()]


def find(name: str) -> command.Command:
    """Returns a command; if it cannot be loaded, a stand-in that reports this.

    Args:
      name: One of `names`.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    try:
        found_command: command.Command = registries.COMMANDS[name].make()
    except errors.UserError as error:
        found_command = _broken(name, error)
    return dataclasses.replace(found_command, name=name)


def _broken(name: str, error: errors.UserError) -> command.Command:
    """Returns a stand-in for a command that cannot be loaded."""

    def run(given: command.Arguments) -> None:
        raise error

    words = "(its package cannot be loaded)"
    return command.Command(name, words, str(error), (f"ytdnn {name}",), (), (), run)
