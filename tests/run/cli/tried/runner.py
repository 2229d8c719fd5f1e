"""An input of a new or a hostile user, and what the command line says to it."""

import contextlib
import dataclasses
import io
import os
import pathlib
import re
import resource
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from unittest import mock

import polars as pl

from ytdnn.run.cli import main

Write = Callable[[pathlib.Path], None]
PREPARE = "prepare --source=log --data_dir=LOG --workdir=RUN"


@dataclasses.dataclass(frozen=True)
class Input:
    """One input.

    Attributes:
      what: What is tried, in words.
      command: After `ytdnn`; LOG is the directory of files, RUN a new workdir, MADE
        that of a finished run.
      write: Makes the files.
      file_bytes: The size that a file may grow to.
    """

    what: str
    command: str = PREPARE
    write: Write = lambda directory: None
    file_bytes: int = resource.RLIM_INFINITY

    def plus(self, flags: str) -> "Input":
        """Returns the input with further flags."""
        return dataclasses.replace(self, command=f"{self.command} {flags}")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an input ended in.

    Attributes:
      status: Exit status; None: a stack trace.
      line: The error, or the notes of a command that succeeds.
      out: All that was printed.
    """

    status: int | None
    line: str
    out: str


def files(**contents: str | bytes | pl.DataFrame) -> Write:
    """Returns a function that writes tables: text as CSV, frames as Parquet."""
    return named(
        {
            name + (".csv" if isinstance(content, str) else ".parquet"): content
            for name, content in contents.items()
        }
    )


def named(contents: Mapping[str, str | bytes | pl.DataFrame]) -> Write:
    """Returns a function that writes files of any names."""

    def write(directory: pathlib.Path) -> None:
        for name, content in contents.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, pl.DataFrame):
                content.write_parquet(path)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content)

    return write


def attempt(one: Input, directory: pathlib.Path, made: pathlib.Path) -> Outcome:
    """Runs an input in process.

    Args:
      one: What to run.
      directory: Empty; holds the log and the run.
      made: Workdir of a finished run, which is copied where the input is to change it.
    """
    log, run = directory / "LOG", directory / "RUN"
    log.mkdir(parents=True)
    one.write(log)
    if "COPY" in one.command:
        shutil.copytree(made, directory / "COPY")
    places = {"LOG": log, "RUN": run, "MADE": made, "COPY": directory / "COPY"}
    argv = shlex.split(one.command)
    for name, path in places.items():
        argv = [re.sub(f"(?<!~/){name}", str(path), argument) for argument in argv]
    out, err = io.StringIO(), io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.dict(os.environ, HOME=str(directory)),
            _limited(one.file_bytes),
        ):
            status: int | None = main.main(argv)
    except BaseException as error:  # what a user would see as a stack trace
        return Outcome(None, f"{type(error).__name__}: {error}", out.getvalue())
    text = out.getvalue() + err.getvalue()
    if pathlib.Path("~").exists():
        return Outcome(None, "a directory called ~ was made", text)
    for name, path in places.items():
        text = text.replace(shlex.quote(str(path)), name).replace(str(path), name)
    text = re.sub(r"[\d.]+ GB of memory available", "N GB of memory available", text)
    left = [path for path in directory.rglob(".*partial*") if "MADE" not in str(path)]
    if left:
        return Outcome(None, f"left behind: {left[0].name}", text)
    return Outcome(status, _line(status, text), text)


@contextlib.contextmanager
def _limited(file_bytes: int) -> Iterator[None]:
    """Limits the size of files, as `ulimit -f` does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _line(status: int, text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line.startswith("ytdnn: error:")]
    is_note = re.compile(r"(note|dropped|kept): |.* left out: ")
    notes = [line for line in lines if is_note.match(line)]
    return " / ".join(said if status == 2 else notes)
