"""The roles of several processes in a run: one leads, the others follow.

Every process is started with the same command. The chief runs the steps like a single
process, and tells the workers for each training whether it runs now. Synchronous
workers join the trainings and skip everything else. Parameter servers and their workers
only serve.
"""

import contextlib
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ytdnn.base import errors, registries
from ytdnn.ops.cluster import tasks
from ytdnn.run.pipeline import roles

if TYPE_CHECKING:
    from ytdnn.run.pipeline import graph

_SKIPPED, _MADE = 0.0, 1.0
_EVALUATOR = (
    "evaluator: the chief validates after each epoch, this process has nothing to do; "
    "measure the run when it has ended: ytdnn evaluate"
)


class _Several(roles.Alone):
    """Base class of roles in a cluster that `TF_CONFIG` describes."""

    @property
    def leads(self) -> bool:
        """Whether this process is the chief."""
        return self._task.is_chief

    def require_alone(self, command: str) -> None:
        """Refuses a command for a single process.

        Args:
          command: Name of the command.

        Raises:
          errors.UserError: Always.
        """
        raise errors.UserError(
            f"expected a strategy of none, mirrored or tpu for `ytdnn {command}`, "
            f"received {self.config.strategy}: several processes can train, run and "
            f"refit"
        )

    def follows(self) -> bool:
        """Joins the cluster, and returns whether another process leads.

        Raises:
          SystemExit: This is an evaluator's process, which ends well.
        """
        task = self._task  # a mistake is told before TensorFlow is loaded
        if task.is_evaluator:
            print(_EVALUATOR, file=sys.stderr)
            raise SystemExit(0)
        from ytdnn.training import devices

        with self.watched():
            _ = devices.make(self.config.strategy, self.config.cluster).strategy
        return not task.is_chief

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Turns TensorFlow's errors about a lost process into one line."""
        from ytdnn.ops.cluster import strategies

        with strategies.one_line(self._task):
            yield

    @property
    def _task(self) -> tasks.Task:
        found = tasks.from_environment(self.config.strategy)
        if found is None:
            raise ValueError(f"expected a cluster, received {self.config.strategy}")
        return found


@registries.HOOKS.register("role of multi_worker")
class Workers(_Several):
    """The role of synchronous workers; the first worker leads."""

    def follow(self, several: Sequence["graph.Step"], workdir: pathlib.Path) -> None:
        """Joins the trainings that the chief runs."""
        from ytdnn.run.pipeline import sizes

        with self.watched():
            for step in several:
                if step.is_shared and self._word(_SKIPPED) == _MADE:
                    step.run(sizes.resolved(self.config, workdir), workdir)
            self._word(_SKIPPED)

    def says(self, is_made: bool) -> None:
        """Tells the workers whether the next training runs; at the end, none does."""
        self._word(_MADE if is_made else _SKIPPED)

    def _word(self, own: float) -> float:
        """Returns the chief's word; waits for it, or for all to hear it."""
        from ytdnn.training import devices

        return devices.make(self.config.strategy, self.config.cluster).agreed([own])[0]


@registries.HOOKS.register("role of parameter_server")
class ServedTables(_Several):
    """The role of the chief, or of a process that serves it until it ends."""

    def follows(self) -> bool:
        """Joins the cluster; a process that serves returns when the chief ends."""
        if self._task.is_chief or self._task.is_evaluator:
            return super().follows()
        from ytdnn.ops.cluster import strategies

        strategies.serve(self._task, self.config.cluster)
        return True
