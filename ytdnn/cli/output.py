"""What the terminal shows: our lines, and not those of native libraries."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

import rich.console

_PIPED_WIDTH = 160


def say(line: str) -> None:
    """Prints a line at once, also into a pipe."""
    print(line, flush=True)


def screen() -> rich.console.Console:
    """Returns the terminal; into a pipe or a file it is wide, whoever reads that."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return rich.console.Console(width=width)


@contextlib.contextmanager
def native_log_kept_back() -> Iterator[None]:
    """Keeps what C++ code writes to standard error back; shows it after an error.

    ScaNN logs its build there whatever the log level.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        standard_error = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(standard_error, log.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
