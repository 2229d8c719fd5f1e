"""The interface of machines that share the work of a command, such as Spark's."""

import contextlib
import pathlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ytdnn.bundle import streams
    from ytdnn.log import engines
    from ytdnn.run.pipeline import recommender as recommender_room


class Engines(Protocol):
    """Prepares logs in a way of its own."""

    def engine(
        self, directory: pathlib.Path
    ) -> "contextlib.AbstractContextManager[engines.Engine]":
        """Context with an engine that prepares a log.

        Args:
          directory: Directory of the prepared set; of several machines, on a file
            system that all share.
        """
        ...


class Machines(Engines, Protocol):
    """Prepares logs, and makes the lists of many users, on several machines."""

    def lists(
        self,
        recommender: "recommender_room.Recommender",
        arguments: dict[str, Any],
        path: pathlib.Path,
    ) -> "contextlib.AbstractContextManager[streams.Stream]":
        """Context in which the lists of many users are made and read.

        Args:
          recommender: The bundle, with the log's users.
          arguments: Arguments of `bulk.stream`.
          path: Output file, on a file system that all share.
        """
        ...
