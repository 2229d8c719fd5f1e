"""The program `ytdnn`: runs the command, and reports a mistake in one line."""

import dataclasses
import errno
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import ytdnn
from ytdnn.base import errors, registries
from ytdnn.run.cli import arguments, commands, help_text, output

_HELP = ("--help", "-h", "-help", "--helpfull", "help")
_MISTAKE = 2
_NO_MEMORY = ("MemoryError", "ResourceExhaustedError")
_NO_ROOM = ("No space left on device", "Disk quota exceeded")
_TOO_LARGE = "File too large"


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
        arguments.require_text(argv)
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
    except Exception as error:
        line = failure(error)
        if not line:
            raise
        return _refuse(line, _MISTAKE)


def _refuse(message: str, status: int) -> int:
    print(f"ytdnn: error: {message}", file=sys.stderr)
    return status


def _leave(status: int) -> NoReturn:
    """Ends this process at once: TensorFlow's threads still wait for a lost process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _dispatch(argv: list[str]) -> int:
    known, missing = commands.names(), registries.COMMANDS.missing
    if not argv or argv[0] in _HELP:
        print(help_text.program(map(commands.find, known)))
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
            f"{arguments.closest(name, known)} (ytdnn --help)"
        )
    chosen = commands.find(name)
    behind: list[str] = []
    if chosen.takes_command and "--" in rest:
        place = rest.index("--")
        rest, behind = rest[:place], rest[place + 1 :]
    if any(argument in _HELP[:-1] for argument in rest):
        print(help_text.command(chosen))
        return 0
    given = arguments.parse(chosen.name, chosen.flags, rest, chosen.operands)
    given = dataclasses.replace(given, rest=tuple(behind))
    _collect_less_often()
    if given.values.get("json") != "True":
        return chosen.run(given) or 0
    with output.as_document():
        return chosen.run(given) or 0


def _collect_less_often() -> None:
    """Raises the number of new objects after which Python collects garbage.

    TensorFlow's graphs are millions of objects that stay. At Python's threshold of 700,
    collecting took an eighth of an export (1.5 of 12 s).
    """
    most_new, *others = gc.get_threshold()
    gc.set_threshold(max(most_new, 20_000), *others)


def failure(error: Exception) -> str:
    """Returns a failure of the machine as one line; empty for a bug of this program.

    Errors of libraries are turned into a line where the context (a file, a row, a
    setting) is available; this is for failures that can happen anywhere: no memory, no
    room on the disk, no permission.
    """
    from ytdnn.log import event_log  # loads Polars, which `ytdnn --help` does without

    text = str(error)
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full or any(words in text for words in _NO_ROOM):
        place = getattr(error, "filename", None)
        where = f" for {place}" if place else ""
        return (
            f"expected room on the disk{where}, found none left "
            f"({event_log.brief(text)}): make room and give the same command again"
        )
    if getattr(error, "errno", None) == errno.EFBIG or _TOO_LARGE in text:
        return (
            "expected files as large as the run needs, found a limit on the size of "
            "files: raise it (`ulimit -f unlimited`) and give the same command again"
        )
    if any(cls.__name__.endswith(_NO_MEMORY) for cls in type(error).__mro__):
        needed = event_log.brief(text, 160) if text else "it did not say how much"
        return (
            f"expected more memory than there is ({needed}): lower "
            f"training.batch_size, embedding_dim or the size of the log"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"could not use {error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return f"the system refused: {error.strerror}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
