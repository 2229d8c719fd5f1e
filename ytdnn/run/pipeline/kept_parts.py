"""Prepares a log of days with kept parts, so that each file of events is read once."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ytdnn.base import errors, user_paths

if TYPE_CHECKING:
    from ytdnn.log import engines


@dataclasses.dataclass(frozen=True)
class KeptParts:
    """Reads only the files that were not read before, see `machines.Engines`.

    Attributes:
      directory: Directory of the parts; several runs may share it.
    """

    directory: pathlib.Path

    @contextlib.contextmanager
    def engine(self, directory: pathlib.Path) -> "Iterator[engines.Engine]":
        """Yields the engine that prepares a log into a directory.

        Raises:
          errors.UserError: The parts would lie in a place of something else.
        """
        del directory
        from ytdnn.log import parts_engine

        given = user_paths.expanded(self.directory)
        if given.exists() and not given.is_dir():
            raise errors.UserError(
                f"expected a directory in --parts, received {given} "
                f"({user_paths.kind(given)})"
            )
        yield parts_engine.PartsEngine(given)
