"""The role of this process in a run: alone, unless a strategy shares the work."""

import contextlib
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ytdnn.base import configs, errors, registries

if TYPE_CHECKING:
    from ytdnn.run.pipeline import graph


class SingleProcess:
    """The role of a process that runs everything itself.

    Attributes:
      config: Config of the run.
    """

    def __init__(self, config: configs.Config) -> None:
        """Stores the config."""
        self.config = config

    @property
    def leads(self) -> bool:
        """Whether this process writes and reports the outputs of a run."""
        return True

    def require_alone(self, command: str) -> None:
        """Checks that no cluster is given to a command for a single process.

        Args:
          command: Name of the command.

        Raises:
          errors.UserError: The config has a cluster.
        """

    def follows(self) -> bool:
        """Joins the other processes, if any, before TensorFlow is used.

        Returns:
          Whether another process leads.
        """
        return False

    def follow(self, several: Sequence["graph.Step"], workdir: pathlib.Path) -> None:
        """Takes part in the steps that all processes make together.

        Args:
          several: Steps in order.
          workdir: Directory of the run, on a file system that all share.
        """

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """Context that turns TensorFlow's errors about a lost process into one line."""
        return contextlib.nullcontext()

    def says(self, is_made: bool) -> None:
        """Tells the other processes whether the next training is made, or all done."""


def from_config(config: configs.Config) -> SingleProcess:
    """Returns the role of this process in a run.

    Raises:
      errors.UserError: The config names a strategy that is not installed.
    """
    if config.strategy in registries.STRATEGIES.missing:
        raise errors.UserError(registries.STRATEGIES.unknown(config.strategy))
    part = registries.HOOKS.get(f"role of {config.strategy}")
    role: SingleProcess = SingleProcess(config) if part is None else part.make(config)
    return role
