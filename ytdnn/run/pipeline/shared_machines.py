"""The interface of machines that share the work of a command, such as Spark's."""

import contextlib
import pathlib
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ytdnn.bundle import answer_files
    from ytdnn.log import shard_tasks
    from ytdnn.run.pipeline import recommender


@runtime_checkable
class Machines(Protocol):
    """Shares work among several machines, on a file system that all reach."""

    def tasks(
        self, directory: pathlib.Path
    ) -> "contextlib.AbstractContextManager[shard_tasks.RunTasks]":
        """Context that runs the tasks of preparing a log into a directory."""
        ...

    def lists(
        self,
        recommender: "recommender.Recommender",
        arguments: dict[str, Any],
        path: pathlib.Path,
    ) -> "contextlib.AbstractContextManager[answer_files.Stream]":
        """Context in which the lists of many users are made and read.

        Args:
          recommender: The bundle, with the log's users.
          arguments: Arguments of `bulk.stream`.
          path: Output file.
        """
        ...
