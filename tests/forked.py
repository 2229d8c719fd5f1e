"""Commands in processes that have loaded all modules before they start.

They are copies of a server process, which nothing has run in: copies of one in which
Polars or TensorFlow have started threads would hang.
"""

import contextlib
import multiprocessing
import os
import pathlib
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

_MODULES = ["tensorflow", "ytdnn.run.pipeline", "ytdnn.run.cli.commands"]
_LONGEST = 600.0  # seconds of a run


class Process:
    """A command, running."""

    def __init__(self, words: Sequence[str], output: pathlib.Path) -> None:
        """Starts it.

        Args:
          words: After `ytdnn`.
          output: File for its outputs.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["ytdnn", *_MODULES])
        self._output = output
        self._process = context.Process(target=_become, args=(list(words), output))
        self._process.start()

    def send(self, how: signal.Signals) -> None:
        """Sends it a signal, if it has not ended."""
        with contextlib.suppress(ProcessLookupError, TypeError):
            os.kill(self._process.pid or 0, how)

    def end(self, seconds: float = _LONGEST) -> tuple[int | None, str]:
        """Returns its exit status, None where it had to be killed, and its outputs."""
        self._process.join(seconds)
        status = self._process.exitcode
        if status is None:
            self._process.kill()
            self._process.join()
        text = self._output.read_text() if self._output.exists() else ""
        return status, text


def _become(words: Sequence[str], output: pathlib.Path) -> NoReturn:
    """Runs a command in this process, and ends it."""
    status = 1
    try:
        with output.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.argv[:] = ["ytdnn", *words]
        from ytdnn import __main__ as program

        status = program.run()
    except BaseException:  # as the interpreter itself would show it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
