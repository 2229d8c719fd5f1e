"""The interface of machines that share the work of a command, such as Spark's."""

import contextlib
import pathlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ytdnn.bundle import streams
    from ytdnn.log import engines, joined_sets, prepared
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
    """Shares the work of all commands that have an engine among several machines."""

    def shards(
        self, old: "prepared.PreparedData", new: "prepared.PreparedData"
    ) -> "contextlib.AbstractContextManager[joined_sets.ShardWork]":
        """Context in which the shards of two joined sets are written.

        Args:
          old: The earlier set, on a file system that all share.
          new: The set of the later events, likewise.
        """
        ...

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
