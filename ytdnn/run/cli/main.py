"""The program `ytdnn`: runs the command, and reports a mistake in one line."""

import dataclasses
import gc
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import ytdnn
from ytdnn.base import errors, registries, registry
from ytdnn.run.cli import (
    bulk_commands,
    command,
    compare,
    evaluate,
    failures,
    flags,
    given_settings,
    help_text,
    output,
    recommend,
    step_commands,
    train,
)
from ytdnn.run.pipeline import workdir

_HELP = ("--help", "-h", "-help", "--helpfull", "help")
_MISTAKE = 2
# In the order of `ytdnn --help`: commands of a run, then registered ones
# (docs/extending.md).
_RUN, _PREPARE, _CHECK, _EXPORT = step_commands.COMMANDS
COMMANDS: tuple[command.Command, ...] = (
    *(_RUN, _PREPARE, _CHECK, train.COMMAND, evaluate.COMMAND, compare.COMMAND),
    *(_EXPORT, recommend.COMMAND, *bulk_commands.COMMANDS),
    *(registries.COMMANDS[name].make() for name in registries.COMMANDS.own()),
)
_BY_NAME = {each.name: each for each in COMMANDS}
registries.COMMANDS.reserve(_BY_NAME, __name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
      argv: Arguments after the program's name; default: those of the process.

    Returns:
      The exit status: 0, that of the command (1: a condition of `compare` holds), 2
      for a mistake of the user, 75 if a process of the cluster was lost, 130 for
      Ctrl-C.
    """
    try:
        return _ended(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        # Polars raises an interrupt itself and hands it on: a second one may come
        # while the first is told of.
        return _refuse(errors.INTERRUPTED, errors.INTERRUPTED_STATUS)


def _ended(argv: list[str]) -> int:
    """Runs a command line, and reports a failure in one line."""
    try:
        command.require_text(argv)
        return _dispatch(argv)
    except errors.LostProcessError as error:
        _leave(_refuse(str(error), errors.LOST_STATUS))
    except errors.UserError as error:
        return _refuse(str(error), _MISTAKE)
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone: nothing left to tell it.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 1
    except KeyboardInterrupt:
        return _refuse(errors.INTERRUPTED, errors.INTERRUPTED_STATUS)
    except BaseException as error:  # such as SystemExit, of a user's own code
        line, own = failures.failure(error), registry.own_failure(error)
        if not line and not own and not errors.SIGNALS:
            raise
        return _refuse(line or own, _MISTAKE if line else 1)


def _refuse(message: str, status: int) -> int:
    if errors.SIGNALS:
        message, status = errors.INTERRUPTED, errors.INTERRUPTED_STATUS
    print(f"ytdnn: error: {message}", file=sys.stderr)
    return status


def _leave(status: int) -> NoReturn:
    """Ends this process at once: TensorFlow's threads still wait for a lost process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _dispatch(argv: list[str]) -> int:
    for word in argv:  # first: the command and its settings may be of these files
        if word.lstrip("-").startswith("config.extensions="):
            given_settings.extend(word.partition("=")[2])
    known, missing = names(), registries.COMMANDS.missing
    if not argv or argv[0] in _HELP:
        print(help_text.program(map(find, known)))
        return 0
    if argv[0] == "--version":
        print(f"ytdnn {ytdnn.__version__}")
        return 0
    words = 2 if " ".join(argv[:2]) in (*known, *missing) else 1
    name, rest = " ".join(argv[:words]), argv[words:]
    if name in missing:
        raise errors.UserError(registries.COMMANDS.unknown(name))
    if name not in known:
        raise errors.UserError(
            f"expected a command ({', '.join(known)}), received {name!r}"
            f"{given_settings.closest(name, known)} (ytdnn --help)"
        )
    chosen = find(name)
    behind: list[str] = []
    if chosen.takes_command and "--" in rest:
        place = rest.index("--")
        rest, behind = rest[:place], rest[place + 1 :]
    if any(argument in _HELP[:-1] for argument in rest):
        print(help_text.command(chosen))
        return 0
    given = command.parse(chosen.name, chosen.all_flags, rest, chosen.operands)
    given = dataclasses.replace(given, rest=tuple(behind))
    _collect_less_often()
    if given.values.get("json") != "True":
        return chosen.run(given) or 0
    with output.as_document(chosen.name) as document:
        document["status"] = chosen.run(given) or 0
        if flags.WORKDIR.name in given.values:
            directory = pathlib.Path(given.values[flags.WORKDIR.name])
            output.result(lambda: {"artefacts": workdir.artefacts(directory)})
    return int(document["status"])


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
        found_command: command.Command = registries.COMMANDS.made(name, command.Command)
    except Exception as error:
        found_command = _broken(name, error)
    return dataclasses.replace(found_command, name=name)


def _broken(name: str, error: Exception) -> command.Command:
    """Returns a stand-in for a command that cannot be loaded."""

    def run(given: command.Arguments) -> None:
        raise error

    words = "(it cannot be loaded)"
    return command.Command(name, words, str(error), (f"ytdnn {name}",), (), (), run)


def _collect_less_often() -> None:
    """Raises the number of new objects after which Python collects garbage.

    TensorFlow's graphs are millions of objects that stay. At Python's threshold of 700,
    collecting took an eighth of an export (1.5 of 12 s).
    """
    most_new, *others = gc.get_threshold()
    gc.set_threshold(max(most_new, 20_000), *others)


if __name__ == "__main__":
    sys.exit(main())
