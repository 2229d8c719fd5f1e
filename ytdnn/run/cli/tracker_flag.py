"""`--tracker`: reports the run to an experiment tracker."""

import contextlib
import pathlib
from typing import TYPE_CHECKING

from ytdnn.base import configs, errors, registries
from ytdnn.run.cli import arguments
from ytdnn.run.pipeline import roles, sizes

if TYPE_CHECKING:
    from ytdnn.run.pipeline import tracker

FLAG = arguments.Flag(
    "tracker",
    "Experiment tracker to log settings, epochs and results to: mlflow, wandb, or one "
    "of a package. Set the address of its server in its own environment variables.",
    example="NAME",
)


def name(given: arguments.Arguments) -> str:
    """Returns the name of the tracker, empty without one.

    Raises:
      errors.UserError: There is none of this name.
    """
    found: str = given.values.get(FLAG.name, "")
    if found and found not in registries.TRACKERS:
        raise errors.UserError(registries.TRACKERS.unknown(found))
    return found


def tracked(
    given: arguments.Arguments, directory: pathlib.Path, config: configs.Config
) -> "contextlib.AbstractContextManager[tracker.Tracker | None]":
    """Returns the block in which the tracker, if one is given, is told of the run.

    Of a cluster the chief tells it.

    Raises:
      errors.UserError: There is none of this name, or its package is not installed.
    """
    chosen, leads = name(given), roles.from_config(config).leads
    if not chosen or not leads:
        return contextlib.nullcontext()
    from ytdnn.run.pipeline import tracker

    return tracker.tracked(chosen, directory, lambda: sizes.resolved(config, directory))
