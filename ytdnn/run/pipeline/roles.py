"""The part that this process has in a run: all of it, unless a strategy shares it."""

import contextlib
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ytdnn import errors, registries
from ytdnn.run import configs

if TYPE_CHECKING:
    from ytdnn.run.pipeline import graph


class Alone:
    """Makes a run by itself.

    Attributes:
      config: Config of the run.
    """

    def __init__(self, config: configs.Config) -> None:
        """Keeps the config."""
        self.config = config

    @property
    def leads(self) -> bool:
        """Whether this process writes and reports what a run makes."""
        return True

    def require_alone(self, command: str) -> None:
        """Checks that a command which one process runs is given no cluster.

        Args:
          command: Name of the command.

        Raises:
          errors.UserError: It is.
        """

    def follows(self) -> bool:
        """Joins the others, if there are any, before anything uses TensorFlow.

        Returns:
          Whether another process leads.
        """
        return False

    def follow(self, several: Sequence["graph.Step"], workdir: pathlib.Path) -> None:
        """Takes part in those of some steps that processes make together.

        Args:
          several: In order.
          workdir: Directory of the run, on a file system that all share.
        """

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """Turns TensorFlow's errors about a lost process into one line."""
        return contextlib.nullcontext()

    def says(self, is_made: bool) -> None:
        """Tells others whether the next training is made; in the end, that all is."""


def from_config(config: configs.Config) -> Alone:
    """Returns the role of this process in a run.

    Raises:
      errors.UserError: The config names a strategy that is not installed.
    """
    if config.strategy in registries.STRATEGIES.missing:
        raise errors.UserError(registries.STRATEGIES.unknown(config.strategy))
    part = registries.ROLES.get(config.strategy)
    found: Alone = Alone(config) if part is None else part.make(config)
    return found
