"""The flag of a log that grows by days: files of events are read once."""

import pathlib
from typing import TYPE_CHECKING

from ytdnn.base import errors
from ytdnn.run.cli import arguments, engine
from ytdnn.run.pipeline import kept_parts

if TYPE_CHECKING:
    from ytdnn.run.pipeline import machines

FLAG = arguments.Flag(
    "parts",
    "A directory in which the rows of each file of events are kept, so that the next "
    "prepare of a grown log reads only the new files: the same prepared set, to the "
    "byte.",
    example="DIR",
)


def engines(given: arguments.Arguments) -> "machines.Engines | None":
    """Returns the engine that prepares, None for Polars on the whole log.

    Raises:
      errors.UserError: Parts are to be kept by another engine.
    """
    chosen, place = engine.chosen(given), given.values.get(FLAG.name, "")
    if not place:
        return chosen
    if chosen is not None:
        raise errors.UserError(
            f"expected --engine=polars with --parts, received "
            f"--engine={given.values['engine']}: leave one of them out"
        )
    return kept_parts.KeptParts(pathlib.Path(place))
