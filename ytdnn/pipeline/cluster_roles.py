"""A run that several processes make together: one leads, the others follow.

Every process is given the same command. The chief runs the steps as a single process
would, and tells the workers for each training whether it runs now; workers that train
in step follow it there, and skip everything else. Parameter servers and their workers
only serve.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ytdnn import configs, errors
from ytdnn.training import tasks

if TYPE_CHECKING:
    from ytdnn.pipeline import graph

_SKIPPED, _MADE = 0.0, 1.0


def require_alone(config: configs.Config, command: str) -> None:
    """Checks that a command which one process runs is given no cluster.

    Raises:
      errors.UserError: It is.
    """
    if tasks.is_distributed(config.strategy):
        raise errors.UserError(
            f"expected a strategy of none, mirrored or tpu for `ytdnn {command}`, "
            f"received {config.strategy}: several processes can train, run and refit"
        )


def follows(config: configs.Config) -> bool:
    """Joins the cluster that a config names, if any.

    To be called before anything uses TensorFlow. A process that serves the chief's
    trainings returns when the chief has ended.

    Returns:
      Whether another process leads.
    """
    task = tasks.from_environment(config.strategy)
    if task is None:
        return False
    from ytdnn.training import devices, strategies

    if config.strategy == tasks.PARAMETER_SERVER and not task.is_chief:
        strategies.serve(task, config.cluster)
        return True
    with watched(config):
        _ = devices.make(config.strategy, config.cluster).strategy  # joins it
    return not task.is_chief


@contextlib.contextmanager
def watched(config: configs.Config) -> Iterator[None]:
    """Turns TensorFlow's errors about a lost process into one line."""
    task = tasks.from_environment(config.strategy)
    if task is None:
        yield
        return
    from ytdnn.training import strategies

    with strategies.one_line(task):
        yield


@dataclasses.dataclass(frozen=True)
class Led:
    """The messages of the chief to workers in step; none without workers.

    Attributes:
      config: Config of the run.
      is_heard: Whether the command has trainings that others take part in.
    """

    config: configs.Config
    is_heard: bool

    def says(self, is_made: bool) -> None:
        """Says whether the next training is made now; in the end, that all is done."""
        if self.is_heard and self.config.strategy == tasks.MULTI_WORKER:
            _word(self.config, _MADE if is_made else _SKIPPED)


def follow(
    several: Sequence["graph.Step"], config: configs.Config, workdir: pathlib.Path
) -> None:
    """Takes part in those of some steps that workers make in step with the chief.

    Args:
      several: In order.
      config: The run's.
      workdir: The run's, on a file system that all share.
    """
    if config.strategy != tasks.MULTI_WORKER:
        return
    from ytdnn.pipeline import sizes

    with watched(config):
        for step in several:
            if step.is_shared and _word(config, _SKIPPED) == _MADE:
                step.run(sizes.resolved(config, workdir), workdir)
        _word(config, _SKIPPED)


def _word(config: configs.Config, own: float) -> float:
    """Returns the chief's word; waits for it, or for all to hear it."""
    from ytdnn.training import devices

    return devices.make(config.strategy, config.cluster).agreed([own])[0]
