"""The common part of commands that write answers for many users or videos."""

import contextlib
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ytdnn.base import errors, progress
from ytdnn.run import pipeline
from ytdnn.run.cli import output
from ytdnn.run.pipeline import graph

if TYPE_CHECKING:
    from ytdnn.bundle import answer_files

ALL = "all"
_WHERE = ("workdir", "bundle")


def recommender(values: Mapping[str, str], command: str) -> pipeline.Recommender:
    """Opens the bundle of --workdir, or that of --bundle.

    Raises:
      errors.UserError: Both flags are given, or neither, or the bundle cannot be
        opened.
    """
    names = [name for name in _WHERE if name in values]
    if len(names) != 1:
        received = "both" if names else "neither"
        raise errors.UserError(
            f"expected --workdir=DIR or --bundle=DIR, received {received} (ytdnn "
            f"{command} --help)"
        )
    if names == ["bundle"]:
        return pipeline.Recommender.load(values["bundle"])
    directory = pathlib.Path(values["workdir"])
    return pipeline.Recommender.load(
        directory / graph.BUNDLE.name, directory / graph.DATA.name
    )


def named(value: str) -> pathlib.Path | None:
    """Returns the file that a flag names; None for `all`."""
    return None if value == ALL else pathlib.Path(value)


@contextlib.contextmanager
def shown(what: str, unit: str) -> "Iterator[answer_files.Progress]":
    """Shows the progress, its rate, and the time left.

    Args:
      what: Name of the work.
      unit: Name of the unit, in the plural.

    Yields:
      A function of the numbers of finished and of all units.
    """
    started = time.monotonic()
    with progress.Bar(what, None, unit) as bar:

        def show(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - started, 1e-9)
            bar.reach(done, f"{rate:,.0f} {unit}/s", total=total)

        yield show


def show(written: "answer_files.OutputFile", noun: str) -> None:
    """Prints the path, the meaning of the columns, and the omissions.

    Args:
      written: The file.
      noun: Name of a row's subject, such as "user".
    """
    output.result(lambda: written)
    seconds = max(written.seconds, 1e-9)
    plural = "" if written.num_asked == 1 else "s"
    output.say(
        f"{written.path}: {written.num_rows:,} rows of {written.num_asked:,} "
        f"{noun}{plural} in {seconds:,.1f} s ({written.num_asked / seconds:,.0f} "
        f"{noun}s/s)"
    )
    for column, meaning in written.meanings.items():
        output.say(f"{column}: {meaning}")
    for note in written.notes:
        output.say(f"note: {note}")
