"""`ytdnn index …`: changes the index of a run."""

import pathlib
from collections.abc import Callable
from typing import Any

from ytdnn.base import errors
from ytdnn.run import pipeline
from ytdnn.run.cli import arguments, output, resolved
from ytdnn.run.pipeline import graph

REMOVAL_FLAGS = (
    resolved.WORKDIR,
    arguments.Flag("videos", "Ids of videos, as in the log.", example="ID,…"),
    arguments.Flag("file", "Text file with one id per line.", example="FILE"),
)
_MOST_SHOWN = 5


def remove(given: arguments.Arguments) -> None:
    """Removes videos from all answers.

    Raises:
      errors.UserError: There is no run, or no id is given.
    """
    _change(given, pipeline.remove_videos)


def restore(given: arguments.Arguments) -> None:
    """Restores removed videos.

    Raises:
      errors.UserError: There is no run, or a video was not removed.
    """
    _change(given, pipeline.restore_videos)


def _change(given: arguments.Arguments, change: Callable[..., Any]) -> None:
    directory = pathlib.Path(given.values["workdir"])
    found = change(directory, _video_ids(given))
    if found.unknown:
        shown = ", ".join(found.unknown[:_MOST_SHOWN])
        more = ", …" if len(found.unknown) > _MOST_SHOWN else ""
        output.say(
            f"not in the catalogue, kept for later exports: {len(found.unknown)} "
            f"({shown}{more})"
        )
    output.say(f"removed videos, all together: {len(found.video_ids)}")
    if found.version is None:
        output.say("no bundle yet: the next export leaves them out")
    else:
        bundle = directory / graph.BUNDLE.name
        output.say(f"bundle: {bundle}, version {found.version}")


def _video_ids(given: arguments.Arguments) -> list[str]:
    """Returns the ids of the flags."""
    named = [v for v in given.values.get("videos", "").split(",") if v]
    if "file" in given.values:
        named += _lines(pathlib.Path(given.values["file"]))
    if not named:
        raise errors.UserError("expected --videos=ID,… or --file=FILE with ids in it")
    return named


def _lines(path: pathlib.Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line]
    except UnicodeDecodeError:
        raise errors.UserError(
            f"expected text with an id a line in {path}, found bytes that are no UTF-8"
        ) from None
